"""A class at a glance: who is there, what each designs or trains, their best so far, and who is stuck.

It is made from one reading of the store and the server's memory of who is there, whatever the number of pupils, and holds
nothing of who looks.
"""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mnist_lab.classroom.cookies import teacher
from mnist_lab.classroom.rights import TEACHER_ONLY
from mnist_lab.design.experiment import Experiment, Protocol, parse
from mnist_lab.errors import DIVERGED, InputError, NotAllowedError
from mnist_lab.lesson.presence import Presence, Seat
from mnist_lab.person import Kind, Person
from mnist_lab.reader import Reader
from mnist_lab.store import standings
from mnist_lab.store.run import Run, Status
from mnist_lab.store.standings import Counts, Joined, Standing
from mnist_lab.store.store import Store

HERE_SECONDS = 20.0  # without a sign; a page asks every six
IMPOSSIBLE_SECONDS = 20.0  # a design that was impossible for shorter is being changed
WAITING_SECONDS = 180.0
IDLE_SECONDS = 240.0


class Doing(StrEnum):
    """What somebody does."""

    TRAINS = "trains"
    WAITS = "waits"
    PAUSED = "paused"
    DESIGNS = "designs"
    LOOKS = "looks"


class Trouble(StrEnum):
    """Why somebody is stuck."""

    REFUSED = "refused"
    DIVERGED = "diverged"
    FAILED = "failed"
    WAITING = "waiting long"
    IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class PupilNow:
    """A pupil at one moment. Times are in seconds since 1970 (UTC), accuracies in 0 to 1.

    Attributes:
        key: their pseudonym.
        seen: when a browser of theirs last asked this server for something; None where none has since it was started.
        is_here: whether that was within the last `HERE_SECONDS`.
        what: the name of the run or design; empty where nothing is known of one.
        page: the path of the page that they opened last; None where none was opened.
        run_id: the run that trains, else the first that waits, else the newest that has ended; None where there is none,
            or it is one of a study whose results nobody may see yet.
        epoch, epochs: of a run that trains: the epoch it is in, of how many.
        share: of its training that is done, 0 to 1.
        place, wait: of a run that waits: its place in the queue from 1, and predicted seconds until it begins.
        runs: how many there are of theirs, in whichever state; waiting: how many of these wait.
        best: the best validation accuracy of the weights that a run kept; best_run: that run.
        best_test: the test accuracy of that run: under the holdout protocol only, where validation is not on test images,
            and not of a run queued in a challenge before its reveal.
        trouble: why they are stuck; None where they are not. why: the same in a sentence.
    """

    key: str
    name: str
    joined: float
    seen: float | None
    is_here: bool
    doing: Doing
    what: str
    page: str | None
    run_id: int | None
    epoch: int | None
    epochs: int | None
    share: float | None
    place: int | None
    wait: float | None
    runs: int
    waiting: int
    best: float | None
    best_run: int | None
    best_test: float | None
    trouble: Trouble | None
    why: str


@dataclass(frozen=True)
class Glance:
    """A class at one moment.

    Attributes:
        at: when it was read, in seconds since 1970 (UTC).
        is_held: whether the queue is paused.
        pupils: in the order in which they joined, so that everybody keeps their place.
    """

    at: float
    is_held: bool
    pupils: tuple[PupilNow, ...]

    @property
    def here(self) -> int:
        """How many are here."""
        return sum(pupil.is_here for pupil in self.pupils)

    @property
    def stuck(self) -> dict[Trouble, list[PupilNow]]:
        """Who is stuck, by why."""
        found = {trouble: [pupil for pupil in self.pupils if pupil.trouble is trouble] for trouble in Trouble}
        return {trouble: pupils for trouble, pupils in found.items() if pupils}


class Glancing:
    """The class at a glance, from a store and who is there.

    Args:
        reader: what somebody may see, as `Lab.reader`.
    """

    def __init__(self, store: Store, reader: Callable[[Person], Reader], presence: Presence) -> None:
        self._store, self._reader, self._presence = store, reader, presence

    def now(self, *, by: Person) -> Glance:
        """The class that is on.

        Raises:
            NotAllowedError: this is not the teacher.
            InputError: none is on.
        """
        if by.kind is not Kind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        room = self._store.classes.current()
        if room is None:
            raise InputError("Class: there is none; open one first.")
        return self.of(room.id)

    def of(self, class_id: int) -> Glance:
        """The same for whoever has been allowed to see it: read once for all of them."""
        reader = self._reader(teacher())
        room = reader.rights.room
        return glance(
            self._store.standings.of(class_id),
            reader.active(),
            reader.waits(),
            self._presence.seats(),
            is_held=room is not None and room.is_held,
            began=self._presence.began,
            now=time.time(),
        )


def glance(
    standing: Standing,
    active: list[Run],
    waits: Mapping[int, tuple[int, float]],
    seats: Mapping[str, Seat],
    *,
    is_held: bool,
    began: float,
    now: float,
) -> Glance:
    """A class at a glance.

    Args:
        active: the running runs, then those that wait, in their order.
        waits: place in the queue and predicted seconds of each run that waits, by its id.
        seats: of whoever was here since `began`.
    """
    own: dict[str, list[Run]] = {}
    for run in active:
        own.setdefault(run.owner, []).append(run)
    pupils = [
        _Pupil(
            one,
            seats.get(one.key),
            standing.counts.get(one.key, standings.NONE),
            own.get(one.key, []),
            standing.newest.get(one.key),
            standing.best.get(one.key),
        )
        for one in standing.people
    ]
    made = [pupil.now(waits, is_held=is_held, began=began, now=now) for pupil in pupils]
    return Glance(now, is_held, tuple(made))


@dataclass(frozen=True)
class _Pupil:
    """All that is known of somebody; active: their runs that train, then those that wait."""

    joined: Joined
    seat: Seat | None
    counts: Counts
    active: list[Run]
    newest: Run | None
    best: Run | None

    def now(
        self,
        waits: Mapping[int, tuple[int, float]],
        *,
        is_held: bool,
        began: float,
        now: float,
    ) -> PupilNow:
        seat, best = self.seat, self.best
        is_here = seat is not None and now - seat.seen <= HERE_SECONDS
        doing, run = self._doing()
        trains = run if doing is Doing.TRAINS else None
        epochs = trains.experiment.recipe.epochs if trains else None
        place, wait = waits.get(run.id, (None, None)) if run else (None, None)
        trouble, why = self._trouble(doing, run, is_here=is_here, is_held=is_held, began=began, now=now)
        looked_at = run or self.newest
        return PupilNow(
            key=self.joined.key,
            name=self.joined.name,
            joined=self.joined.joined,
            seen=seat.seen if seat else None,
            is_here=is_here,
            doing=doing,
            what=self._what(doing, run),
            page=seat.page if seat else None,
            run_id=looked_at.id if looked_at else None,
            epoch=min(trains.epochs_done + 1, epochs) if trains and epochs else None,
            epochs=epochs,
            share=min(1.0, trains.steps_done / trains.planned_steps) if trains else None,
            place=place,
            wait=wait,
            runs=self.counts.all,
            waiting=self.counts.by_status.get(Status.QUEUED, 0),
            best=best.validation_accuracy if best else None,
            best_run=best.id if best else None,
            best_test=best.test_accuracy if best and _is_honest(best) else None,
            trouble=trouble,
            why=why,
        )

    def _doing(self) -> tuple[Doing, Run | None]:
        """What they do, and the run of it that may be seen."""
        first = self.active[0] if self.active else None
        if first and first.status is Status.RUNNING:
            return Doing.TRAINS, first
        by_status = self.counts.by_status
        if by_status.get(Status.RUNNING):
            return Doing.TRAINS, None
        if first or by_status.get(Status.QUEUED):
            return Doing.WAITS, first
        if self.seat and self.seat.page == "" and self.seat.design:
            return Doing.DESIGNS, None
        return (Doing.PAUSED if by_status.get(Status.PAUSED) else Doing.LOOKS), None

    def _what(self, doing: Doing, run: Run | None) -> str:
        if run:
            return run.name
        if doing in (Doing.TRAINS, Doing.WAITS):
            return "a study"
        return self.seat.design if self.seat else ""

    def _trouble(
        self, doing: Doing, run: Run | None, *, is_here: bool, is_held: bool, began: float, now: float
    ) -> tuple[Trouble | None, str]:
        """What hinders them most, and why; nothing and an empty text where nothing does."""
        seat, newest, queued = self.seat, self.newest, self.counts.queued or 0.0
        if seat and seat.refused and seat.refused_at > queued:
            return Trouble.REFUSED, seat.refused
        if seat and seat.wrong and now - seat.wrong_since >= IMPOSSIBLE_SECONDS:
            return Trouble.REFUSED, seat.wrong
        if doing is Doing.TRAINS:
            return None, ""
        if doing is Doing.WAITS:
            waited = now - run.created if run else 0.0
            if waited < WAITING_SECONDS or is_held:
                return None, ""
            return Trouble.WAITING, f"For {waited / 60:.0f} minutes; none of their runs is in training."
        if newest and newest.status in (Status.FAILED, Status.INTERRUPTED):
            why = newest.error or "It ended without a reason that is known."
            trouble = Trouble.DIVERGED if why.startswith(DIVERGED) else Trouble.FAILED
            return trouble, f"Run {newest.id}: {why}"
        changed = max(self.joined.joined, self.counts.changed or 0.0, seat.changed if seat else 0.0, began)
        if is_here and now - changed >= IDLE_SECONDS:
            return Trouble.IDLE, f"For {(now - changed) / 60:.0f} minutes; no run, and no change of page or design."
        return None, ""


def _is_honest(run: Run) -> bool:
    """Whether a run was chosen by other images than it was tested on."""
    return _protocol(run.experiment_json) is Protocol.HOLDOUT


@functools.lru_cache(maxsize=4096)
def _protocol(experiment_json: str) -> Protocol:
    return parse(Experiment, experiment_json).protocol
