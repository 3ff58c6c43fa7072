"""Tables in, Vega-Lite out."""
