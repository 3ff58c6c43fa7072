"""Benchmarks of training, compared with Keras `fit` and PyTorch, and of waiting times: `python -m mnist_lab bench`."""
