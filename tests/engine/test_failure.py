"""Errors in words."""

import pytest

from mnist_lab.engine import failure
from mnist_lab.errors import TrainingError


def raised(inner: BaseException, outer: BaseException, *, plainly: bool) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            if plainly:
                raise outer from None
            raise outer from error
    except BaseException as error:
        return error


def test_the_cause_is_what_was_raised_first_unless_that_is_hidden() -> None:
    inner, outer = OSError("no such file\nor other"), RuntimeError("it failed")
    assert failure.cause(raised(inner, outer, plainly=False)) == "OSError: no such file"
    assert failure.cause(raised(OSError("x"), RuntimeError("it failed"), plainly=True)) == "RuntimeError: it failed"


def test_an_error_without_words_is_its_kind() -> None:
    assert failure.cause(MemoryError()) == "MemoryError"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TrainingError("Training diverged."), "Training diverged."),
        (
            ValueError("x" * 500 + "\nmore"),
            f"Training failed unexpectedly (ValueError: {'x' * 200}); the engine's log has the details.",
        ),
    ],
)
def test_why_a_run_failed_is_a_sentence(error: Exception, words: str) -> None:
    assert failure.of_training(error) == words
