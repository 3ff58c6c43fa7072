"""What a network and its training are, and what they cost; no TensorFlow here."""
