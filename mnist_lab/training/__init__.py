"""Training a network: the stock Keras model, its steps in fewer operations, and what is reported meanwhile."""
