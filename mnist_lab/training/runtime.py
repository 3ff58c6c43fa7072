"""What is process-wide of TensorFlow: its threads, what a result depends on beside the experiment, what it would never free."""

import gc
import math
import platform
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.eager import context
from tensorflow.python.framework import ops

import mnist_lab
from mnist_lab import machine
from mnist_lab.data import mnist

PARTS = 2  # that a batch is trained in, where there is more than one thread


def configure(threads: int) -> None:
    """Let TensorFlow use so many threads. To be called before its first operation, else it raises RuntimeError."""
    # A step's two halves run side by side; the threads that are left share the operations of each.
    tf.config.threading.set_inter_op_parallelism_threads(min(threads, PARTS))
    tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // PARTS))
    # Threads that spin while they wait are quicker by 0 to 3 % when a run is alone, and take a sixth from one beside
    # it. TensorFlow has this setting, but in 2.21 no public function that sets it.
    settings = config_pb2.ConfigProto()
    settings.experimental.disable_thread_spinning = True
    context.context()._config = settings


def _threads() -> tuple[int, int]:
    """How many operations run side by side, and on how many threads each; 0 where nobody has said so."""
    read = tf.config.threading
    return read.get_inter_op_parallelism_threads(), read.get_intra_op_parallelism_threads()


def parts() -> int:
    """In how many parts, side by side, a batch is trained on the threads there are."""
    return 1 if _threads()[0] == 1 else PARTS


def environment() -> dict[str, str | int]:
    """What a result depends on beside the experiment: versions, machine, threads, data."""
    return {
        "lab": mnist_lab.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": version("keras"),
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": machine.cores(),
        "threads": math.prod(_threads()) or machine.schedulable_cores(),
        "data_sha256": mnist.fingerprint(),
    }


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def release() -> None:
    """Free what TensorFlow would keep for ever of trainings that have ended: some 10 MB each.

    A gradient of our own in a compiled function (`tf.custom_gradient`, in `batch_norm` and in TensorFlow's silu) is
    registered under a new name at each compilation, and holds the function with all that it captured. It is looked up
    only where a graph is differentiated that was made before; ours are differentiated by a tape while they are made.
    So no name is missed: not by a training, nor by a question that is answered meanwhile.
    """
    registry = ops.gradient_registry._registry
    for name in list(registry):
        if name.startswith("CustomGradient-"):
            registry.pop(name, None)
    gc.collect()
    context.context().clear_kernel_cache()
