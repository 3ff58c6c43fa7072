"""Use cases of the lab: start, continue and repeat runs, read their state and results, predict times."""

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
ID_LIMIT = 2**63  # ids of the database are below


class Lab:
    """The use cases over one store, where they take more than a call of a repository.

    It has no state of its own: labs on the same store see the same runs. Whatever reads the state of runs first queues
    again those whose engine has crashed.

    Args:
        url: the store's URL; None for the default.

    Attributes:
        store: for what one call of a repository does.

    Raises:
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.store = Store(url)
        self._designs: dict[str, str] = {}  # an experiment of each design by its key, a hash of it: never out of date

    # Starting runs

    def start(self, experiment: Experiment, seeds: int = 1, *, by: Person) -> list[int]:
        """Queue an experiment with `seeds` consecutive seeds, starting with its own.

        Returns:
            The ids of the runs.

        Raises:
            InputError: as `start_all`, or `seeds` is not from 1 to 30.
        """
        if not 1 <= seeds <= MAX_SEEDS:
            raise InputError(f"Seeds: should be from 1 to {MAX_SEEDS}; received {seeds}.")
        return self.start_all([experiment.with_changes(seed=experiment.seed + i) for i in range(seeds)], by=by)

    def start_all(self, experiments: list[Experiment], *, by: Person) -> list[int]:
        """Queue experiments, all or none.

        Returns:
            The ids of the runs, in the same order.

        Raises:
            InputError: a network has too many parameters, or the disk has no room for what a run would write.
        """
        free = self.store.database.free_bytes()
        for experiment in experiments:
            if wrong := problem(experiment.architecture) or disk.refusal(experiment, free):
                raise wrong
        past, calibration = self._measured()
        predicted = [prediction.predict(experiment, past, calibration) for experiment in experiments]
        return self.store.queue.add(experiments, by.name, [(p.low, p.high) for p in predicted])

    def add_seeds(self, run_id: int, seeds: Iterable[int], *, by: Person) -> list[int]:
        """Queue a run's experiment with other seeds; returns and raises as `start_all`."""
        experiment = self.run(run_id).experiment
        return self.start_all([experiment.with_changes(seed=seed) for seed in seeds], by=by)

    def continue_run(self, run_id: int, epoch: int, recipe: Recipe, *, by: Person) -> int:
        """Queue a new run that continues an ended one from its checkpoint after an epoch.

        Args:
            recipe: of the new run; its number of epochs includes those already trained.

        Returns:
            The id of the new run.

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
        """Queue the training that a receipt describes; returns the run's id. Raises InputError as `start_all`."""
        (run_id,) = self.start_all([receipt.experiment.with_changes(name=receipt.name)], by=by)
        self.store.receipts.add(run_id, receipt.model_dump_json())
        return run_id

    def repeated(self, run: Run, rows: pd.DataFrame) -> str | None:
        """How a run that repeats a receipt's training compares with the receipt, in words; None for other runs.

        Args:
            rows: the table of all runs, from which the usual spread between seeds is estimated.
        """
        kept = self.store.receipts.get(run.id)
        if kept is None:
            return None
        receipt = parse(Receipt, kept)
        probabilities = self.store.runs.probabilities(run.id)
        if run.status is not Status.FINISHED or probabilities is None:
            return f"This run repeats run {receipt.run} of another lab; when it has finished, the two are compared."
        sd = comparison.usual_sd(rows, "test_accuracy")
        return repeated(receipt, run, probabilities, sd, self.store.runs.epochs([run.id]))

    def save_design(self, experiment: Experiment, *, by: Person, replaces: str | None = None) -> str | None:
        """Keep a design under its name, as `Designs.save`."""
        return self.store.designs.save(experiment, by.name, replaces=replaces)

    # How runs stand now

    def run(self, run_id: int) -> Run:
        """A run by its id, deleted or not.

        Raises:
            InputError: there is no such run.
        """
        run = self._current().runs.get(run_id) if 0 < run_id < ID_LIMIT else None
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        return run

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, as `Runs.some`."""
        wanted = list(run_ids)
        return self._current().runs.some(wanted) if wanted else {}

    def runs(self) -> list[Run]:
        """All runs that are not deleted, newest first."""
        return self._current().runs.all()

    def active(self) -> list[Run]:
        """The running runs, then the queued ones in the order in which they will be trained."""
        return self._current().queue.active()

    def table(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """The table of runs, newest first: a row per run, with the columns `results.table.COLUMNS`.

        Args:
            run_ids: only these runs; all where None.
            deleted: the deleted runs in place of the others.
        """
        listing = self._current().runs.listing(run_ids, deleted=deleted)
        if not self._designs.keys() >= set(listing["design_key"]):
            self._designs |= self.store.runs.experiments(but=self._designs)
        return results_table.table(listing, self._designs)

    def fields(self, design_key: str) -> dict[str, Any]:
        """All fields of a design that is in the table, by their titles."""
        return results_table.fields(self._designs[design_key])

    def fingerprint(self) -> tuple[Any, ...]:
        """A value that changes whenever the table does."""
        return self._current().runs.fingerprint()

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray]:
        """The weights that were validated after an epoch, by variable path; after the kept epoch where None.

        Raises:
            InputError: they are not kept.
        """
        found = self.store.trained.weights(run_id, epoch)
        if found is None:
            raise InputError(
                f"Run {run_id}: the weights of this epoch are not kept; choose another epoch, or train again."
            )
        return found

    # Predicted times and the engine

    def estimate(self, experiment: Experiment) -> Prediction:
        """The predicted training time of an experiment on this machine."""
        return prediction.predict(experiment, *self._measured())

    def waits(self, active: list[Run]) -> dict[int, float]:
        """Predicted seconds until each queued run among the `active` ones starts, by run id."""
        left = [
            _predicted(run) * (1 - min(1.0, run.steps_done / run.planned_steps))
            for run in active
            if run.status is Status.RUNNING
        ]
        waiting = [run for run in active if run.status is Status.QUEUED]
        return dict(zip([run.id for run in waiting], prediction.waits(left, map(_predicted, waiting)), strict=True))

    def shortage(self, run: Run) -> str | None:
        """Why the disk has no room for a queued run now, in a sentence; None where it has."""
        return disk.shortage(run.predicted_bytes or 0, self.store.queue.room())

    def engine_state(self) -> str | None:
        """`warming up`, `ready`, or `not working: …` with the reason; None where no engine is alive."""
        lease = self.store.lease.current()
        return lease.state if lease and (lease.is_live or lease.state.startswith(NOT_WORKING)) else None

    def _current(self) -> Store:
        """The store, after the runs of a crashed engine have been queued again."""
        self.store.lease.requeue_orphans()
        return self.store

    def _measured(self) -> tuple[list[Run], list[float]]:
        """What predictions are based on: the newest finished runs, and this machine's calibration."""
        past = self.store.runs.all(Status.FINISHED, limit=prediction.RECENT)
        return past, self.store.calibrations.get() or []


def _predicted(run: Run) -> float:
    """Predicted seconds of a run; half a minute where there is no prediction."""
    if run.predicted_low is None or run.predicted_high is None:
        return 30.0
    return (run.predicted_low + run.predicted_high) / 2
