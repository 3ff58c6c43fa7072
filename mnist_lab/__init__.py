"""MNIST Lab: understand convolutional networks by building them."""

__version__ = "0.7.0"
