"""What is process-wide of TensorFlow."""

import subprocess
import sys

import tensorflow as tf
from tensorflow.python.framework import ops

from mnist_lab.data import mnist
from mnist_lab.training import runtime
from tests.builders.processes import ROOT


def test_the_environment_says_what_a_result_depends_on() -> None:
    found = runtime.environment()
    assert {"lab", "python", "tensorflow", "keras", "cpu", "cores", "threads", "data_sha256"} <= set(found)
    assert found["data_sha256"] == mnist.fingerprint()
    assert isinstance(found["threads"], int)
    assert found["threads"] >= 1
    assert found["cpu"] == runtime.cpu_name() != ""


def test_threads_of_a_worker_do_not_spin_while_they_wait() -> None:
    code = (
        "from mnist_lab.training import runtime; runtime.configure(2)\n"
        "import tensorflow as tf; tf.zeros(1)\n"
        "from tensorflow.python.eager import context\n"
        "config = context.context().config\n"
        "print(config.experimental.disable_thread_spinning, config.inter_op_parallelism_threads, runtime.parts())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "2", "2"]


def test_gradients_of_trainings_that_have_ended_are_released() -> None:
    def registered() -> set[str]:
        return {name for name in ops.gradient_registry._registry if name.startswith("CustomGradient-")}

    @tf.custom_gradient
    def doubled(x: tf.Tensor) -> tuple[tf.Tensor, object]:
        return 2 * x, lambda upstream: 2 * upstream

    def slope(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = doubled(x)
        return tape.gradient(y, x)

    before, compiled = registered(), tf.function(slope)
    assert compiled(tf.constant(1.0)).numpy() == 2
    assert registered() - before
    runtime.release()
    assert not registered()
    assert compiled(tf.constant(3.0)).numpy() == 2, "what was compiled before still works"
