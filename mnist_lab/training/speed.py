"""Measurement of training speed."""

import math
import time

import numpy as np

from mnist_lab.design.experiment import Experiment
from mnist_lab.training.reports import Command
from mnist_lab.training.trainer import Training

STEPS = 10  # per call of the compiled function


def measure(experiment: Experiment, calls: int, most_seconds: float = math.inf) -> float:
    """Seconds per training step of an experiment: the median over `calls` calls, after one to warm up.

    Args:
        most_seconds: no further call starts when the calls have taken this long.
    """
    training = Training(experiment, lambda report: None, lambda: Command.CONTINUE)
    images = experiment.recipe.batch_size * STEPS
    order = np.arange(images, dtype=np.int32) % experiment.train_images
    steps = order, np.zeros((images, 8), np.float32), np.repeat(training.rates[-1:], STEPS)
    seconds = []
    for _ in range(calls + 1):
        began = time.perf_counter()
        training.steps(*steps)
        seconds.append(time.perf_counter() - began)
        if sum(seconds) > most_seconds:
            break
    return float(np.median(seconds[1:] or seconds)) / STEPS
