"""A run as one file: what it was, what it was trained with, what came out; and whether another training repeats it."""

import hashlib
import io
import json
import logging
import zipfile
from math import sqrt
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from mnist_lab.design.blocks import Spec
from mnist_lab.design.experiment import Experiment, parse, parse_foreign
from mnist_lab.errors import InputError, one_line
from mnist_lab.names import Name
from mnist_lab.store.run import DECISIVE, Run, Status

FORMAT = 1
MAX_BYTES = 2_000_000
MAX_INDEX, MAX_TAIL = 50_000, 66_000  # bytes of an archive's list of members, and of what can come behind it
NAME = "receipt.json"
log = logging.getLogger(__name__)

_Text = Annotated[str, Field(max_length=300)]
_Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Metrics(Spec):
    """Results; accuracies are shares of 1, of the kept weights."""

    test_accuracy: float = Field(ge=0, le=1)
    test_loss: float = Field(ge=0)
    validation_accuracy: float = Field(ge=0, le=1)
    validation_loss: float = Field(ge=0)
    kept_epoch: int = Field(ge=0, le=1000)
    seconds: float = Field(ge=0)


class Line(Spec):
    """One epoch of the log."""

    epoch: int = Field(ge=1, le=1000)
    steps: int = Field(ge=0, lt=2**63)
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Receipt(Spec):
    """All that somebody else needs to train a run again, and to say whether the result is the same."""

    kind: Literal["mnist-lab receipt"] = "mnist-lab receipt"
    format: int = Field(default=FORMAT, ge=1)
    run: int = Field(ge=1, lt=2**63)
    name: Name
    status: Literal["finished"] = "finished"
    experiment: Experiment
    environment: dict[_Text, _Text | _Number | float | None] = Field(max_length=30)
    metrics: Metrics
    predictions_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    epochs: tuple[Line, ...] = Field(max_length=1000)

    @field_validator("format")
    @classmethod
    def _not_newer(cls, value: int) -> int:
        if value > FORMAT:
            raise ValueError(f"this receipt is of format {value}, which a newer lab wrote; this one reads {FORMAT}")
        return value


def predictions_hash(probabilities: np.ndarray) -> str:
    """SHA-256 of the probabilities of the ten digits for each test image, as little-endian float16 in C order."""
    return hashlib.sha256(np.ascontiguousarray(probabilities, dtype="<f2").tobytes()).hexdigest()


def make(run: Run, epochs: pd.DataFrame, probabilities: np.ndarray | None) -> Receipt:
    """The receipt of a finished run.

    Raises:
        InputError: it did not finish, or continues another: then its seed does not say all of its training.
    """
    if run.status is not Status.FINISHED:
        raise InputError(f"Run {run.id}: only a finished run has a receipt; this one is {run.status}.")
    if probabilities is None:
        raise InputError(f"Run {run.id}: its predictions are not kept, so it has no receipt; train it again.")
    if run.parent_id is not None:
        raise InputError(
            f"Run {run.id}: it continues run {run.parent_id}, so design and seed do not say all of its training; "
            "export that one."
        )
    columns = list(Line.model_fields)
    return parse(
        Receipt,
        {
            "run": run.id,
            "name": run.name,
            "experiment": run.experiment.model_dump(mode="json"),
            "environment": {key: value for key, value in run.environment.items() if not isinstance(value, dict | list)},
            "metrics": {name: getattr(run, name) for name in Metrics.model_fields},
            "predictions_sha256": predictions_hash(probabilities),
            "epochs": epochs[columns].to_dict("records"),
        },
    )


def written(receipt: Receipt, weights: dict[str, bytes] | None = None) -> bytes:
    """A receipt as a file: JSON, or with weights (files by name) a zip that has it as `receipt.json`."""
    text = json.dumps(receipt.model_dump(mode="json"), indent=2)
    if weights is None:
        return text.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, text)
        for name, data in weights.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def read(data: bytes) -> Receipt:
    """A receipt from a file that came from outside. Weights beside it are never looked at.

    Raises:
        InputError: it is too large, no such file, or says something impossible; one sentence on the first thing wrong.
    """
    return read_open(io.BytesIO(data))


def read_open(file: BinaryIO) -> Receipt:
    """The same from an open file, of which no more is read than a receipt can have."""
    data = file.read(MAX_BYTES + 1)
    if data[:2] == b"PK":
        data = _unzipped(file if file.seekable() else io.BytesIO(data))  # of a pipe there is no end to look at
    if len(data) > MAX_BYTES:
        raise InputError(f"Receipt: at most {MAX_BYTES // 1_000_000} MB; received more.")
    return parse_foreign(Receipt, data)


def _unzipped(file: BinaryIO) -> bytes:
    """The receipt in an archive; of what does not fit in a receipt's size, one byte more.

    Compressed in the one way that gives its data piece by piece: others first make all of it, however much that is.
    """
    try:
        _check_index(file)
        with zipfile.ZipFile(file) as archive:
            named = [member for member in archive.infolist() if member.filename == NAME]
            if len(named) != 1:
                raise InputError(f"Receipt: the archive should have one {NAME}; received {len(named)}.")
            if named[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputError(f"Receipt: {NAME} should be stored or deflated; received another kind of compression.")
            with archive.open(named[0]) as member:
                return member.read(MAX_BYTES + 1)  # whatever the archive says of its size
    except InputError:
        raise
    except Exception as error:
        # A damaged archive makes zipfile and zlib raise what they like, which is nobody's mistake but its own.
        log.info("a receipt's archive cannot be read", exc_info=error)
        raise InputError(f"Receipt: the archive cannot be read ({error}); export the run again.") from None


def _check_index(file: BinaryIO) -> None:
    """Refuse an archive whose list of members is far too long for one with a receipt: zipfile reads all of it at once."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - MAX_TAIL))
    tail = file.read(MAX_TAIL)
    # Where zipfile finds it: at the very end, else before a comment.
    at_end = tail[-22:-18] == b"PK\5\6" and tail[-2:] == b"\0\0"
    place = len(tail) - 22 if at_end else tail.rfind(b"PK\5\6")
    if place < 0:
        return
    is_long = tail[max(0, place - 20) : place][:4] == b"PK\6\7"  # announces one longer than 4 GB
    if is_long or int.from_bytes(tail[place + 12 : place + 16], "little") > MAX_INDEX:
        raise InputError("Receipt: the archive should have a receipt and weights; received one with far more in it.")


def repeated(
    receipt: Receipt, run: Run, probabilities: np.ndarray, sd: float | None, epochs: pd.DataFrame | None = None
) -> str:
    """Whether a finished run repeats a receipt: to the bit, within the spread of seeds, or not, and why perhaps not.

    Whatever the receipt states and the run contradicts is named; only seconds may be others.

    Args:
        sd: how far seeds of a design usually lie apart here in test accuracy; None where nobody has measured it.
        epochs: the run's log, to be compared with the receipt's.
    """
    theirs, ours = receipt.metrics.test_accuracy, run.test_accuracy or 0.0
    other = _differences(receipt.environment, run.environment)
    images = other.pop("data_sha256", None)
    contradicted = _contradicted(receipt, run, epochs)
    if predictions_hash(probabilities) == receipt.predictions_sha256:
        if wrong := contradicted | ({"data_sha256": images} if images else {}):
            return (
                "Not as the receipt states: every probability on the 10,000 test images is the same to the bit, but it says "
                f"otherwise of {_named(wrong)}. It has been changed, or put together of several runs."
            )
        words = "Reproduced to the bit: every probability on the 10,000 test images is the same."
        return f"{words} It was trained with another {_named(other)}." if other else words
    if images:
        return f"Not reproduced: the images are others ({theirs:.2%} there, {ours:.2%} here)."
    because = (
        f" It was trained with another {_named(other)}." if other else " Nothing known of the two machines differs."
    )
    if not contradicted:
        return (
            "Not as the receipt states: every figure is the same to the last digit, but the hash of the predictions is "
            f"another. It has been changed, or put together of several runs.{because}"
        )
    impossible = {name: values for name, values in contradicted.items() if name.endswith(("epochs", "steps"))}
    if impossible and not receipt.experiment.recipe.patience:  # else another machine may have ended earlier
        because += f" Its log cannot be of this design and recipe: {_named(impossible)}."
    error = sd if sd is not None else sqrt(max(theirs * (1 - theirs), 1e-5) / 10_000)
    spread = 100 * min(1.0, 1.96 * sqrt(2) * error)
    figures = f"test accuracy {theirs:.2%} there and {ours:.2%} here"
    is_within = 100 * abs(theirs - ours) <= spread
    if sd is None:
        words = "Reproduced within the spread that the test images leave" if is_within else "Not reproduced"
        unknown = "how far seeds of a design lie apart is not known here, where no design has two"
        return (
            f"{words}: {figures}. On 10,000 images two networks that are equally good differ by up to {spread:.2f} points; "
            f"{unknown}.{because}"
        )
    if is_within:
        return f"Reproduced within the spread: {figures}, and two seeds of a design differ by up to {spread:.2f} points.{because}"
    return f"Not reproduced: {figures}, and two seeds of a design differ by up to {spread:.2f} points only.{because}"


_Different = dict[str, tuple[Any, Any]]  # what: there, here


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> _Different:
    """What of a machine and its versions is not the same."""
    keys = [*DECISIVE, *(key for key in theirs if key not in DECISIVE)]
    return {key: (theirs.get(key), ours.get(key)) for key in keys if theirs.get(key) != ours.get(key)}


def _contradicted(receipt: Receipt, run: Run, epochs: pd.DataFrame | None) -> _Different:
    """Results and the log: what is not the same to the last digit; of the log the first line of each kind."""
    found: _Different = {}

    def compare(name: str, theirs: Any, ours: Any) -> None:
        if theirs != ours:
            found[name.replace("_", " ")] = (theirs, ours)

    for name in Metrics.model_fields:
        if name != "seconds":
            compare(name, getattr(receipt.metrics, name), getattr(run, name))
    if epochs is None:
        return found
    compare("number of epochs", len(receipt.epochs), len(epochs))
    lines = list(zip(receipt.epochs, epochs.to_dict("records"), strict=False))
    for name in [name for name in Line.model_fields if name != "seconds"]:
        first = next(((theirs, ours) for theirs, ours in lines if getattr(theirs, name) != ours[name]), None)
        if first:
            compare(f"epoch {first[1]['epoch']}'s {name}", getattr(first[0], name), first[1][name])
    return found


def _named(different: _Different, most: int = 8) -> str:
    def seen(value: Any) -> str:
        return "nothing" if value is None else one_line(str(value), 60)

    names = [
        f"{one_line(name, 60)} ({seen(there)} there, {seen(here)} here)" for name, (there, here) in different.items()
    ]
    if len(names) > most:
        names[most:] = [f"{len(names) - most} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
