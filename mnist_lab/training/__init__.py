"""Training: the stock Keras model, a faster training step for it, evaluation, checkpoints and progress reports."""
