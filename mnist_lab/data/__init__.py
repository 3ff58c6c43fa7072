"""MNIST, the notebook's figures, digits drawn by hand, and what can happen to a digit."""
