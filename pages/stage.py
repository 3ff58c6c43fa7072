"""Stage: what the projector shows, as the teacher chooses it. It has nothing to press."""

from mnist_lab.ui.lesson import stage

stage.show()
