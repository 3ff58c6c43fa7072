"""Questions to a trained network, and their answers."""
