"""Receipts: a finished run as one file, with experiment, environment and results; and whether another run reproduces it."""

import hashlib
import io
import json
import logging
import zipfile
from math import sqrt
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from mnist_lab.design.blocks import Spec, not_newer
from mnist_lab.design.experiment import Experiment, parse, parse_foreign
from mnist_lab.errors import InputError, one_line
from mnist_lab.names import Name
from mnist_lab.store.run import DECISIVE, Run, Status

FORMAT = 1
MAX_BYTES = 2_000_000
MAX_INDEX, MAX_TAIL = 50_000, 66_000  # bytes of an archive's central directory, and of what can follow it
NAME = "receipt.json"
log = logging.getLogger(__name__)

_Text = Annotated[str, Field(max_length=300)]
_Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Metrics(Spec):
    """The results of the kept weights; accuracies are in 0 to 1."""

    test_accuracy: float = Field(ge=0, le=1)
    test_loss: float = Field(ge=0)
    validation_accuracy: float = Field(ge=0, le=1)
    validation_loss: float = Field(ge=0)
    kept_epoch: int = Field(ge=0, le=1000)
    seconds: float = Field(ge=0)


class Line(Spec):
    """A line of the log, as of `reports.EpochPoint`."""

    epoch: int = Field(ge=1, le=1000)
    steps: int = Field(ge=0, lt=2**63)
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Receipt(Spec):
    """All that is needed to repeat a run elsewhere and to compare the results."""

    kind: Literal["mnist-lab receipt"] = "mnist-lab receipt"
    format: Annotated[int, not_newer("receipt", FORMAT)] = Field(default=FORMAT, ge=1)
    run: int = Field(ge=1, lt=2**63)
    name: Name
    status: Literal["finished"] = "finished"
    experiment: Experiment
    environment: dict[_Text, _Text | _Number | float | None] = Field(max_length=30)
    metrics: Metrics
    predictions_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    epochs: tuple[Line, ...] = Field(max_length=1000)


def predictions_hash(probabilities: np.ndarray) -> str:
    """SHA-256 of the predicted probabilities on the test images, as little-endian float16 in C order."""
    return hashlib.sha256(np.ascontiguousarray(probabilities, dtype="<f2").tobytes()).hexdigest()


def make(run: Run, epochs: pd.DataFrame, probabilities: np.ndarray | None) -> Receipt:
    """The receipt of a finished run.

    Raises:
        InputError: it did not finish, its results cannot be seen yet, or it continues another run, so that experiment and seed do not determine it.
    """
    if run.status is not Status.FINISHED:
        raise InputError(f"Run {run.id}: only a finished run has a receipt; this one is {run.status}.")
    if run.is_unrevealed:
        raise InputError(run.why_unrevealed)
    if probabilities is None:
        raise InputError(f"Run {run.id}: its predictions are not kept, so it has no receipt; train it again.")
    if run.parent_id is not None:
        raise InputError(
            f"Run {run.id}: it continues run {run.parent_id}, so design and seed do not determine its result; "
            f"export run {run.parent_id} instead."
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
    """A receipt as a file: JSON, or with weights, given as files by name, a zip archive with the receipt as `receipt.json`."""
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
    """The receipt in a file from elsewhere. Weights in it are not read.

    Raises:
        InputError: the file is too large, is not a receipt, or has an invalid value; one sentence on the first problem.
    """
    return read_open(io.BytesIO(data))


def read_open(file: BinaryIO) -> Receipt:
    """As `read`, from an open file; reads no more of it than a receipt can have."""
    data = file.read(MAX_BYTES + 1)
    if data[:2] == b"PK":
        data = _unzipped(file if file.seekable() else io.BytesIO(data))  # an archive is read from its end
    if len(data) > MAX_BYTES:
        raise InputError(f"Receipt: at most {MAX_BYTES // 1_000_000} MB; received more.")
    return parse_foreign(Receipt, data)


def _unzipped(file: BinaryIO) -> bytes:
    """The receipt in a zip archive, cut after `MAX_BYTES + 1` bytes.

    Only members that are stored or deflated, which are decompressed piece by piece: other methods decompress everything at
    once, whatever its size.
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
                return member.read(MAX_BYTES + 1)  # the size that the archive states may be wrong
    except InputError:
        raise
    except Exception as error:
        # On a damaged archive zipfile and zlib may raise any exception.
        log.info("a receipt's archive cannot be read", exc_info=error)
        raise InputError(f"Receipt: the archive cannot be read ({error}); export the run again.") from None


def _check_index(file: BinaryIO) -> None:
    """Refuse an archive whose central directory is too long, since zipfile reads all of it at once."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - MAX_TAIL))
    tail = file.read(MAX_TAIL)
    # The end-of-central-directory record, where zipfile looks for it: at the very end, else before a comment.
    at_end = tail[-22:-18] == b"PK\5\6" and tail[-2:] == b"\0\0"
    place = len(tail) - 22 if at_end else tail.rfind(b"PK\5\6")
    if place < 0:
        return
    is_zip64 = tail[max(0, place - 20) : place][:4] == b"PK\6\7"
    if is_zip64 or int.from_bytes(tail[place + 12 : place + 16], "little") > MAX_INDEX:
        raise InputError("Receipt: the archive should contain a receipt and weights; received one with far more files.")


def repeated(
    receipt: Receipt, run: Run, probabilities: np.ndarray, sd: float | None, epochs: pd.DataFrame | None = None
) -> str:
    """Whether a finished run reproduces a receipt, in words: to the bit, within the spread of seeds, or not, and possible
    reasons.

    Every statement of the receipt that the run contradicts is named, except for times.

    Args:
        probabilities: the run's, on the test images.
        sd: the usual standard deviation of test accuracy between seeds of a design; None where it is not known.
        epochs: the run's log, to be compared with the receipt's.
    """
    theirs, ours = receipt.metrics.test_accuracy, run.test_accuracy or 0.0
    other = _differences(receipt.environment, run.environment)
    images = other.pop("data_sha256", None)
    contradicted = _contradicted(receipt, run, epochs)
    if predictions_hash(probabilities) == receipt.predictions_sha256:
        if wrong := contradicted | ({"data_sha256": images} if images else {}):
            return (
                "Not as the receipt states: every probability on the 10,000 test images is the same to the bit, but the receipt "
                f"differs in {_named(wrong)}. It has been altered, or combined from several runs."
            )
        words = "Reproduced to the bit: every probability on the 10,000 test images is the same."
        return f"{words} The environments differ in {_named(other)}." if other else words
    if images:
        return f"Not reproduced: the images differ (test accuracy {theirs:.2%} there, {ours:.2%} here)."
    because = (
        f" The environments differ in {_named(other)}."
        if other
        else " No difference between the two machines is known."
    )
    if not contradicted:
        return (
            "Not as the receipt states: every figure is the same to the last digit, but the hash of the predictions "
            f"differs. The receipt has been altered, or combined from several runs.{because}"
        )
    impossible = {name: values for name, values in contradicted.items() if name.endswith(("epochs", "steps"))}
    if impossible and not receipt.experiment.recipe.patience:  # with early stopping another machine may end earlier
        because += f" Its log cannot be of this design and recipe: {_named(impossible)}."
    error = sd if sd is not None else sqrt(max(theirs * (1 - theirs), 1e-5) / 10_000)
    spread = 100 * min(1.0, 1.96 * sqrt(2) * error)
    figures = f"test accuracy {theirs:.2%} there and {ours:.2%} here"
    is_within = 100 * abs(theirs - ours) <= spread
    if sd is None:
        words = "Reproduced within the uncertainty of the test images" if is_within else "Not reproduced"
        unknown = "the spread between seeds of a design is not known here, where no design has two"
        return (
            f"{words}: {figures}. On 10,000 images two equally good networks differ by up to {spread:.2f} points; "
            f"{unknown}.{because}"
        )
    if is_within:
        return f"Reproduced within the spread: {figures}, and two seeds of a design differ by up to {spread:.2f} points.{because}"
    return f"Not reproduced: {figures}, but two seeds of a design differ by no more than {spread:.2f} points.{because}"


_Different = dict[str, tuple[Any, Any]]  # by what differs: the values there and here


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> _Different:
    """What differs between two environments."""
    keys = [*DECISIVE, *(key for key in theirs if key not in DECISIVE)]
    return {key: (theirs.get(key), ours.get(key)) for key in keys if theirs.get(key) != ours.get(key)}


def _contradicted(receipt: Receipt, run: Run, epochs: pd.DataFrame | None) -> _Different:
    """What differs, in any digit, between a receipt and a run: results, and of each column of the log the first line."""
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
    def shown(value: Any) -> str:
        return "nothing" if value is None else one_line(str(value), 60)

    names = [
        f"{one_line(name, 60)} ({shown(there)} there, {shown(here)} here)" for name, (there, here) in different.items()
    ]
    if len(names) > most:
        names[most:] = [f"{len(names) - most} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
