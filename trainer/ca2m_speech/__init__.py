"""The models that hear: fetched, rewritten to be fast, and written down for the program."""
