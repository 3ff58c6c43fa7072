"""Functions of tensors that read and write memory once rather than once for each of their operations."""

from collections.abc import Callable
from functools import cache, wraps

import tensorflow as tf


def fused(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Compile a function of elementwise operations with XLA, where TensorFlow has it; each shape takes it a moment.

    For convolutions and sums XLA is several times slower than TensorFlow on a CPU.
    """

    @cache
    def compiled() -> Callable[..., tf.Tensor]:  # at the first call: how many threads there are is settled by then
        return tf.function(function, jit_compile=_has_xla(), autograph=False)  # type: ignore[no-any-return]

    @wraps(function)
    def call(*tensors: tf.Tensor) -> tf.Tensor:
        return compiled()(*tensors)

    return call


@cache
def _has_xla() -> bool:
    with tf.init_scope():
        try:
            tf.function(lambda x: x + 1.0, jit_compile=True, autograph=False)(tf.constant(1.0))
        except tf.errors.OpError:
            return False
    return True
