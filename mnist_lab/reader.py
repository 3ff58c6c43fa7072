"""What somebody may see of the runs: how they stand, their results, whose turn is when."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab import workers
from mnist_lab.classroom.rights import Rights
from mnist_lab.design.experiment import parse
from mnist_lab.errors import InputError
from mnist_lab.person import Kind
from mnist_lab.results import comparison, prediction
from mnist_lab.results import table as results_table
from mnist_lab.results.receipt import Receipt, repeated
from mnist_lab.store import ready_made
from mnist_lab.store.run import Run, Status
from mnist_lab.store.runs import DELETED_DAYS, Runs
from mnist_lab.store.store import Store
from mnist_lab.store.studies import StoredStudy
from mnist_lab.studies.study import Study, read

ID_LIMIT = 2**63  # ids of the database are below


class Reader:
    """The runs that one person may see, as they are now. Made anew for each look.

    What is independent of who asks, as the checkpoints of a run that was found here, is read from the store.

    Args:
        store: in which the runs of a crashed engine have been queued again.
        rights: of whoever looks.
        designs: an experiment of each design by its key, as JSON; kept from reader to reader, and added to.

    Attributes:
        rights: of whoever looks.
        runs: the runs they see.

    Raises:
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store, rights: Rights, designs: dict[str, str]) -> None:
        self._store = store
        self._designs = designs
        self.rights = rights
        self.runs: Runs = rights.seen(store.runs)

    def run(self, run_id: int) -> Run:
        """A run by its id, deleted or not.

        Raises:
            InputError: there is no such run, or it belongs to a study that is sealed.
        """
        run = self.runs.get(run_id) if 0 < run_id < ID_LIMIT else None
        if run is None:
            raise InputError(
                self.why_sealed(run_id)
                or f"Run: there is none with the number {run_id}; the Results page lists all there are."
            )
        return run

    def why_sealed(self, run_id: int) -> str:
        """Why a run that exists cannot be seen, in a sentence: its study is sealed. Empty where that is not the reason."""
        run = self._store.runs.get(run_id) if 0 < run_id < ID_LIMIT else None
        if run is None or self.rights.view not in (None, run.owner):
            return ""
        study_id = self._store.studies.sealing(run_id)
        if not study_id:
            return ""
        return (
            f"Run {run_id} belongs to study {study_id}, whose results nobody has looked at yet; they can be seen when its last run "
            "has ended."
        )

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """Runs by their ids, as `Runs.some`."""
        wanted = list(run_ids)
        return self.runs.some(wanted) if wanted else {}

    def active(self) -> list[Run]:
        """The running runs, then the queued ones in the order in which they will be trained. Of studies only what trains, where
        it may be seen: what waits is told by `queued_studies`."""
        return self._seen(self._active)

    def resumable(self) -> list[Run]:
        """The paused and the interrupted runs, oldest first; without those of studies, as `active`."""
        return self._seen(self._store.queue.resumable())

    def study(self, study_id: int) -> Study:
        """A study by its id, deleted or not.

        Raises:
            InputError: there is no such study.
        """
        found = self._store.studies.get(study_id) if 0 < study_id < ID_LIMIT else None
        if found is None or not self._sees(found):
            raise InputError(f"Study: there is none with the number {study_id}; the Studies page lists all there are.")
        return read(found)

    def studies(self, *, deleted: bool = False) -> list[Study]:
        """The studies, newest first.

        Args:
            deleted: those that were deleted less than `DELETED_DAYS` days ago in place of the others; of a pupil their own.
        """
        found = [study for study in self._store.studies.all(deleted=deleted) if self._sees(study)]
        if deleted:
            since = self._store.database.now() - DELETED_DAYS * 86_400
            found = [study for study in found if (study.deleted or 0.0) > since]
            found = [study for study in found if self.rights.are_all or study.owner == self.rights.owner]
        return [read(study) for study in found]

    def queued_studies(self) -> list["QueuedStudy"]:
        """The studies with runs that have not ended: first those in training, then those that wait, then those that are
        paused."""
        waiting = {run.id: place for place, run in enumerate(self._active)}
        begins = self._begins
        found = []
        for study in filter(self._sees, self._store.studies.unfinished()):
            its = self._store.studies.unended(study.id)
            next_one = min((run_id for run_id in its if run_id in begins), key=lambda i: waiting[i], default=None)
            place, seconds = (None, None) if next_one is None else begins[next_one]
            found.append(QueuedStudy(read(study), place, seconds, self.seconds_left(study)))
        return sorted(found, key=QueuedStudy.turn)

    def is_studying(self) -> bool:
        """Whether a run of a study is in training. Asked by every page every few seconds, so it reads no run."""
        return any(study.counts.get(Status.RUNNING) for study in self._store.studies.unfinished() if self._sees(study))

    def seconds_left(self, study: StoredStudy) -> float:
        """Predicted seconds until all runs of a study have ended, if nothing else is trained."""
        runs = self._store.runs.some(self._store.studies.unended(study.id)).values()
        return sum(map(_left, runs)) / workers.plan()[0]

    def waits(self) -> dict[int, tuple[int, float]]:
        """The place in the queue of each queued run, from 1, and the predicted seconds until it begins, by run id."""
        seen = self._seen([run for run in self._active if run.status is Status.QUEUED])
        return {run.id: self._begins[run.id] for run in seen}

    def table(self, run_ids: Iterable[int] | None = None, *, deleted: bool = False) -> pd.DataFrame:
        """The table of runs, newest first: a row per run, with the columns `results.table.COLUMNS`.

        Args:
            run_ids: only these runs; all where None.
            deleted: the deleted runs in place of the others.
        """
        listing = self.runs.listing(run_ids, deleted=deleted)
        if deleted and not self.rights.are_all:
            listing = listing[listing["owner"] == self.rights.owner]
        if not self._designs.keys() >= set(listing["design_key"]):
            self._designs |= self._store.runs.experiments(but=self._designs)
        return results_table.table(listing, self._designs)

    def fields(self, design_key: str) -> dict[str, Any]:
        """All fields of a design that is in the table, by their titles."""
        return results_table.fields(self._designs[design_key])

    def fingerprint(self) -> tuple[Any, ...]:
        """A value that changes whenever the table does, and differs between people who see other tables, but for that of
        the deleted runs."""
        return self.rights.view, *self.runs.fingerprint()

    def names(self) -> dict[str, str]:
        """What the owners of runs are called on the pages, by their keys; those who are not in it, by the key itself.

        The teacher is told the names of all classes, a pupil those of their own. Nobody else is told any: without a class
        on, that would be everybody on the network.
        """
        if self.rights.person.kind is Kind.TEACHER:
            return self._store.people.names()
        return self._store.people.names(self.rights.room.id) if self.rights.room else {}

    def classmates(self) -> dict[str, str]:
        """The names of those who are in the class that is on, by what their runs are kept under; empty where there is none."""
        room = self.rights.room
        return {} if room is None else {member.key: member.name for member in self._store.people.of(room.id)}

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray]:
        """The weights that were validated after an epoch, by variable path; after the kept epoch where None.

        Raises:
            InputError: they are not kept, or there is no such run.
        """
        if run_id != ready_made.ID:
            self.run(run_id)
        found = self._store.trained.weights(run_id, epoch)
        if found is None:
            raise InputError(
                f"Run {run_id}: the weights of this epoch are not kept; choose another epoch, or train again."
            )
        return found

    def repeated(self, run: Run, rows: pd.DataFrame) -> str | None:
        """How a run that repeats a receipt's training compares with the receipt, in words; None for other runs.

        Args:
            rows: the table of all runs, from which the usual spread between seeds is estimated.
        """
        kept = self._store.receipts.get(run.id)
        if kept is None:
            return None
        receipt = parse(Receipt, kept)
        if run.is_unrevealed:
            return (
                f"This run repeats run {receipt.run} of another lab; after the teacher's reveal the two are compared."
            )
        probabilities = self.runs.probabilities(run.id)
        if run.status is not Status.FINISHED or probabilities is None:
            return f"This run repeats run {receipt.run} of another lab; when it has finished, the two are compared."
        sd = comparison.usual_sd(rows)
        return repeated(receipt, run, probabilities, sd, self.runs.epochs([run.id]))

    @cached_property
    def _active(self) -> list[Run]:
        """Of everybody: places in the queue are counted among all."""
        return self._store.queue.active()

    @cached_property
    def _begins(self) -> dict[int, tuple[int, float]]:
        """Place and predicted seconds until it begins, of everybody's queued runs."""
        left = [_left(run) for run in self._active if run.status is Status.RUNNING]
        waiting = [run for run in self._active if run.status is Status.QUEUED]
        seconds = prediction.waits(left, map(_predicted, waiting))
        return {run.id: (number, wait) for number, (run, wait) in enumerate(zip(waiting, seconds, strict=True), 1)}

    def _seen(self, runs: list[Run]) -> list[Run]:
        """Those of some runs in the queue that are shown one by one."""
        if not runs:
            return []
        ids = [run.id for run in runs]
        seen, of_study = self.runs.some(ids), self._store.studies.of_runs(ids)
        return [run for run in runs if run.id in seen and (run.status is Status.RUNNING or run.id not in of_study)]

    def _sees(self, study: StoredStudy) -> bool:
        return self.rights.view in (None, study.owner)


@dataclass(frozen=True)
class QueuedStudy:
    """A study in the queue, as one line.

    Attributes:
        study: with how many of its runs train, wait and are paused.
        place: in the queue of its next run that waits, from 1, counted among everybody's; None where none waits.
        begins: predicted seconds until that run begins; None where none waits.
        seconds: predicted until all its runs have ended, if nothing else is trained.
    """

    study: Study
    place: int | None
    begins: float | None
    seconds: float

    def turn(self) -> tuple[bool, bool, int, int]:
        """What studies in the queue are sorted by."""
        is_running = bool(self.study.counts.get(Status.RUNNING))
        return not is_running, self.place is None, self.place or 0, self.study.id


def _left(run: Run) -> float:
    """Predicted seconds of what is left of a run."""
    # The design is only read where something was trained: many runs of a study wait.
    done = run.steps_done and min(1.0, run.steps_done / run.planned_steps)
    return _predicted(run) * (1 - done)


def _predicted(run: Run) -> float:
    """Predicted seconds of a run; half a minute where there is no prediction."""
    if run.predicted_low is None or run.predicted_high is None:
        return 30.0
    return (run.predicted_low + run.predicted_high) / 2
