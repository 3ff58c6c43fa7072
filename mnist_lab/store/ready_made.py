"""The ready-made network: a small trained one that ships with the lab, so that there is something to look into before
anything was trained.

It is a receipt with its weights and its answers to the test images, in the file beside this module, and a source of its own:
its number is 0, which no run in a database has, and it is in no listing, table, mean or export of one.
"""

import functools
import io
import json
import logging
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.network import totals, trace
from mnist_lab.errors import DataError
from mnist_lab.store.arrays import deserialized
from mnist_lab.store.run import Run, Status

ID = 0
FILE = Path(__file__).with_suffix(".zip")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadyMade:
    """The network: as a run, its weights by variable path, and its probabilities for the test images, `(10_000, 10)`."""

    run: Run
    weights: dict[str, np.ndarray]
    probabilities: np.ndarray


def load() -> ReadyMade:
    """The ready-made network. Raises DataError where its file is missing or damaged."""
    return _read(FILE)


@functools.lru_cache(maxsize=1)
def _read(file: Path) -> ReadyMade:
    try:
        with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
            receipt = json.loads(archive.read("receipt.json"))
            weights, answers = (deserialized(archive.read(f"{name}.npz")) for name in ("weights", "probabilities"))
        return ReadyMade(_as_run(receipt), weights, answers["probabilities"])
    except Exception as error:
        # On a damaged archive zipfile and zlib may raise any exception.
        log.info("the ready-made network cannot be read", exc_info=error)
        raise DataError(
            f"The ready-made network, {file}, cannot be read ({error}); install the project again."
        ) from None


def _as_run(receipt: dict[str, Any]) -> Run:
    """The run that a receipt describes."""
    experiment = parse(Experiment, receipt["experiment"])
    validated = [line["validation_accuracy"] for line in receipt["epochs"]]
    known = receipt["metrics"] | {
        "id": ID,
        "name": receipt["name"],
        "owner": "",
        "status": Status.FINISHED,
        "experiment_json": experiment.model_dump_json(),
        "design_key": experiment.design_key,
        "parameters": totals(trace(experiment.architecture)).parameters,
        "created": 0.0,
        "steps_done": sum(line["steps"] for line in receipt["epochs"]),
        "epochs_done": len(validated),
        "best_validation_accuracy": max(validated),
        "best_epoch": 1 + int(np.argmax(validated)),
        "last_validation_accuracy": validated[-1],
        "environment_json": json.dumps(receipt["environment"]),
        "position": 0.0,
        "crashes": 0,
        "seed": experiment.seed,
        "curve_json": json.dumps(validated),
        "tags_json": "[]",
        "is_unrevealed": False,
        "note": "",
    }
    return Run(**{field.name: None for field in fields(Run)} | known)
