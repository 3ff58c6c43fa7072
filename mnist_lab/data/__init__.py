"""MNIST, the figures of the notebook, drawings turned into digits, and perturbations of digits."""
