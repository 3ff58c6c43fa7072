"""The commands of `python -m mnist_lab`, a module each: `HELP`, `declare` its arguments, `run` it to its exit status."""
