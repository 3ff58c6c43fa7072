"""MNIST Lab: understand convolutional networks by building them."""

__version__ = "0.6.0"
