"""Figures, pages and pictures of what a network answers."""
