"""A worker process: warming up, and freeing the memory of ended trainings."""

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
    """Import TensorFlow and train briefly, so that the first run starts at once; returns the memory of this process in
    bytes. Does nothing where it is warm already."""
    with _warming:
        if "mnist_lab.training.trainer" in sys.modules:
            return memory()
        # Nothing that is loaded is garbage, and looking for it takes a fifth of the time.
        gc.disable()
        try:
            from mnist_lab.training import compilation, runtime, trainer
        finally:
            gc.enable()
        runtime.configure(threads)
        runtime.environment()  # hashes the data, once for all runs
        # With batch normalisation, dropout and pooling, the preset that loads most of what first steps need.
        recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 1}
        short = PRESETS["3x3"].with_changes(protocol="holdout", train_images=256, recipe=recipe)
        trainer.train(short, lambda report: None, lambda: Command.CONTINUE)
        compilation.cache.clear()
        used = release_memory()
        gc.freeze()  # these objects stay; scanning them after each run would take longer than everything else there
        return used


def release_memory() -> int:
    """Free the memory of ended trainings and return it to the system; returns the memory of this process in bytes."""
    from mnist_lab.training import compilation

    compilation.cache.release()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only glibc has, and needs, this call
        ctypes.CDLL(None).malloc_trim(0)
    return memory()


def memory() -> int:
    """Resident memory of this process in bytes."""
    return int(psutil.Process().memory_info().rss)
