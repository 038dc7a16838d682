"""Public data sets, each read from the files that their authors give out into refs (see the dataset format)."""
