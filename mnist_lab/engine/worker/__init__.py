"""Functions that run in worker processes. TensorFlow is imported inside them, so that whoever submits them need not load it."""
