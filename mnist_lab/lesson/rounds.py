"""Use cases of a round: plan it, begin it, prolong and end it, hold its recipe and lift it, rehearse it."""

import time
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict

from mnist_lab import starting
from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.classroom.rights import TEACHER_ONLY, rights
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lesson import proposal
from mnist_lab.lesson.proposal import Conditions, Fit, RoundPlan
from mnist_lab.person import Kind, Person
from mnist_lab.results import prediction
from mnist_lab.store import disk
from mnist_lab.store.classes import Class
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.workers import slowdowns

UNMEASURED = 2.0  # times the predicted time, on a machine that has not been measured
_VARIANTS = 8  # of a preset, in a rehearsal: more than a worker keeps compiled


@dataclass(frozen=True)
class Round:
    """The round that began last, as everybody in the class may see it; what does not change with every second.

    Attributes:
        ends: when its time is up, in seconds since 1970 by the database's clock.
        is_on: whether it is still going on.
        recipe: that holds until it is lifted; None where none does.
        left, read: seconds until its time is up when it was read, and when that was on this process's clock.
    """

    id: int
    begun: float
    ends: float
    is_on: bool
    recipe: LessonRecipe | None
    left: float = field(default=0.0, compare=False)
    read: float = field(default_factory=time.monotonic, compare=False)

    def seconds_left(self) -> float:
        """Until its time is up."""
        return max(0.0, self.left - (time.monotonic() - self.read)) if self.is_on else 0.0


@dataclass(frozen=True)
class Preview:
    """What a planned round would be.

    Attributes:
        here: members of the class.
        proposed: the recipe that the lab proposes; None where nothing fits.
        chosen: the one that would hold: the teacher's own, else the proposed one.
        why_not: where nothing fits, why, and what would; else empty.
        in_queue: runs that train or wait already, which are not counted.
        factor: times the predicted time that are counted.
        is_measured: whether the predictions rest on measurements of this machine.
        is_rehearsed: whether the factor is what a rehearsal measured, where that was slower than predicted.
    """

    plan: RoundPlan
    here: int
    proposed: Fit | None
    chosen: Fit | None
    why_not: str
    in_queue: int
    factor: float
    is_measured: bool
    is_rehearsed: bool


class _Rehearsed(BaseModel):
    """What is kept of a rehearsal when it begins.

    Attributes:
        training: predicted seconds until all its runs are done.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    plan: RoundPlan
    training: float


class Report(BaseModel):
    """What a rehearsal measured. Times are in seconds.

    Attributes:
        people: how many pupils were pretended.
        done: from the round's begin until the last of their runs was done, with the time to design.
        slowest_wait: the longest that one of them waited, from Train until their run began.
        failed: runs that were not trained to their end.
        error: what became of one of these, in a sentence.
        factor: by which the training of all took longer than was predicted for it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    people: int
    done: float
    slowest_wait: float
    failed: int
    error: str
    factor: float


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal, going on or over.

    Attributes:
        plan: that was rehearsed, with its recipe.
        people, ended, training: how many are pretended, how many of their runs have ended, and how many train now.
        seconds: since it began.
        report: None while it goes on.
        advice: where it was too slow, or nearly so, a recipe that is predicted to fit by what was measured; None where
            none is needed, or none would.
    """

    plan: RoundPlan
    people: int
    ended: int
    training: int
    seconds: float
    report: Report | None = None
    advice: Fit | None = None

    @property
    def fits(self) -> bool:
        """Whether what was measured fits the round."""
        return self.report is not None and not self.report.failed and self.report.done <= 60 * self.plan.minutes


class Rounds:
    """The use cases of rounds in an open store. A rehearsal needs a class, since its pretended pupils are in it.

    Raises:
        NotAllowedError: from any method that takes who asks, where this is not the teacher.
        InputError: from the same, where there is no class.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self, class_id: int) -> Round | None:
        """The round of a class that began last; None where none has begun, or it is over and its recipe lifted. For
        everybody in that class."""
        found = self._store.rounds.current(class_id)
        if found is None or found.begun is None or found.ends is None:
            return None
        left = found.ends - self._store.database.now()
        is_on = found.ended is None and left > 0
        recipe = RoundPlan.model_validate_json(found.plan_json).recipe if found.lifted is None else None
        return Round(found.id, found.begun, found.ends, is_on, recipe, left) if is_on or recipe else None

    def preview(self, *, by: Person) -> Preview:
        """The next round as it is planned, and whether it fits this machine."""
        room = self._taught(by)
        return self._preview(room, self._plan(room))

    def change(self, plan: RoundPlan, *, by: Person) -> None:
        """Plan the next round otherwise."""
        self._store.rounds.plan(self._taught(by).id, plan.model_dump_json())

    def begin(self, *, by: Person) -> None:
        """Begin the round as it is planned: its time runs, and its recipe holds. No effect while one is going on.

        A rehearsal that is going on is stopped.

        Raises:
            InputError: nothing fits, and the teacher has chosen nothing else.
        """
        room = self._taught(by)
        plan = self._chosen(room)
        self._store.rounds.begin(room.id, plan.model_dump_json(), 60.0 * plan.minutes)

    def prolong(self, ends: float, *, by: Person) -> None:
        """Let the round that is going on end at a later time, in seconds since 1970; no effect where it does already.

        Raises:
            InputError: that is more than two hours from now.
        """
        room = self._taught(by)
        if ends > self._store.database.now() + 60 * proposal.MOST_MINUTES:
            raise InputError(
                f"Round: it lasts at most {proposal.MOST_MINUTES} minutes from now; end it, and begin another."
            )
        self._store.rounds.prolong(room.id, ends)

    def end(self, *, by: Person) -> None:
        """End the round that is going on now; its recipe holds until it is lifted."""
        self._store.rounds.end(self._taught(by).id)

    def lift(self, *, by: Person) -> None:
        """Let everybody train as long as they like again."""
        self._store.rounds.lift(self._taught(by).id)

    # Rehearsal

    def rehearse(self, *, by: Person) -> None:
        """Let as many pretended pupils as the plan has people each train a first run in the lesson's recipe, by the real queue
        and the real worker. No effect while a rehearsal goes on; the report of an earlier one is deleted.

        They start with the likely presets in turn. Each network differs a little from the others, as those of pupils do, so
        that each has to be compiled.

        Raises:
            InputError: as `begin`; the disk has no room; the queue is paused; or a round is going on.
        """
        room = self._taught(by)
        if room.is_held:
            raise InputError("Rehearsal: the queue is paused; let it go on first.")
        going = self.current(room.id)
        if going and going.is_on:
            raise InputError("Rehearsal: a round is going on; rehearse before it begins, or when it is over.")
        plan = self._chosen(room)
        assert plan.recipe is not None
        people = self._people(room, plan)
        presets = [plan.recipe.applied(preset) for preset in plan.likely]
        experiments = [_varied(presets[i % len(presets)], i) for i in range(people)]
        free = self._store.database.free_bytes()
        for experiment in experiments:
            if wrong := disk.refusal(experiment, free):
                raise wrong
        predict = prediction.predictor(*starting.measured(self._store))
        predicted = [predict(experiment) for experiment in experiments]
        training = proposal.training([one.seconds for one in predicted], slowdowns())
        kept = _Rehearsed(plan=plan, training=training).model_dump_json()
        self._store.rounds.rehearse(room.id, kept, experiments, [(one.low, one.high) for one in predicted])

    def rehearsal(self, *, by: Person) -> Rehearsal | None:
        """The rehearsal that began last, as it is now; None where there is none, or it was deleted. When the last of its runs has
        ended, what was measured is kept, and the pretended pupils are removed with their runs."""
        room = self._taught(by)
        self._store.lease.requeue_orphans()
        stored = self._store.rounds.rehearsal(room.id)
        if stored is None:
            return None
        began = _Rehearsed.model_validate_json(stored.plan_json)
        plan = began.plan
        if stored.report_json is None:
            runs = self._store.rounds.rehearsed(room.id)
            if not runs:  # its class was closed
                self._store.rounds.delete_rehearsal(room.id)
                return None
            if not all(run.status.is_ended for run in runs):
                return _going_on(self._store.database.now() - stored.begun, plan, runs)
            report = _measured(stored.begun, began, runs)
            self._store.rounds.report(stored.id, room.id, report.model_dump_json())
        else:
            report = Report.model_validate_json(stored.report_json)
        over = Rehearsal(plan, report.people, report.people, 0, report.done, report)
        if over.fits or report.failed:
            return over
        given = replace(self._conditions(room, plan)[0], people=report.people)
        return replace(over, advice=proposal.proposed(given))

    def delete_rehearsal(self, *, by: Person) -> None:
        """Remove the rehearsal and what it measured; where it goes on it is stopped: its runs are cancelled and removed."""
        self._store.rounds.delete_rehearsal(self._taught(by).id)

    def _taught(self, by: Person) -> Class:
        if by.kind is not Kind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        room = rights(self._store, by).room
        if room is None:
            raise InputError("Round: there is no class; open one first, a rehearsal needs one too.")
        return room

    def _plan(self, room: Class) -> RoundPlan:
        found = self._store.rounds.planned(room.id)
        plan = RoundPlan() if found is None else RoundPlan.model_validate_json(found)
        return plan.model_copy(update={"recipe": None})

    def _people(self, room: Class, plan: RoundPlan) -> int:
        return plan.people or max(1, len(self._store.people.of(room.id)))

    def _conditions(self, room: Class, plan: RoundPlan) -> tuple[Conditions, bool, bool]:
        """What the round is planned for; whether the machine has been measured, and whether this has been rehearsed."""
        past, calibration = starting.measured(self._store)
        predict = prediction.predictor(past, calibration)
        is_measured = bool(past or calibration)
        stored = self._store.rounds.rehearsal(room.id)
        report = Report.model_validate_json(stored.report_json) if stored and stored.report_json else None
        is_rehearsed = report is not None and not report.failed
        factor = 1.0 if is_measured else UNMEASURED
        if report is not None and is_rehearsed:
            factor = max(1.0, report.factor)

        def seconds(experiment: Experiment) -> float:
            return predict(experiment).seconds

        given = Conditions(plan, self._people(room, plan), slowdowns(), seconds, factor)
        return given, is_measured, is_rehearsed

    def _preview(self, room: Class, plan: RoundPlan) -> Preview:
        given, is_measured, is_rehearsed = self._conditions(room, plan)
        found = proposal.proposed(given)
        rehearsed = {run.id for run in self._store.rounds.rehearsed(room.id)}
        return Preview(
            plan,
            len(self._store.people.of(room.id)),
            found,
            proposal.fit(plan.by_hand, given) if plan.by_hand else found,
            "" if found else proposal.what_would_fit(given),
            len({run.id for run in self._store.queue.active()} - rehearsed),
            given.factor,
            is_measured,
            is_rehearsed,
        )

    def _chosen(self, room: Class) -> RoundPlan:
        """The plan with the recipe that would hold. Raises InputError where there is none."""
        found = self._preview(room, self._plan(room))
        if found.chosen is None:
            raise InputError(found.why_not)
        return found.plan.model_copy(update={"recipe": found.chosen.recipe})


def _measured(queued: float, rehearsed: _Rehearsed, runs: list[Run]) -> Report:
    # From the first run's begin: a worker that had to be warmed up first will be warm in the lesson.
    begun = min((run.started for run in runs if run.started), default=queued)
    training = max(run.ended or begun for run in runs) - begun
    failed = [run for run in runs if run.status is not Status.FINISHED]
    return Report(
        people=len(runs),
        done=rehearsed.plan.design_seconds + training,
        slowest_wait=max((run.started or begun) - begun for run in runs),
        failed=len(failed),
        error=next((run.error for run in failed if run.error), ""),
        factor=training / rehearsed.training,
    )


def _going_on(seconds: float, plan: RoundPlan, runs: list[Run]) -> Rehearsal:
    ended = sum(run.status.is_ended for run in runs)
    training = sum(run.status is Status.RUNNING for run in runs)
    return Rehearsal(plan, len(runs), ended, training, seconds)


def _varied(experiment: Experiment, number: int) -> Experiment:
    """A design that differs a little from others of the same preset: in the units of its dense layer, else in the filters of its
    last block."""
    fields = experiment.architecture.model_dump(mode="json")
    part, field = ("head", "units") if fields["head"] else ("blocks", "filters")
    fields[part][-1][field] += number % _VARIANTS
    return experiment.with_changes(architecture=fields, name=experiment.name)
