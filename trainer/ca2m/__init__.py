"""The trainer of deixis: data, network, losses, training, evaluation and export of CA²M."""
