"""Losses, the training loop, fine-tuning."""
