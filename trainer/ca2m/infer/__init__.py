"""Who answers phrases about a picture: the network in PyTorch, a bundle in ONNX Runtime."""
