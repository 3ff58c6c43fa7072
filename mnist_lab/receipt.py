"""A run as one file: what it was, what it was trained with, what came out; and whether another training repeats it."""

import hashlib
import io
import json
import zipfile
from math import sqrt
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from mnist_lab.architecture import Spec
from mnist_lab.errors import InputError
from mnist_lab.experiment import Experiment, Status, parse
from mnist_lab.names import Name
from mnist_lab.tables import DECISIVE, Run

FORMAT = 1
MAX_BYTES = 2_000_000
NAME = "receipt.json"
Text = Field(max_length=200)


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
    steps: int = Field(ge=0)
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Receipt(Spec):
    """All that somebody else needs to train a run again, and to say whether the result is the same."""

    kind: Literal["mnist-lab receipt"] = "mnist-lab receipt"
    format: int = Field(default=FORMAT, ge=1)
    run: int = Field(ge=1)
    name: Name
    status: Literal["finished"] = "finished"
    experiment: Experiment
    environment: dict[str, str | int | float | None] = Field(max_length=30)
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
    if data[:2] == b"PK":
        data = _unzipped(data)
    if len(data) > MAX_BYTES:
        raise InputError(f"Receipt: at most {MAX_BYTES // 1_000_000} MB; received {len(data) / 1e6:.1f} MB.")
    return parse(Receipt, data)


def _unzipped(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(NAME) as file:
            return file.read(MAX_BYTES + 1)  # whatever the archive says of its size
    except KeyError:
        raise InputError(f"Receipt: the archive has no {NAME}; export the run again.") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise InputError(f"Receipt: the archive cannot be read ({error}); export the run again.") from None


def repeated(receipt: Receipt, run: Run, probabilities: np.ndarray, sd: float | None) -> str:
    """Whether a finished run repeats a receipt: to the bit, within the spread of seeds, or not, and why perhaps not.

    Args:
        sd: how far seeds of a design usually lie apart here in test accuracy; the test set's own sampling error where
            nobody knows.
    """
    theirs, ours = receipt.metrics.test_accuracy, run.test_accuracy or 0.0
    if predictions_hash(probabilities) == receipt.predictions_sha256:
        return "Reproduced to the bit: every probability on the 10,000 test images is the same."
    other = _differences(receipt.environment, run.environment)
    because = f" It was trained with another {other}." if other else " Nothing known of the two machines differs."
    if receipt.environment.get("data_sha256") != run.environment.get("data_sha256"):
        return f"Not reproduced: the images are others ({theirs:.2%} there, {ours:.2%} here)."
    spread = min(1.0, 1.96 * sqrt(2) * (sd or sqrt(max(theirs * (1 - theirs), 1e-5) / 10_000)))
    figures = f"test accuracy {theirs:.2%} there and {ours:.2%} here"
    if abs(theirs - ours) <= spread:
        return (
            f"Reproduced within the spread: {figures}, and two seeds of a design differ by up to "
            f"{100 * spread:.2f} points.{because}"
        )
    return (
        f"Not reproduced: {figures}, and two seeds of a design differ by up to {100 * spread:.2f} points only.{because}"
    )


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    found = [
        f"{key} ({theirs.get(key)} there, {ours.get(key)} here)" for key in DECISIVE if theirs.get(key) != ours.get(key)
    ]
    return " and ".join(found)
