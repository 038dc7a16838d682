"""The phrase writer: phrases that fit one box only, and other ways of saying them."""
