"""The network and its encoders."""
