"""The results database: runs, the queue, checkpoints, labels, questions."""
