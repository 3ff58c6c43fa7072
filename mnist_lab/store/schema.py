"""What the database's tables hold: a run as a row, the columns that queries use, arrays as bytes.

The migrations define the tables.
"""

import io
import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Status, Wish, parse


@dataclass(frozen=True)
class Run:
    """One row of the table of runs. Accuracies are shares of 1; `validation_*` and `test_*` are of the kept weights,
    None until there are any.

    Attributes:
        predicted_low, predicted_high: seconds that it was expected to take; predicted_bytes: what it may write.
        position: waiting runs are trained in its order.
        deaths: how often in a row its worker died before it could keep anything.
        parent_id, parent_epoch: the run that it continues, and after which of its epochs.
        caveat: why its result may differ in the last digits from an undisturbed one.
        curve_json: the validation accuracy after each epoch.
        archived, deleted: when it was put aside; what is deleted can be had back for some days.
    """

    id: int
    name: str
    owner: str
    status: Status
    experiment_json: str
    design_key: str
    parameters: int
    created: float
    started: float | None
    ended: float | None
    stop_requested: float | None
    steps_done: int
    epochs_done: int
    best_validation_accuracy: float | None
    best_epoch: int | None
    last_validation_accuracy: float | None
    kept_epoch: int | None
    validation_accuracy: float | None
    validation_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    seconds: float | None
    reporting_seconds: float | None
    environment_json: str | None
    error: str | None
    predicted_low: float | None
    predicted_high: float | None
    predicted_bytes: int | None
    position: float
    pause_requested: float | None
    deaths: int
    parent_id: int | None
    parent_epoch: int | None
    caveat: str | None
    seed: int
    curve_json: str
    tags_json: str
    note: str
    archived: float | None
    deleted: float | None

    @cached_property
    def experiment(self) -> Experiment:
        """What was asked for, under the name that the run has now."""
        return parse(Experiment, self.experiment_json).model_copy(update={"name": self.name})

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, threads and data hash it was trained with; empty until it starts."""
        return json.loads(self.environment_json) if self.environment_json else {}

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Words that people found for it."""
        return tuple(json.loads(self.tags_json))

    @property
    def planned_steps(self) -> int:
        """Batches from first to last epoch; those of the run that it continues are among them."""
        return self.experiment.steps_per_epoch * self.experiment.recipe.epochs

    @property
    def wish(self) -> Wish:
        """What it is asked to do."""
        if self.stop_requested is not None:
            return Wish.STOP
        return Wish.GO_ON if self.pause_requested is None else Wish.PAUSE


def _table(name: str, columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns.split()))


DECISIVE = ("lab", "tensorflow", "keras", "cpu", "threads")  # of an environment: another one gives other last digits

RUN_FIELDS = {field.name.removesuffix("_json"): field.name for field in fields(Run)}
RUN = _table("runs", " ".join([*RUN_FIELDS, "engine", "edited"]))
RUN_COLUMNS = [RUN.c[column].label(name) for column, name in RUN_FIELDS.items()]
EPOCHS = _table("epochs", "run_id epoch steps loss accuracy validation_loss validation_accuracy seconds")
BATCHES = _table("batches", "run_id point step loss accuracy seconds")
CHECKPOINTS = _table("checkpoints", "run_id epoch weights step state")
STATES = _table("states", "run_id epoch step state")
SNAPSHOTS = _table("snapshots", "run_id epoch arrays")
PREDICTIONS = _table("predictions", "run_id probabilities")
CALIBRATIONS = _table("calibrations", "host ratios created is_quiet")
DESIGNS = _table("designs", "name owner experiment created")
CHOICES = _table("choices", "owner name value")
RECEIPTS = _table("receipts", "run_id receipt")
NOTICES = _table("notices", "id text")
ERRANDS = _table("errands", "id digest kind arguments until askers engine progress is_done error answer")
LEASE = _table("lease", "id engine host pid process_created heartbeat state")


def as_run(row: sa.Row[Any]) -> Run:
    """A row of `RUN_COLUMNS` as a run."""
    values = dict(row._mapping)
    return Run(**values | {"status": Status(values["status"])})


def packed(**arrays: np.ndarray) -> bytes:
    """Arrays by name as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def pressed(**arrays: np.ndarray) -> bytes:
    """Packed smaller and slower: for probabilities, most of which are 0 or 1; weights gain nothing by it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name from bytes; nothing in them is ever evaluated."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
