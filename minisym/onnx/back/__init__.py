"""What the ops of ONNX are in minisym: one function for each, by families."""
