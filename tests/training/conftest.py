"""What makes trainings cheap where what is cheaper about them is not the point."""

from collections.abc import Iterator

import pytest
import tensorflow as tf

from tests.builders import training


@pytest.fixture
def few_to_evaluate() -> Iterator[None]:
    with training.few_to_evaluate():
        yield


@pytest.fixture
def eagerly() -> Iterator[None]:
    """TensorFlow's functions are run without being traced: for a few steps, tracing is most of a training."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
