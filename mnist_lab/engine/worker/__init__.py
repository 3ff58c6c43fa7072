"""What happens in a worker process. TensorFlow is imported inside functions only: whoever submits them need not load it."""
