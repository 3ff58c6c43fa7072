"""TensorFlow's process-wide state: threads, the environment of a result, and memory that it would never free."""

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

PARTS = 2  # of a batch that are trained in parallel, where there is more than one thread


def configure(threads: int) -> None:
    """Let TensorFlow use `threads` threads. Raises RuntimeError after TensorFlow's first operation."""
    # The two halves of a batch run in parallel, and the remaining threads share the operations of each.
    tf.config.threading.set_inter_op_parallelism_threads(min(threads, PARTS))
    tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // PARTS))
    # Threads that spin while waiting speed up a single run by 0 to 3 %, and slow down another one beside it by a sixth.
    # TensorFlow 2.21 has no public function for this setting.
    settings = config_pb2.ConfigProto()
    settings.experimental.disable_thread_spinning = True
    context.context()._config = settings


def _threads() -> tuple[int, int]:
    """Numbers of threads between and within operations; 0 where not set."""
    read = tf.config.threading
    return read.get_inter_op_parallelism_threads(), read.get_intra_op_parallelism_threads()


def parts() -> int:
    """Number of parts of a batch that are trained in parallel with the present number of threads."""
    return 1 if _threads()[0] == 1 else PARTS


def environment() -> dict[str, str | int]:
    """What a result depends on besides the experiment: versions, machine, threads, data."""
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
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def release(*, kernels: bool = True) -> None:
    """Free what TensorFlow would otherwise keep of each compilation, some 10 MB.

    At each compilation, a custom gradient (`tf.custom_gradient`, in `batch_norm` and in TensorFlow's silu) is registered
    under a new name, and keeps its function and all that this captured alive. Names are looked up only when a finished
    graph is differentiated; ours are differentiated by a tape while they are traced. So removing all names harms neither
    a training nor a question of Inspect that is being answered.

    Args:
        kernels: also free the kernels of operations that were called before; functions that are still used are then
            optimised again.
    """
    registry = ops.gradient_registry._registry
    for name in list(registry):
        if name.startswith("CustomGradient-"):
            registry.pop(name, None)
    gc.collect()
    if kernels:
        context.context().clear_kernel_cache()
