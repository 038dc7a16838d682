"""The trainer of deixis: data, network, losses, training, evaluation and export of CA²M."""

import os

# ONNX Runtime 1.29 and later tells its makers which models it runs unless this is set before its first import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
