"""What people do with the lab: start runs, continue, repeat and compare them, keep designs, ask how things stand."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.network import problem
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError
from mnist_lab.person import Person
from mnist_lab.results import comparison, prediction
from mnist_lab.results import table as results_table
from mnist_lab.results.prediction import Prediction
from mnist_lab.results.receipt import Receipt, repeated
from mnist_lab.store import disk
from mnist_lab.store.lease import NOT_WORKING
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store

MAX_SEEDS = 30
MORE_THAN_A_NUMBER = 2**63  # of a run: what the database cannot count to


class Lab:
    """The lab over one store: what takes more than reading or writing there. Who only does that uses the store itself.

    It holds nothing that is not in the store: two labs on one store see the same runs. Before it says how runs stand, it
    queues those again whose engine has died.

    Args:
        url: the store's URL; the default place where None.

    Raises:
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.store = Store(url)
        self._designs: dict[str, str] = {}  # an experiment of each by its key, which says all of it: never out of date

    # Starting runs

    def start(self, experiment: Experiment, seeds: int = 1, *, by: Person) -> list[int]:
        """Queue an experiment with `seeds` consecutive seeds, beginning with its own; the ids of the runs.

        Raises:
            InputError: the network is larger than is allowed, or the number of seeds is not from 1 to 30.
        """
        if not 1 <= seeds <= MAX_SEEDS:
            raise InputError(f"Seeds: should be from 1 to {MAX_SEEDS}; received {seeds}.")
        return self.start_all([experiment.with_changes(seed=experiment.seed + i) for i in range(seeds)], by=by)

    def start_all(self, experiments: list[Experiment], *, by: Person) -> list[int]:
        """Queue experiments, all or none; the ids of the runs.

        Raises:
            InputError: one is larger than allowed, or the disk has no room for what it would write.
        """
        free = self.store.database.free_bytes()
        for experiment in experiments:
            if wrong := problem(experiment.architecture) or disk.refusal(experiment, free):
                raise wrong
        past, calibration = self._measured()
        predicted = [prediction.predict(experiment, past, calibration) for experiment in experiments]
        return self.store.queue.add(experiments, by.name, [(p.low, p.high) for p in predicted])

    def add_seeds(self, run_id: int, seeds: Iterable[int], *, by: Person) -> list[int]:
        """Queue a run's design with some seeds; the ids of the runs. Raises InputError as of `start_all`."""
        experiment = self.run(run_id).experiment
        return self.start_all([experiment.with_changes(seed=seed) for seed in seeds], by=by)

    def continue_run(self, run_id: int, epoch: int, recipe: Recipe, *, by: Person) -> int:
        """Queue a new run that goes on from the checkpoint after an epoch of an ended run; the new run's id.

        Args:
            recipe: holds from there on; its epochs count from the first one.

        Raises:
            InputError: the run has not ended, has no such checkpoint, or the recipe has no further epochs.
        """
        run = self.run(run_id)
        if not run.status.is_ended:
            raise InputError(f"Run {run_id}: only a run that has ended can be continued; this one is {run.status}.")
        if recipe.epochs <= epoch:
            raise InputError(f"Epochs: should be more than the {epoch} it has already; received {recipe.epochs}.")
        experiment = run.experiment.with_changes(recipe=recipe.model_dump(mode="json"))
        if wrong := disk.refusal(experiment, self.store.database.free_bytes()):
            raise wrong
        whole = self.estimate(experiment)
        share = (recipe.epochs - epoch) / recipe.epochs
        predicted = (whole.low * share, whole.high * share)
        return self.store.queue.continue_run(run, epoch, experiment, by.name, predicted)

    def repeat(self, receipt: Receipt, *, by: Person) -> int:
        """Queue the training that a receipt describes; the run's id. Raises InputError as of `start_all`."""
        (run_id,) = self.start_all([receipt.experiment.with_changes(name=receipt.name)], by=by)
        self.store.receipts.add(run_id, receipt.model_dump_json())
        return run_id

    def repeated(self, run: Run, rows: pd.DataFrame) -> str | None:
        """For a run that repeats a receipt's training, how that turned out, in words; None for any other.

        Args:
            rows: the table of all runs, which knows how far seeds lie apart here.
        """
        kept = self.store.receipts.get(run.id)
        if kept is None:
            return None
        receipt = parse(Receipt, kept)
        probabilities = self.store.runs.probabilities(run.id)
        if run.status is not Status.FINISHED or probabilities is None:
            return f"It repeats run {receipt.run} of another lab, and is compared with it when it has finished."
        sd = comparison.usual_sd(rows, "test_accuracy")
        return repeated(receipt, run, probabilities, sd, self.store.runs.epochs([run.id]))

    def save_design(self, experiment: Experiment, *, by: Person, replaces: str | None = None) -> str | None:
        """Keep a design under its name; another one of that name, which is returned, stays unless it is `replaces`."""
        return self.store.designs.save(experiment, by.name, replaces=replaces)

    # How runs stand now

    def run(self, run_id: int) -> Run:
        """One run.

        Raises:
            InputError: there is none of that id.
        """
        run = self._current().runs.get(run_id) if 0 < run_id < MORE_THAN_A_NUMBER else None
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        return run

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, as of `Runs.some`."""
        return self._current().runs.some(run_ids)

    def runs(self) -> list[Run]:
        """Every run that is not deleted, newest first."""
        return self._current().runs.all()

    def active(self) -> list[Run]:
        """What runs and what waits, in the order it will be trained."""
        return self._current().queue.active()

    def table(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """The table of all runs, newest first, or of some, or of the deleted ones: a row a run, with the columns
        `results.COLUMNS`."""
        listing = self._current().runs.listing(run_ids, deleted=deleted)
        if not self._designs.keys() >= set(listing["design_key"]):
            self._designs |= self.store.runs.experiments(but=self._designs)
        return results_table.table(listing, self._designs)

    def fields(self, design_key: str) -> dict[str, Any]:
        """Every field of a design of the table, by its title."""
        return results_table.fields(self._designs[design_key])

    def fingerprint(self) -> tuple[Any, ...]:
        """Something that is another after any change that the table shows."""
        return self._current().runs.fingerprint()

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray]:
        """Weights by name as validated after an epoch, the kept one where None.

        Raises:
            InputError: they are not kept.
        """
        found = self.store.checkpoints.weights(run_id, epoch)
        if found is None:
            raise InputError(f"Run {run_id}: these weights are not kept; choose another epoch, or train it again.")
        return found

    # How long things take, and who does them

    def estimate(self, experiment: Experiment) -> Prediction:
        """What a run will take on this machine."""
        return prediction.predict(experiment, *self._measured())

    def waits(self, active: list[Run]) -> dict[int, float]:
        """For each waiting run of `active`, in how many seconds it will roughly begin."""
        left = [
            _predicted(run) * (1 - min(1.0, run.steps_done / run.planned_steps))
            for run in active
            if run.status is Status.RUNNING
        ]
        waiting = [run for run in active if run.status is Status.QUEUED]
        return dict(zip([run.id for run in waiting], prediction.waits(left, map(_predicted, waiting)), strict=True))

    def shortage(self, run: Run) -> str | None:
        """For a waiting run why the disk has no room for it now, in a sentence; None where it has."""
        return disk.shortage(run.predicted_bytes or 0, self.store.queue.room())

    def engine_state(self) -> str | None:
        """`warming up`, `ready`, or `not working: …` and why; None where no engine lives."""
        lease = self.store.lease.current()
        return lease.state if lease and (lease.is_live or lease.state.startswith(NOT_WORKING)) else None

    def _current(self) -> Store:
        """The store, with what a dead engine left queued again."""
        self.store.lease.requeue_orphans()
        return self.store

    def _measured(self) -> tuple[list[Run], list[float]]:
        """The newest finished runs, and what this machine's calibration found."""
        past = self.store.runs.all(Status.FINISHED, limit=prediction.RECENT)
        return past, self.store.calibrations.get() or []


def _predicted(run: Run) -> float:
    """Seconds that a run was expected to take; half a minute where nobody said."""
    if run.predicted_low is None or run.predicted_high is None:
        return 30.0
    return (run.predicted_low + run.predicted_high) / 2
