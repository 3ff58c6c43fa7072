"""A worker process: it is warmed up once, and frees what each training leaves."""

import contextlib
import ctypes
import gc
import sys
import threading

import psutil

from mnist_lab.design.presets import PRESETS
from mnist_lab.training.reports import Command

_warming = threading.Lock()


def warm_up(threads: int) -> int:
    """Import TensorFlow and train a moment, so that the first real run starts at once; the memory it has then, in bytes."""
    with _warming:
        if "mnist_lab.training.trainer" in sys.modules:
            return memory()
        from mnist_lab.training import runtime, trainer

        runtime.configure(threads)
        runtime.environment()  # hashes the data, once for all runs
        # Batch normalisation, dropout, pooling: the network with most of what a first step has to load.
        recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 1}
        moment = PRESETS["3x3"].with_changes(protocol="holdout", train_images=256, recipe=recipe)
        trainer.train(moment, lambda report: None, lambda: Command.CONTINUE)
        used = release_memory()
        gc.freeze()  # what is here now stays: to look through it after each run would take longer than all the rest
        return used


def release_memory() -> int:
    """Give back what trainings that have ended left; the memory of this process then, in bytes."""
    from mnist_lab.training import runtime

    runtime.release()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc keeps what is freed; others have no such call
        ctypes.CDLL(None).malloc_trim(0)
    return memory()


def memory() -> int:
    """The memory of this process in bytes."""
    return int(psutil.Process().memory_info().rss)
