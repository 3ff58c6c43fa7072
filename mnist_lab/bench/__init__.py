"""What the lab's speed is, beside what a person would use instead: `python -m mnist_lab bench`."""
