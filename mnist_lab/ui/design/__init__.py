"""Components of the Design page."""
