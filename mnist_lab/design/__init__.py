"""Networks and training recipes as data: what they consist of, and what they cost. Independent of TensorFlow."""
