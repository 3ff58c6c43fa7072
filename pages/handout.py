"""Handout: what somebody made in a lesson, on a page to print; for the teacher one of each pupil."""

from mnist_lab.ui import head, navigation
from mnist_lab.ui.lesson import handout

head.show(navigation.HANDOUT)
handout.show()
