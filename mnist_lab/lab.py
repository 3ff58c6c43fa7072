"""Use cases of the lab: start, continue, stop, label and repeat runs, keep designs, predict times.

Each takes who asks for it, and decides here whether they may: a page or a command line only says who they are. Whoever
may not is told so by `NotAllowedError`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mnist_lab import starting, takeaway
from mnist_lab.classroom.classroom import Classroom
from mnist_lab.classroom.rights import Rights, rights
from mnist_lab.design.experiment import MAX_SEEDS, Experiment
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError
from mnist_lab.inspection.questions import OwnDigits, Question, tells_of_test_images
from mnist_lab.lesson.challenges import Challenges
from mnist_lab.lesson.digits import Digits
from mnist_lab.lesson.glance import Glancing
from mnist_lab.lesson.guesses import Guesses
from mnist_lab.lesson.handout import Handouts
from mnist_lab.lesson.messages import Messages
from mnist_lab.lesson.presence import Presence
from mnist_lab.lesson.rounds import Rounds
from mnist_lab.lesson.stage import Stage
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.results import prediction
from mnist_lab.results.prediction import Prediction
from mnist_lab.results.receipt import Receipt
from mnist_lab.store import disk, ready_made
from mnist_lab.store.labels import Change
from mnist_lab.store.lease import NOT_WORKING
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store
from mnist_lab.studying import Studying


class Lab:
    """The use cases over one store.

    It has no state of its own but who is there: labs on the same store see the same runs. Whatever reads the state of runs
    first queues again those whose engine has crashed.

    Args:
        url: the store's URL; None for the default.

    Attributes:
        store: for reading what belongs to a run that a `Reader` has found.
        classroom: the use cases of a class.
        studies: the use cases of studies.
        rounds: the use cases of rounds of a lesson.
        digits: the use cases of people's own digits.
        handouts: what each made in a lesson.
        guesses: the use cases of guesses before the answer.
        presence: who has a page of this server open; kept in memory.
        glance: the class at a glance.
        messages: what a teacher sends to their class.
        stage: the use cases of the class's stage.
        challenges: the use cases of challenges.

    Raises:
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.store = Store(url)
        self.classroom = Classroom(self.store)
        self.studies = Studying(self.store, self.reader)
        self.rounds = Rounds(self.store)
        self.digits = Digits(self.store)
        self.guesses = Guesses(self.store, self.reader, self.start_all)
        self.handouts = Handouts(self.store, self.reader, self.guesses)
        self.presence = Presence()
        self.glance = Glancing(self.store, self.reader, self.presence)
        self.messages = Messages(self.store, self.reader)
        self.stage = Stage(self.store)
        self.challenges = Challenges(self.store)
        self._designs: dict[str, str] = {}  # an experiment of each design by its key, a hash of it: never out of date

    def reader(self, by: Person) -> Reader:
        """What somebody may see, as it is now."""
        self.store.lease.requeue_orphans()
        return Reader(self.store, self._rights(by), self._designs)

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
            InputError: a network has too many parameters, the disk has no room for what a run would write, or a limit of
                the class is exceeded.
        """
        who = self._rights(by)
        predicted = starting.admitted(self.store, who, experiments)
        return self.store.queue.add(experiments, who.owner, [(p.low, p.high) for p in predicted], who.allowance)

    def add_seeds(self, run_id: int, seeds: Iterable[int], *, by: Person) -> list[int]:
        """Queue a run's experiment with other seeds; returns and raises as `start_all`."""
        experiment = self.reader(by).run(run_id).experiment
        return self.start_all([experiment.with_changes(seed=seed) for seed in seeds], by=by)

    def continue_run(self, run_id: int, epoch: int, recipe: Recipe, *, by: Person) -> int:
        """Queue a new run that continues an ended one from its checkpoint after an epoch.

        Args:
            recipe: of the new run; its number of epochs includes those already trained.

        Returns:
            The id of the new run.

        Raises:
            InputError: the run has not ended, has no such checkpoint, or the recipe has no further epochs; or as
                `start_all`.
        """
        reader = self.reader(by)
        run = reader.run(run_id)
        reader.rights.must_own([run])
        if not run.status.is_ended:
            raise InputError(f"Run {run_id}: only a run that has ended can be continued; this one is {run.status}.")
        if recipe.epochs <= epoch:
            raise InputError(f"Epochs: should be more than the {epoch} it has already; received {recipe.epochs}.")
        experiment = run.experiment.with_changes(recipe=recipe.model_dump(mode="json"))
        if wrong := disk.refusal(experiment, self.store.database.free_bytes()):
            raise wrong
        left = self.estimate(experiment).scaled((recipe.epochs - epoch) / recipe.epochs)
        who = reader.rights
        starting.must_follow(self.store, who, [experiment])
        starting.must_be_short(who, [left])
        return self.store.queue.continue_run(run, epoch, experiment, who.owner, (left.low, left.high), who.allowance)

    def repeat(self, receipt: Receipt, *, by: Person) -> int:
        """Queue the training that a receipt describes; returns the run's id. Raises InputError as `start_all`."""
        (run_id,) = self.start_all([receipt.experiment.with_changes(name=receipt.name)], by=by)
        self.store.receipts.add(run_id, receipt.model_dump_json())
        return run_id

    # Commands to runs that have not ended

    def stop(self, *run_ids: int, by: Person) -> None:
        """Stop runs, as `Queue.stop`."""
        self._own(run_ids, by)
        self.store.queue.stop(*run_ids)

    def pause(self, *run_ids: int, by: Person) -> None:
        """Pause runs, as `Queue.pause`."""
        self._own(run_ids, by)
        self.store.queue.pause(*run_ids)

    def resume(self, *run_ids: int, by: Person) -> None:
        """Resume paused and interrupted runs, as `Queue.resume`."""
        who = self._own(run_ids, by)
        self.store.queue.resume(*run_ids, allowance=who.allowance)

    def move(self, run_id: int, places: int, *, by: Person) -> None:
        """Move a queued run among those of its owner, as `Queue.move`."""
        self._own([run_id], by)
        self.store.queue.move(run_id, places)

    # Labels

    def label(
        self,
        run_ids: Iterable[int],
        *,
        by: Person,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        seen: Mapping[int, Mapping[str, Any]] | None = None,
        **labels: Any,
    ) -> list[Change]:
        """Set labels of runs, delete and restore them: takes, returns and raises as `Labels.set`."""
        wanted = list(run_ids)
        allowance = self._own(wanted, by).allowance
        return self.store.labels.set(
            wanted, add_tags=add_tags, remove_tags=remove_tags, seen=seen, allowance=allowance, **labels
        )

    def undo(self, changes: Iterable[Change], *, by: Person) -> tuple[list[Change], list[str]]:
        """Undo changes of labels, as `Labels.undo`."""
        given = list(changes)
        who = self._own([change.run_id for change in given], by)
        return self.store.labels.undo(given, who.allowance)

    # Designs, choices, notices

    def designs(self, *, by: Person) -> dict[str, str]:
        """The designs that somebody keeps, as `Designs.of`."""
        return self.store.designs.of(self._rights(by).owner)

    def save_design(self, experiment: Experiment, *, by: Person, replaces: str | None = None) -> str | None:
        """Keep a design under its name, as `Designs.save`."""
        who = self._rights(by)
        who.must_be_open()
        return self.store.designs.save(experiment, who.owner, replaces=replaces)

    def delete_design(self, name: str, *, by: Person) -> None:
        """Delete a design, as `Designs.delete`."""
        who = self._rights(by)
        who.must_be_open()
        self.store.designs.delete(name, who.owner)

    def choice(self, name: str, *, by: Person) -> Any:
        """Somebody's last choice, as `Choices.get`."""
        return self.store.choices.get(self._rights(by).owner, name)

    def choose(self, name: str, value: Any, *, by: Person) -> None:
        """Keep somebody's choice, as `Choices.set`."""
        who = self._rights(by)
        who.must_take_part()
        self.store.choices.set(who.owner, name, value)

    def dismiss(self, notice: int, *, by: Person) -> None:
        """Delete a notice, as `Notices.dismiss`."""
        self._rights(by).must_be_all()
        self.store.notices.dismiss(notice)

    def take_away(self, class_id: int, *, by: Person) -> bytes:
        """A class, ended or not, as a zip; with its pupils' names where the teacher has ticked that."""
        names = self.classroom.settings(class_id, by=by).names_in_files
        return takeaway.packed(self.store, class_id, self.guesses.table(class_id, by=by), names=names)

    # Questions to trained networks

    def ask(self, question: Question, *, by: Person) -> int:
        """Ask something about a network, as `Questions.submit`.

        Raises:
            InputError: there is no such run, or nobody may see yet what it makes of the test images.
        """
        reader = self.reader(by)
        if not isinstance(question, OwnDigits):  # whose answer stands on the stage too
            reader.rights.must_take_part()
        if question.run_id != ready_made.ID:
            run = reader.run(question.run_id)
            if run.is_unrevealed and tells_of_test_images(question):
                raise InputError(run.why_unrevealed)
        return self.store.questions.submit(question.kind, question.arguments, is_long=question.is_long)

    # Predicted times and the engine

    def estimate(self, experiment: Experiment) -> Prediction:
        """The predicted training time of an experiment on this machine."""
        return prediction.predict(experiment, *starting.measured(self.store))

    def shortage(self, run: Run) -> str | None:
        """Why the disk has no room for a queued run now, in a sentence; None where it has."""
        return disk.shortage(run.predicted_bytes or 0, self.store.queue.room())

    def engine_state(self) -> str | None:
        """`warming up`, `ready`, or `not working: …` with the reason; None where no engine is alive."""
        lease = self.store.lease.current()
        return lease.state if lease and (lease.is_live or lease.state.startswith(NOT_WORKING)) else None

    def _rights(self, by: Person) -> Rights:
        return rights(self.store, by)

    def _own(self, run_ids: Iterable[int], by: Person) -> Rights:
        """The rights of whoever may change these runs. Raises NotAllowedError where they may not; runs that are not there
        are nobody's."""
        who = self._rights(by)
        who.must_take_part()
        if not who.are_all:
            who.must_own(self.store.runs.some(run_ids).values())
        return who
