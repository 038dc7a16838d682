"""Referring expressions and photos: files, public sources, training samples."""
