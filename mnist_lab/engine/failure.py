"""Errors of workers and of the engine, in words."""

from mnist_lab.errors import LabError


def cause(error: BaseException | None) -> str:
    """The root cause of an error in a line; the errors chained to it say only that something failed."""
    while error and (error.__cause__ or (error.__context__ and not error.__suppress_context__)):
        error = error.__cause__ or error.__context__
    first = _first_line(error)
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def of_training(error: BaseException | None) -> str:
    """Why a run failed, in a sentence."""
    if isinstance(error, LabError):
        return str(error)
    first = _first_line(error)[:200]
    return f"Training failed unexpectedly ({type(error).__name__}: {first}); the engine's log has the details."


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [""])[0]
