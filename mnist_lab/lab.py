"""What pages and the command line talk to: start, stop, look."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.design.experiment import Experiment, Status, parse
from mnist_lab.design.network import problem
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError
from mnist_lab.names import person
from mnist_lab.results import comparison, prediction
from mnist_lab.results import table as results_table
from mnist_lab.results.prediction import Prediction
from mnist_lab.results.receipt import Receipt, repeated
from mnist_lab.store import disk
from mnist_lab.store.labels import Change
from mnist_lab.store.questions import Errand
from mnist_lab.store.store import NOT_WORKING, Run, Store
from mnist_lab.training.reports import Snapshot

MAX_SEEDS = 30
MORE_THAN_A_NUMBER = 2**63  # of a run: what the database cannot count to


@dataclass(frozen=True)
class Progress:
    """A run as it is now: its row, the log's lines so far and the points of its training curve."""

    run: Run
    epochs: pd.DataFrame
    batches: pd.DataFrame


def _predicted(run: Run) -> float:
    """Seconds that a run was expected to take; half a minute where nobody said."""
    if run.predicted_low is None or run.predicted_high is None:
        return 30.0
    return (run.predicted_low + run.predicted_high) / 2


class Lab:
    """The lab over one store. Holds no state of its own: two labs on one store see the same runs.

    Args:
        url: the store's URL; the default place where None.

    Raises:
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.store = Store(url)
        self._designs: dict[str, str] = {}  # an experiment of each by its key, which says all of it: never out of date

    @property
    def url(self) -> str:
        """The store's URL."""
        return self.store.url

    def start(self, experiment: Experiment, seeds: int = 1) -> list[int]:
        """Queue an experiment with `seeds` consecutive seeds, beginning with its own; the ids of the runs.

        Raises:
            InputError: the network is larger than is allowed, or the number of seeds is not from 1 to 30.
        """
        if not 1 <= seeds <= MAX_SEEDS:
            raise InputError(f"Seeds: should be from 1 to {MAX_SEEDS}; received {seeds}.")
        return self.start_all([experiment.with_changes(seed=experiment.seed + i) for i in range(seeds)])

    def start_all(self, experiments: list[Experiment]) -> list[int]:
        """Queue experiments, all or none; the ids of the runs.

        Raises:
            InputError: one is larger than allowed, or the disk has no room for what it would write.
        """
        free = self.store.free_bytes()
        for experiment in experiments:
            if wrong := problem(experiment.architecture) or disk.refusal(experiment, free):
                raise wrong
        past, calibration = self._measured()
        predicted = [prediction.predict(experiment, past, calibration) for experiment in experiments]
        return self.store.add_runs(experiments, person(), [(p.low, p.high) for p in predicted])

    def shortage(self, run: Run) -> str | None:
        """For a waiting run why the disk has no room for it now, in a sentence; None where it has."""
        return disk.shortage(run.predicted_bytes or 0, self.store.room())

    def stop(self, *run_ids: int) -> None:
        """Cancel waiting runs; have running ones stop within two seconds and keep what they learnt."""
        self.store.request_stop(*run_ids)

    def pause(self, *run_ids: int) -> None:
        """Hold waiting runs back; have running ones leave their worker within seconds, to go on where they were."""
        self.store.request_pause(*run_ids)

    def resume(self, run_ids: list[int]) -> None:
        """Put paused and interrupted runs at the front of the queue."""
        self.store.resume(run_ids)

    def move(self, run_id: int, places: int) -> None:
        """Move a waiting run by so many places, forward where negative."""
        self.store.move(run_id, places)

    def resumable(self) -> list[Run]:
        """What was paused or interrupted, oldest first."""
        return self.store.resumable()

    def waits(self, active: list[Run]) -> dict[int, float]:
        """For each waiting run of `active`, in how many seconds it will roughly begin."""
        left = [
            _predicted(run) * (1 - min(1.0, run.steps_done / run.planned_steps))
            for run in active
            if run.status is Status.RUNNING
        ]
        waiting = [run for run in active if run.status is Status.QUEUED]
        return dict(zip([run.id for run in waiting], prediction.waits(left, map(_predicted, waiting)), strict=True))

    def continue_run(self, run_id: int, epoch: int, recipe: Recipe) -> int:
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
        if wrong := disk.refusal(experiment, self.store.free_bytes()):
            raise wrong
        whole = self.estimate(experiment)
        share = (recipe.epochs - epoch) / recipe.epochs
        predicted = (whole.low * share, whole.high * share)
        return self.store.continue_run(run, epoch, experiment, person(), predicted)

    def checkpoints(self, run_id: int) -> dict[int, bool]:
        """The epochs whose weights are kept, and whether training can go on from each."""
        return self.store.checkpoints(run_id)

    def children(self, run_id: int) -> list[int]:
        """The runs that continue a run."""
        return self.store.children(run_id)

    def pictured(self, run_id: int) -> list[int]:
        """The epochs after which there is a picture of the network."""
        return self.store.snapshots(run_id)

    def snapshot(self, run_id: int, epoch: int) -> Snapshot | None:
        """The picture of a network after an epoch, or None."""
        return self.store.snapshot(run_id, epoch)

    def runs(self) -> list[Run]:
        """Every run ever made, newest first."""
        self.store.requeue_orphans()
        return self.store.runs()

    def table(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """The table of all runs, newest first, or of some, or of the deleted ones: a row a run, with the columns
        `results.COLUMNS`."""
        self.store.requeue_orphans()
        listing = self.store.listing(run_ids, deleted=deleted)
        if not self._designs.keys() >= set(listing["design_key"]):
            self._designs |= self.store.experiments(but=self._designs)
        return results_table.table(listing, self._designs)

    def fields(self, design_key: str) -> dict[str, Any]:
        """Every field of a design of the table, by its title."""
        return results_table.fields(self._designs[design_key])

    def fingerprint(self) -> tuple[Any, ...]:
        """Something that is another after any change that the table shows."""
        self.store.requeue_orphans()
        return self.store.fingerprint()

    def label(self, run_ids: Iterable[int], **labels: Any) -> list[Change]:
        """Set name, tags, note, archived or deleted of runs, as of `Catalogue.label`; what it changed, for `undo_labels`.

        Raises:
            InputError: a text is too long or empty, one that trains was to be deleted, or somebody wrote meanwhile.
        """
        return self.store.label(run_ids, **labels)

    def undo_labels(self, changes: list[Change]) -> list[str]:
        """Undo what `label` did, label by label; for each that somebody has written since, which one that is."""
        return self.store.undo_labels(changes)[1]

    def choice(self, owner: str, name: str) -> Any:
        """What a person chose last under a name, or None."""
        return self.store.choice(owner, name)

    def choose(self, owner: str, name: str, value: Any) -> None:
        """Keep a person's choice under a name."""
        self.store.choose(owner, name, value)

    def notices(self) -> dict[int, str]:
        """What a migration has to tell the person who looks next, by number."""
        return self.store.notices()

    def dismiss(self, notice: int) -> None:
        """Tell a notice no more."""
        self.store.dismiss(notice)

    def probabilities(self, run_id: int) -> np.ndarray | None:
        """Of the ten digits for each test image, float16 `(10_000, 10)`; None where a run was never tested."""
        return self.store.probabilities(run_id)

    def repeat(self, receipt: Receipt) -> int:
        """Queue the training that a receipt tells of; the run's id. Raises InputError as of `start_all`."""
        (run_id,) = self.start_all([receipt.experiment.with_changes(name=receipt.name)])
        self.store.keep_receipt(run_id, receipt.model_dump_json())
        return run_id

    def repeated(self, run: Run, rows: pd.DataFrame) -> str | None:
        """For a run that repeats a receipt's training, how that turned out, in words; None for any other.

        Args:
            rows: the table of all runs, which knows how far seeds lie apart here.
        """
        kept = self.store.receipt(run.id)
        if kept is None:
            return None
        receipt = parse(Receipt, kept)
        probabilities = self.probabilities(run.id)
        if run.status is not Status.FINISHED or probabilities is None:
            return f"It repeats run {receipt.run} of another lab, and is compared with it when it has finished."
        sd = comparison.usual_sd(rows, "test_accuracy")
        return repeated(receipt, run, probabilities, sd, self.store.epochs([run.id]))

    def ask(self, kind: str, **arguments: Any) -> int:
        """Ask a worker something about a trained network (`inspection.KINDS`); the errand's id."""
        return self.store.ask(kind, arguments)

    def errand(self, errand_id: int) -> Errand | None:
        """How far an errand is, or None where it is gone."""
        return self.store.errand(errand_id)

    def answer(self, errand_id: int) -> dict[str, np.ndarray]:
        """The answer of an errand that is done, arrays by name."""
        return self.store.answer(errand_id) or {}

    def forget(self, errand_id: int) -> None:
        """Nobody waits here for an errand any more."""
        self.store.forget(errand_id)

    def add_seeds(self, run_id: int, seeds: Iterable[int]) -> list[int]:
        """Queue a run's design with some seeds."""
        experiment = self.run(run_id).experiment
        return self.start_all([experiment.with_changes(seed=seed) for seed in seeds])

    def recent(self) -> list[Run]:
        """The newest hundred runs, newest first."""
        return self.store.runs(limit=100)

    def with_weights(self) -> list[Run]:
        """The newest hundred runs into which one can look, newest first."""
        return self.store.with_weights(limit=100)

    def best_with_weights(self) -> Run | None:
        """Of the runs into which one can look, the finished one with the best validation accuracy."""
        return self.store.best_with_weights()

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray]:
        """Weights by name as validated after an epoch, the kept one where None.

        Raises:
            InputError: they are not kept.
        """
        found = self.store.weights(run_id, epoch)
        if found is None:
            raise InputError(f"Run {run_id}: these weights are not kept; choose another epoch, or train it again.")
        return found

    def active(self) -> list[Run]:
        """What runs and what waits, in the order it will be trained."""
        self.store.requeue_orphans()
        return self.store.active()

    def run(self, run_id: int) -> Run:
        """One run.

        Raises:
            InputError: there is none of that id.
        """
        self.store.requeue_orphans()
        run = self.store.run(run_id) if 0 < run_id < MORE_THAN_A_NUMBER else None
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        return run

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, deleted or not, in the order given; without those that are gone."""
        self.store.requeue_orphans()
        return self.store.some(run_ids)

    def recorded(self, run_id: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The log's lines of a run so far and the points of its training curve."""
        return self.store.epochs([run_id]), self.store.batches(run_id)

    def engine_state(self) -> str | None:
        """`warming up`, `ready`, or `not working: …` and why; None where no engine lives."""
        lease = self.store.lease()
        return lease.state if lease and (lease.is_live or lease.state.startswith(NOT_WORKING)) else None

    def estimate(self, experiment: Experiment) -> Prediction:
        """What a run will take on this machine."""
        return prediction.predict(experiment, *self._measured())

    def _measured(self) -> tuple[list[Run], list[float]]:
        return self.store.runs(Status.FINISHED, limit=prediction.RECENT), self.store.calibration() or []

    def save_design(self, experiment: Experiment, *, replaces: str | None = None) -> str | None:
        """Keep a design under its name; another one of that name, which is returned, stays unless it is `replaces`."""
        return self.store.save_design(experiment, person(), replaces=replaces)

    def designs(self) -> dict[str, str]:
        """Kept designs by name, each as JSON."""
        return self.store.designs()

    def delete_design(self, name: str) -> None:
        """Keep a design no longer."""
        self.store.delete_design(name)

    def latest(self) -> Run | None:
        """The run that ended last of those that have a curve."""
        return self.store.latest()

    def epochs(self, run_ids: list[int]) -> pd.DataFrame:
        """The logs of runs, a row an epoch."""
        return self.store.epochs(run_ids)
