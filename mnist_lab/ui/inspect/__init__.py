"""Components of the Inspect page."""
