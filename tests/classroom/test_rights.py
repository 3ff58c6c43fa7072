"""Who may do what: every use case as a stranger, a pupil, another pupil, the teacher, somebody who was removed, a pupil of a
closed class, alone, and as the projector's browser, which looks on. Each does it, or is told in a sentence why not, and nothing is changed."""

import inspect
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_lab.classroom.classroom import Classroom
from mnist_lab.classroom.cookies import looker
from mnist_lab.classroom.rights import rights
from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.experiment import read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.inspection import questions
from mnist_lab.lab import Lab
from mnist_lab.lesson.challenges import Challenges, Rules
from mnist_lab.lesson.digits import Digits
from mnist_lab.lesson.glance import Glancing
from mnist_lab.lesson.guess import Kind
from mnist_lab.lesson.guesses import Guesses
from mnist_lab.lesson.handout import Handouts
from mnist_lab.lesson.messages import Messages, PageLink
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.lesson.rounds import Rounds
from mnist_lab.lesson.stage import Stage
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.results import receipt
from mnist_lab.results.prediction import duration_text, model_seconds
from mnist_lab.store.labels import Change
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.store.studies import NewStudy, Planned
from mnist_lab.studies.cells import cells, stored
from mnist_lab.studies.file import StudyFile
from mnist_lab.studies.file import made as made_file
from mnist_lab.studies.findings import Findings, table
from mnist_lab.studying import Studying
from mnist_lab.training.reports import Command
from tests.builders.classes import CODE, TEACHER, allow, open_class, pupil
from tests.builders.networks import small_experiment
from tests.builders.runs import ADA, LEFT_BY_0_6, OUTCOME, epoch
from tests.builders.studies import small_plan

DESIGN = PRESETS["fast"].with_changes(name="mine")
LONGER = DESIGN.recipe.model_copy(update={"epochs": 6})
RECEIPT = receipt.read((LEFT_BY_0_6 / "receipt.json").read_bytes())


@dataclass
class World:
    """A lab with a class: Cleo, whose runs they are; Dana; Emil, who was removed. Whoever asks is tried on it."""

    lab: Lab
    cleo: Person
    dana: Person
    emil: Person
    finished: int
    paused: int
    queued: int
    request: str
    earlier: int  # a class that has ended
    room: int
    notice: int = 1

    def person(self, who: str) -> Person:
        people = {
            "pupil": self.cleo,
            "closed": self.cleo,
            "another": self.dana,
            "removed": self.emil,
            "looker": looker(),
        }
        return people.get(who, TEACHER if who == "teacher" else ADA)

    @property
    def reader(self) -> Callable[[Person], Reader]:
        return self.lab.reader


def run_of(store: Store, owner: str) -> int:
    """The id of a finished run of three epochs that are all kept."""
    (run_id,) = store.queue.add([DESIGN], owner)
    store.queue.claim("engine", only=[run_id])
    for number in range(1, 4):
        store.recording.record(run_id, epoch(number, size=10))
    store.recording.finish(run_id, OUTCOME)
    return run_id


def made(store: Store) -> World:
    """The world while its class is open."""
    earlier = open_class(store)
    pupil(store, "Fay")
    store.classes.end(earlier)
    room = open_class(store)
    cleo, dana, emil = (pupil(store, name) for name in ("Cleo", "Dana", "Emil"))
    finished = run_of(store, cleo.key)
    paused, queued, _ = store.queue.add([DESIGN] * 3, cleo.key)
    store.queue.pause(paused)
    store.designs.save(DESIGN, cleo.key)
    store.people.remove(emil.key)
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO notices (id, text) VALUES (1, 'Something was mended.')")
    request = store.people.ask(room, "Dana")
    return World(Lab(store.url), cleo, dana, emil, finished, paused, queued, request, earlier, room)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, World]]:
    """The store's file and what is in it, while the class is open, closed, and where there is none."""
    found = {}
    for state in ("open", "closed", "none"):
        path = tmp_path_factory.mktemp("world") / "lab.db"
        store = Store(f"sqlite:///{path}")
        world = made(store)
        if state == "closed":
            store.classes.close(world.room)
        elif state == "none":
            store.classes.end(world.room)
        world.lab.store.close()
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found[state] = path.read_bytes(), world
    return found


@pytest.fixture
def enter(worlds: dict[str, tuple[bytes, World]], tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A new copy of the world in which somebody is, with nothing done in it."""
    opened: list[World] = []

    def enter(who: str) -> World:
        data, world = worlds[{"closed": "closed", "alone": "none"}.get(who, "open")]
        path = tmp_path / f"{len(opened)}.db"
        path.write_bytes(data)
        opened.append(World(**vars(world) | {"lab": Lab(f"sqlite:///{path}")}))
        return opened[-1]

    yield enter
    for world in opened:
        world.lab.store.close()


def everything(world: World) -> list[str]:
    """All that the store holds, as text."""
    with closing(sqlite3.connect(world.lab.store.url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


@dataclass(frozen=True)
class Case:
    """A use case: how it is tried, who may, and what must have been done before."""

    do: Callable[[World, Person], Any]
    who: tuple[str, ...]
    before: Callable[[World], Any] = lambda world: None


PLAN = small_plan(small_experiment())
STUDY = 1


def study(world: World) -> None:
    """A study of Cleo's whose runs wait, whatever has become of the class."""
    found = cells(PLAN, model_seconds)
    runs = [
        Planned(place, cell.experiment.with_changes(seed=seed))
        for seed in range(PLAN.first_seed, PLAN.first_seed + PLAN.seeds)
        for place, cell in enumerate(found)
    ]
    new = NewStudy(world.cleo.key, PLAN.canonical_json, PLAN.digest, json.dumps(stored(found)))
    assert world.lab.store.studies.freeze(new, runs, ()) == STUDY


def held_study(world: World) -> None:
    study(world)
    world.lab.store.queue.pause(*world.lab.store.studies.unended(STUDY))


def ended_study(world: World) -> None:
    study(world)
    world.lab.store.queue.stop(*world.lab.store.studies.unended(STUDY))


def deleted_study(world: World) -> None:
    ended_study(world)
    world.lab.store.studies.delete(STUDY)


def round_on(world: World) -> None:
    world.lab.store.rounds.begin(world.room, RoundPlan().model_dump_json(), 300)


def rehearsed(world: World) -> None:
    world.lab.rounds.rehearse(by=TEACHER) if world.lab.store.classes.current() else None


def study_file() -> StudyFile:
    """Of a study of which nothing was trained."""
    found = cells(PLAN, model_seconds)
    rows = [
        {"cell": cell, "seed": seed, "run": None, "status": "cancelled"} | dict.fromkeys(RESULTS)
        for cell in range(len(found))
        for seed in range(PLAN.first_seed, PLAN.first_seed + PLAN.seeds)
    ]
    its = Findings(PLAN, PLAN.digest, 1.0, tuple(found), table(rows), is_unseen=True, why_seen="", among=1)
    return made_file(its, PLAN.canonical_json, None, {})


STROKES = [[(0.5, 0.2), (0.5, 0.8)]]
DIGIT = 1


def digit(world: World) -> None:
    """A drawing of Cleo's, in the class's set where there is a class."""
    room = world.lab.store.classes.current()
    assert world.lab.store.digits.add(room.id if room else None, world.cleo.key, 1, bytes(784)) == DIGIT


def digit_out(world: World) -> None:
    digit(world)
    world.lab.store.digits.throw_out([DIGIT], is_out=True)


def question(world: World) -> None:
    """A question to the class about a design that is not trained yet, whatever has become of the class."""
    subject = {"name": "mine", "design": DESIGN.model_dump_json()}
    text = json.dumps({"kind": "accuracy", "subjects": [subject]})
    assert world.lab.store.guesses.add(world.room, TEACHER.key, text) == QUESTION


def measured_question(world: World) -> None:
    """A question to the class about a run that has finished and one that has not."""
    runs = [world.finished, world.queued]
    text = json.dumps({"kind": "accuracy", "subjects": [{"name": "mine", "runs": runs}]})
    assert world.lab.store.guesses.add(world.room, TEACHER.key, text) == QUESTION


def own_question(world: World) -> None:
    """A guess that whoever has all rights made for themselves."""
    text = json.dumps({"kind": "seconds", "subjects": [{"name": "mine", "runs": [world.queued]}]})
    assert world.lab.store.guesses.add(None, "ada", text, answer=('{"number": 5}', "")) == QUESTION


QUESTION = 1


def message_if_on(world: World) -> None:
    """A note to everybody in the class, where one is on."""
    if world.lab.store.classes.current():
        assert world.lab.store.messages.send(world.room, None, "note", "Look up.", None) == MESSAGE


MESSAGE = 1
CHALLENGE = 1
RULES = Rules(parameters=10**6)


def challenge(world: World) -> None:
    """A challenge of the class, whatever has become of it."""
    assert world.lab.store.challenges.begin(world.room, RULES.model_dump_json()) == CHALLENGE


def revealed_challenge(world: World) -> None:
    """One that two pupils entered two designs in."""
    challenge(world)
    store = world.lab.store
    for by, design in ((world.cleo, DESIGN), (world.dana, DESIGN.with_changes(train_images=100))):
        run_id = store.challenges.enter(CHALLENGE, design, by.key, (1.0, 2.0), None, lambda rules: None)
        store.queue.claim("engine", only=[run_id])
        store.recording.finish(run_id, OUTCOME)
    store.challenges.reveal(CHALLENGE)


RESULTS = ("test_accuracy", "validation_accuracy", "seconds")
EVERYBODY = ("stranger", "pupil", "another", "teacher", "removed", "closed", "alone", "looker")
IN = ("pupil", "another", "teacher", "closed", "alone", "looker")  # who may look
HERE = ("pupil", "another", "teacher", "closed", "alone")  # who may ask, and is remembered
ACTIVE = ("pupil", "another", "teacher", "alone")  # who may train, and keep designs
IN_CLASS = ("pupil", "another", "teacher")
OWNER = ("pupil", "teacher", "alone")
ALL_RIGHTS = ("teacher", "alone")
TEACHER_ONLY = ("teacher",)
PUPILS = ("pupil", "another", "closed")

CASES: dict[str, Case] = {
    "Lab.reader": Case(lambda w, by: w.lab.reader(by), IN),
    "Lab.start": Case(lambda w, by: w.lab.start(DESIGN, 2, by=by), ACTIVE),
    "Lab.start_all": Case(lambda w, by: w.lab.start_all([DESIGN], by=by), ACTIVE),
    "Lab.add_seeds": Case(lambda w, by: w.lab.add_seeds(w.finished, [7], by=by), ACTIVE),
    "Lab.continue_run": Case(lambda w, by: w.lab.continue_run(w.finished, 3, LONGER, by=by), OWNER),
    "Lab.repeat": Case(lambda w, by: w.lab.repeat(RECEIPT, by=by), ACTIVE),
    "Lab.stop": Case(lambda w, by: w.lab.stop(w.queued, by=by), OWNER),
    "Lab.pause": Case(lambda w, by: w.lab.pause(w.queued, by=by), OWNER),
    "Lab.resume": Case(lambda w, by: w.lab.resume(w.paused, by=by), OWNER),
    "Lab.move": Case(lambda w, by: w.lab.move(w.queued, 1, by=by), OWNER),
    "Lab.label": Case(lambda w, by: w.lab.label([w.finished], by=by, name="changed", deleted=True), OWNER),
    "Lab.undo": Case(lambda w, by: w.lab.undo([Change(w.finished, "note", "before", "")], by=by), OWNER),
    "Lab.designs": Case(lambda w, by: w.lab.designs(by=by), IN),
    "Lab.save_design": Case(lambda w, by: w.lab.save_design(DESIGN, by=by), ACTIVE),
    "Lab.delete_design": Case(lambda w, by: w.lab.delete_design("mine", by=by), ACTIVE),
    "Lab.choice": Case(lambda w, by: w.lab.choice("columns", by=by), IN),
    "Lab.choose": Case(lambda w, by: w.lab.choose("columns", ["name"], by=by), HERE),
    "Lab.dismiss": Case(lambda w, by: w.lab.dismiss(w.notice, by=by), ALL_RIGHTS),
    "Lab.take_away": Case(lambda w, by: w.lab.take_away(w.room, by=by), TEACHER_ONLY),
    "Lab.ask": Case(lambda w, by: w.lab.ask(questions.Tested(run_id=w.finished), by=by), HERE),
    "Classroom.rights": Case(lambda w, by: w.lab.classroom.rights(by), IN),
    "Classroom.name": Case(lambda w, by: w.lab.classroom.name(by), IN),
    "Classroom.open": Case(
        lambda w, by: w.lab.classroom.open(by=by), TEACHER_ONLY, lambda w: w.lab.store.classes.end(w.room)
    ),
    "Classroom.close": Case(lambda w, by: w.lab.classroom.close(by=by), TEACHER_ONLY),
    "Classroom.reopen": Case(lambda w, by: w.lab.classroom.reopen(by=by), TEACHER_ONLY),
    "Classroom.end": Case(lambda w, by: w.lab.classroom.end(by=by), TEACHER_ONLY),
    "Classroom.ended": Case(lambda w, by: w.lab.classroom.ended(by=by), TEACHER_ONLY),
    "Classroom.delete": Case(lambda w, by: w.lab.classroom.delete(w.earlier, by=by), TEACHER_ONLY),
    "Classroom.settings": Case(lambda w, by: w.lab.classroom.settings(w.earlier, by=by), TEACHER_ONLY),
    "Classroom.allow": Case(lambda w, by: w.lab.classroom.allow(ClassSettings(waiting=2), by=by), TEACHER_ONLY),
    "Classroom.hold": Case(lambda w, by: w.lab.classroom.hold(is_held=True, by=by), TEACHER_ONLY),
    "Classroom.members": Case(lambda w, by: w.lab.classroom.members(by=by), TEACHER_ONLY),
    "Classroom.asking": Case(lambda w, by: w.lab.classroom.asking(by=by), TEACHER_ONLY),
    "Classroom.answer": Case(lambda w, by: w.lab.classroom.answer(w.request, admit=True, by=by), TEACHER_ONLY),
    "Classroom.turn_all_away": Case(lambda w, by: w.lab.classroom.turn_all_away(by=by), TEACHER_ONLY),
    "Classroom.renew_code": Case(lambda w, by: w.lab.classroom.renew_code(by=by), TEACHER_ONLY),
    "Classroom.rename": Case(lambda w, by: w.lab.classroom.rename(w.cleo.key, "Gus", by=by), TEACHER_ONLY),
    "Classroom.remove": Case(lambda w, by: w.lab.classroom.remove(w.cleo.key, by=by), TEACHER_ONLY),
    "Rounds.preview": Case(lambda w, by: w.lab.rounds.preview(by=by), TEACHER_ONLY),
    "Rounds.change": Case(lambda w, by: w.lab.rounds.change(RoundPlan(minutes=9), by=by), TEACHER_ONLY),
    "Rounds.begin": Case(lambda w, by: w.lab.rounds.begin(by=by), TEACHER_ONLY),
    "Rounds.prolong": Case(lambda w, by: w.lab.rounds.prolong(time.time() + 900, by=by), TEACHER_ONLY, round_on),
    "Rounds.end": Case(lambda w, by: w.lab.rounds.end(by=by), TEACHER_ONLY, round_on),
    "Rounds.lift": Case(lambda w, by: w.lab.rounds.lift(by=by), TEACHER_ONLY, round_on),
    "Rounds.rehearse": Case(lambda w, by: w.lab.rounds.rehearse(by=by), TEACHER_ONLY),
    "Rounds.rehearsal": Case(lambda w, by: w.lab.rounds.rehearsal(by=by), TEACHER_ONLY, rehearsed),
    "Rounds.delete_rehearsal": Case(lambda w, by: w.lab.rounds.delete_rehearsal(by=by), TEACHER_ONLY, rehearsed),
    "Glancing.now": Case(lambda w, by: w.lab.glance.now(by=by), TEACHER_ONLY),
    "Messages.note": Case(lambda w, by: w.lab.messages.note("Look up.", by=by), TEACHER_ONLY),
    "Messages.send_page": Case(
        lambda w, by: w.lab.messages.send_page(PageLink(page="run", run=w.finished), by=by), TEACHER_ONLY
    ),
    "Messages.send_design": Case(lambda w, by: w.lab.messages.send_design(DESIGN, by=by), TEACHER_ONLY),
    "Messages.withdraw": Case(lambda w, by: w.lab.messages.withdraw(MESSAGE, by=by), TEACHER_ONLY, message_if_on),
    "Messages.all": Case(lambda w, by: w.lab.messages.all(by=by), TEACHER_ONLY),
    "Messages.mine": Case(lambda w, by: w.lab.messages.mine(by=by), IN),
    "Messages.show": Case(lambda w, by: w.lab.messages.show(MESSAGE, by=by), PUPILS, message_if_on),
    "Messages.dismiss": Case(lambda w, by: w.lab.messages.dismiss(MESSAGE, by=by), PUPILS, message_if_on),
    "Studying.preview": Case(lambda w, by: w.lab.studies.preview(PLAN, by=by), IN),
    "Studying.fresh": Case(lambda w, by: w.lab.studies.fresh(PLAN, by=by), IN),
    "Studying.start": Case(lambda w, by: w.lab.studies.start(PLAN, by=by), ACTIVE),
    "Studying.repeat": Case(lambda w, by: w.lab.studies.repeat(study_file(), by=by), ACTIVE),
    "Studying.all": Case(lambda w, by: w.lab.studies.all(by=by), IN, study),
    "Studying.get": Case(lambda w, by: w.lab.studies.get(STUDY, by=by), IN, study),
    "Studying.findings": Case(lambda w, by: w.lab.studies.findings(STUDY, by=by), IN, ended_study),
    "Studying.file": Case(lambda w, by: w.lab.studies.file(STUDY, by=by), IN, ended_study),
    "Studying.agreement": Case(lambda w, by: w.lab.studies.agreement(STUDY, by=by), IN, ended_study),
    "Studying.remaining_seconds": Case(lambda w, by: w.lab.studies.remaining_seconds(STUDY, by=by), IN, study),
    "Studying.look": Case(lambda w, by: w.lab.studies.look(STUDY, by=by), OWNER, study),
    "Studying.hold": Case(lambda w, by: w.lab.studies.hold(STUDY, by=by), OWNER, study),
    "Studying.resume": Case(lambda w, by: w.lab.studies.resume(STUDY, by=by), OWNER, held_study),
    "Studying.cancel": Case(lambda w, by: w.lab.studies.cancel(STUDY, by=by), OWNER, study),
    "Studying.add_seeds": Case(lambda w, by: w.lab.studies.add_seeds(STUDY, 1, by=by), OWNER, ended_study),
    "Studying.delete": Case(lambda w, by: w.lab.studies.delete(STUDY, by=by), OWNER, ended_study),
    "Studying.restore": Case(lambda w, by: w.lab.studies.restore(STUDY, by=by), OWNER, deleted_study),
    "Digits.keep": Case(lambda w, by: w.lab.digits.keep(1, STROKES, by=by), ACTIVE),
    "Digits.delete": Case(lambda w, by: w.lab.digits.delete(DIGIT, by=by), OWNER, digit),
    "Digits.throw_out": Case(lambda w, by: w.lab.digits.throw_out(DIGIT, by=by), ALL_RIGHTS, digit),
    "Digits.take_back": Case(lambda w, by: w.lab.digits.take_back(DIGIT, by=by), ALL_RIGHTS, digit_out),
    "Digits.mine": Case(lambda w, by: w.lab.digits.mine(by=by), IN, digit),
    "Digits.all": Case(lambda w, by: w.lab.digits.all(by=by), IN, digit),
    "Digits.npz": Case(lambda w, by: w.lab.digits.npz(by=by), IN, digit),
    "Digits.sheet": Case(lambda w, by: w.lab.digits.sheet(by=by), IN, digit),
    "Handouts.mine": Case(lambda w, by: w.lab.handouts.mine(by=by), IN),
    "Handouts.all": Case(lambda w, by: w.lab.handouts.all(by=by), TEACHER_ONLY),
    "Guesses.ask": Case(lambda w, by: w.lab.guesses.ask(Kind.ACCURACY, [DESIGN], by=by), TEACHER_ONLY),
    "Guesses.ask_of_round": Case(lambda w, by: w.lab.guesses.ask_of_round(Kind.ACCURACY, by=by), TEACHER_ONLY),
    "Guesses.ask_myself": Case(lambda w, by: w.lab.guesses.ask_myself(Kind.SECONDS, [[w.queued]], 5, by=by), ACTIVE),
    "Guesses.start": Case(lambda w, by: w.lab.guesses.start(QUESTION, by=by), TEACHER_ONLY, question),
    "Guesses.answer": Case(lambda w, by: w.lab.guesses.answer(QUESTION, 0.9, by=by), IN_CLASS, question),
    "Guesses.close": Case(lambda w, by: w.lab.guesses.close(QUESTION, by=by), TEACHER_ONLY, question),
    "Guesses.conclude": Case(lambda w, by: w.lab.guesses.conclude(QUESTION, by=by), TEACHER_ONLY, measured_question),
    "Guesses.delete": Case(lambda w, by: w.lab.guesses.delete(QUESTION, by=by), ALL_RIGHTS, own_question),
    "Guesses.all": Case(lambda w, by: w.lab.guesses.all(by=by), IN, question),
    "Guesses.get": Case(lambda w, by: w.lab.guesses.get(QUESTION, by=by), (*IN_CLASS, "closed", "looker"), question),
    "Guesses.current": Case(lambda w, by: w.lab.guesses.current(by=by), IN, question),
    "Guesses.table": Case(lambda w, by: w.lab.guesses.table(w.room, by=by), TEACHER_ONLY, question),
    "Stage.now": Case(lambda w, by: w.lab.stage.now(by=by), IN),
    "Stage.show": Case(lambda w, by: w.lab.stage.show("race", {"runs": [w.finished]}, by=by), TEACHER_ONLY),
    "Stage.light": Case(lambda w, by: w.lab.stage.light("dark", by=by), TEACHER_ONLY),
    "Stage.token": Case(lambda w, by: w.lab.stage.token(by=by), TEACHER_ONLY),
    "Stage.renew": Case(lambda w, by: w.lab.stage.renew(by=by), TEACHER_ONLY),
    "Challenges.begin": Case(lambda w, by: w.lab.challenges.begin(RULES, by=by), TEACHER_ONLY),
    "Challenges.close": Case(lambda w, by: w.lab.challenges.close(CHALLENGE, by=by), TEACHER_ONLY, challenge),
    "Challenges.reveal": Case(lambda w, by: w.lab.challenges.reveal(CHALLENGE, by=by), TEACHER_ONLY, challenge),
    "Challenges.add_seeds": Case(
        lambda w, by: w.lab.challenges.add_seeds(CHALLENGE, by=by), TEACHER_ONLY, revealed_challenge
    ),
    "Challenges.all": Case(lambda w, by: w.lab.challenges.all(w.room, by=by), TEACHER_ONLY, challenge),
    "Challenges.current": Case(lambda w, by: w.lab.challenges.current(by=by), IN, challenge),
    "Challenges.board": Case(lambda w, by: w.lab.challenges.board(by=by), IN, challenge),
    "Challenges.misfits": Case(lambda w, by: w.lab.challenges.misfits(DESIGN, by=by), IN, challenge),
    "Challenges.enter": Case(lambda w, by: w.lab.challenges.enter(DESIGN, by=by), ("pupil", "another"), challenge),
    "Reader.study": Case(lambda w, by: w.reader(by).study(STUDY), IN, study),
    "Reader.studies": Case(lambda w, by: w.reader(by).studies(), IN, study),
    "Reader.queued_studies": Case(lambda w, by: w.reader(by).queued_studies(), IN, study),
    "Reader.is_studying": Case(lambda w, by: w.reader(by).is_studying(), IN, study),
    "Reader.seconds_left": Case(lambda w, by: w.reader(by).seconds_left(w.lab.store.studies.get(STUDY)), IN, study),
    "Reader.run": Case(lambda w, by: w.reader(by).run(w.finished), IN),
    "Reader.why_sealed": Case(lambda w, by: w.reader(by).why_sealed(w.finished), IN),
    "Reader.some": Case(lambda w, by: w.reader(by).some([w.finished]), IN),
    "Reader.active": Case(lambda w, by: w.reader(by).active(), IN),
    "Reader.resumable": Case(lambda w, by: w.reader(by).resumable(), IN),
    "Reader.waits": Case(lambda w, by: w.reader(by).waits(), IN),
    "Reader.table": Case(lambda w, by: w.reader(by).table(), IN),
    "Reader.fields": Case(lambda w, by: w.reader(by).table() is None or w.reader(by).fields(DESIGN.design_key), IN),
    "Reader.fingerprint": Case(lambda w, by: w.reader(by).fingerprint(), IN),
    "Reader.names": Case(lambda w, by: w.reader(by).names(), IN),
    "Reader.classmates": Case(lambda w, by: w.reader(by).classmates(), IN),
    "Reader.weights": Case(lambda w, by: w.reader(by).weights(w.finished), IN),
    "Reader.repeated": Case(
        lambda w, by: w.reader(by).repeated(w.reader(by).run(w.finished), w.reader(by).table()), IN
    ),
}


USE_CASES = (
    Lab,
    Classroom,
    Studying,
    Rounds,
    Glancing,
    Messages,
    Stage,
    Guesses,
    Challenges,
    Digits,
    Handouts,
)


def public(cls: type) -> Iterator[tuple[str, inspect.Signature]]:
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            yield f"{cls.__name__}.{name}", inspect.signature(method)


def test_every_use_case_is_tried() -> None:
    asked = {name for cls in USE_CASES for name, found in public(cls) if "by" in found.parameters}
    assert set(CASES) == asked | {name for name, _ in public(Reader)}


@pytest.mark.parametrize("name", CASES)
def test_who_may_does_it_and_nobody_else_changes_anything(name: str, enter: Callable[[str], World]) -> None:
    case = CASES[name]
    for who in EVERYBODY:
        world = enter(who)
        case.before(world)
        if who in case.who:
            case.do(world, world.person(who))
            continue
        was = everything(world)
        with pytest.raises(NotAllowedError) as refused:
            case.do(world, world.person(who))
        assert str(refused.value)[0].isupper(), who
        assert str(refused.value).endswith("."), who
        assert everything(world) == was, who


CHANGES_NOTHING = {
    *(name for name in CASES if name.startswith("Reader.")),
    *(f"Studying.{name}" for name in ("preview", "fresh", "all", "get", "findings", "file", "agreement")),
    "Studying.remaining_seconds",
    *(f"Guesses.{name}" for name in ("all", "get", "current", "table")),
    "Stage.now",
    *(f"Challenges.{name}" for name in ("all", "current", "board", "misfits")),
    *("Lab.reader", "Lab.designs", "Lab.choice", "Lab.take_away"),
    *("Lab.reader", "Lab.designs", "Lab.choice", "Lab.take_away", "Glancing.now", "Messages.all", "Messages.mine"),
    *(
        "Classroom.rights",
        "Classroom.name",
        "Classroom.ended",
        "Classroom.settings",
        "Classroom.members",
        "Classroom.asking",
    ),
    *("Rounds.preview", "Rounds.rehearsal"),
    *(f"Digits.{name}" for name in ("mine", "all", "npz", "sheet")),
    *("Handouts.mine", "Handouts.all"),
    *("Classroom.reopen", "Lab.save_design"),  # it is open; it is kept already
}


@pytest.mark.parametrize("name", sorted(set(CASES) - CHANGES_NOTHING))
def test_a_use_case_that_is_allowed_is_done(name: str, enter: Callable[[str], World]) -> None:
    world = enter("teacher")
    CASES[name].before(world)
    was = everything(world)
    CASES[name].do(world, TEACHER if "pupil" not in CASES[name].who else world.cleo)
    assert everything(world) != was


def test_of_several_runs_none_is_touched_where_one_is_anothers(enter: Callable[[str], World]) -> None:
    world = enter("another")
    (mine,) = world.lab.start(DESIGN, by=world.dana)
    was = everything(world)
    for do in (
        lambda: world.lab.stop(mine, world.queued, by=world.dana),
        lambda: world.lab.pause(mine, world.queued, by=world.dana),
        lambda: world.lab.resume(world.paused, mine, by=world.dana),
        lambda: world.lab.label([mine, world.finished], by=world.dana, deleted=True),
        lambda: world.lab.undo([Change(mine, "note", "x", ""), Change(world.finished, "note", "x", "")], by=world.dana),
    ):
        with pytest.raises(NotAllowedError, match=r"Run \d+: it is not yours; only whoever queued it and the teacher"):
            do()
    assert everything(world) == was


def test_runs_that_are_not_there_are_as_where_one_is_alone(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    was = everything(world)
    for number in (0, -1, 99, 2**62):
        world.lab.stop(number, by=world.cleo)
        world.lab.pause(number, by=world.cleo)
        world.lab.resume(number, by=world.cleo)
        world.lab.move(number, 1, by=world.cleo)
        for do in (
            lambda number=number: world.lab.add_seeds(number, [1], by=world.cleo),
            lambda number=number: world.lab.continue_run(number, 1, LONGER, by=world.cleo),
            lambda number=number: world.lab.label([number], by=world.cleo, note="x"),
        ):
            with pytest.raises(InputError, match=f"{number}"):
                do()
    assert everything(world) == was


def test_a_change_of_a_run_that_is_gone_for_good_is_not_undone_and_says_so(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    changes = world.lab.label([world.finished], by=world.cleo, deleted=True)
    world.lab.store.runs.purge(days=-1)
    assert world.lab.undo(changes, by=world.cleo) == ([], [f"run {world.finished}, which has been removed for good"])


def test_what_the_teacher_changed_of_a_pupils_run_the_pupil_may_undo_and_another_may_not(
    enter: Callable[[str], World],
) -> None:
    world = enter("pupil")
    changes = world.lab.label([world.finished], by=TEACHER, note="Well done.", deleted=True)
    with pytest.raises(NotAllowedError):
        world.lab.undo(changes, by=world.dana)
    undone, kept = world.lab.undo(changes, by=world.cleo)
    assert (len(undone), kept) == (2, [])
    assert world.lab.reader(world.cleo).run(world.finished).note == ""


def test_a_pupil_restores_their_own_and_the_teacher_anybodys(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    world.lab.label([world.finished], by=world.cleo, deleted=True)
    theirs = run_of(world.lab.store, world.dana.key)
    world.lab.label([theirs], by=world.dana, deleted=True)

    def deleted(by: Person) -> list[int]:
        return [run for runs in world.lab.reader(by).table(deleted=True)["ids"] for run in runs]

    assert (deleted(world.cleo), deleted(world.dana)) == ([world.finished], [theirs])
    assert deleted(TEACHER) == [theirs, world.finished]
    with pytest.raises(NotAllowedError):
        world.lab.label([world.finished], by=world.dana, deleted=False)
    world.lab.label([world.finished], by=world.cleo, deleted=False)
    world.lab.label([theirs], by=TEACHER, deleted=False)
    assert deleted(TEACHER) == []


def test_anothers_visible_run_may_be_seeded_but_one_that_is_not_seen_may_not(enter: Callable[[str], World]) -> None:
    world = enter("another")
    (run_id,) = world.lab.add_seeds(world.finished, [7], by=world.dana)
    run = world.lab.reader(world.dana).run(run_id)
    assert (run.owner, run.seed) == (world.dana.key, 7)
    best = run_of(world.lab.store, TEACHER.key)
    allow(world.lab, sees=Sees.OWN)
    for number in (world.queued, best):
        for do in (
            lambda number=number: world.lab.add_seeds(number, [8], by=world.dana),
            lambda number=number: world.lab.ask(questions.Tested(run_id=number), by=world.dana),
            lambda number=number: world.lab.reader(world.dana).weights(number),
        ):
            with pytest.raises(InputError, match=f"Run: there is none with the number {number}"):
                do()
    assert world.lab.add_seeds(world.finished, [8], by=world.dana), "the class's best is seen"


def test_designs_and_choices_are_a_persons_own_also_under_the_same_name(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    other = PRESETS["7x7"].with_changes(name="mine")
    assert world.lab.save_design(other, by=world.dana) is None
    assert world.lab.save_design(PRESETS["2x2"].with_changes(name="mine"), by=TEACHER) is None
    world.lab.choose("columns", ["name"], by=world.dana)
    kept = {by.key: read_design(world.lab.designs(by=by)["mine"]) for by in (world.cleo, world.dana, TEACHER)}
    assert [design.design_key for design in kept.values()] == [
        DESIGN.design_key,
        other.design_key,
        PRESETS["2x2"].design_key,
    ]
    world.lab.delete_design("mine", by=world.dana)
    assert [list(world.lab.designs(by=by)) for by in (world.cleo, world.dana, TEACHER)] == [["mine"], [], ["mine"]]
    assert world.lab.choice("columns", by=world.cleo) is None


# Limits

WAIT = "Queue: your teacher allows each pupil 3 waiting runs; you have {} and asked for {} more"


def test_a_pupil_has_only_so_many_runs_waiting_however_they_come_to_wait(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    lab, cleo = world.lab, world.cleo
    allow(lab, waiting=3)  # two are waiting
    with pytest.raises(NotAllowedError, match=WAIT.format(2, 2)):
        lab.start(DESIGN, 2, by=cleo)
    with pytest.raises(NotAllowedError, match=WAIT.format(2, 2)):
        lab.add_seeds(world.finished, [8, 9], by=cleo)
    (third,) = lab.start(DESIGN, by=cleo)
    for do in (
        lambda: lab.start_all([DESIGN], by=cleo),
        lambda: lab.repeat(RECEIPT, by=cleo),
        lambda: lab.continue_run(world.finished, 3, LONGER, by=cleo),
        lambda: lab.resume(world.paused, by=cleo),
        lambda: lab.resume(world.paused, world.paused, 99, third, by=cleo),
    ):
        with pytest.raises(NotAllowedError, match=WAIT.format(3, 1)):
            do()
    gone = lab.label([third, world.queued], by=cleo, deleted=True)
    lab.start(DESIGN, 2, by=cleo)
    was = everything(world)
    with pytest.raises(NotAllowedError, match=WAIT.format(3, 2)):
        lab.label([third, world.queued], by=cleo, deleted=False)
    with pytest.raises(NotAllowedError, match=WAIT.format(3, 2)):
        lab.undo(gone, by=cleo)
    assert everything(world) == was
    lab.label([third], by=cleo, note="is still theirs")
    lab.start(DESIGN, 3, by=world.dana)
    lab.start(DESIGN, 9, by=TEACHER)
    lab.resume(world.paused, by=TEACHER)
    assert lab.reader(TEACHER).run(world.paused).status is Status.QUEUED, "the teacher is bound by nothing"


def test_a_limit_that_is_lowered_takes_nothing_away(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    world.lab.start(DESIGN, 5, by=world.cleo)
    allow(world.lab, waiting=1)
    world.lab.label([world.queued], by=world.cleo, note="x")
    world.lab.stop(world.queued, by=world.cleo)
    assert len(world.lab.reader(world.cleo).active()) == 6


def test_seeds_at_once_are_limited_for_each_design(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    allow(world.lab, seeds=2)
    with pytest.raises(NotAllowedError, match="Seeds: your teacher allows at most 2 seeds at a time; you asked for 3"):
        world.lab.start(DESIGN, 3, by=world.cleo)
    with pytest.raises(NotAllowedError, match="Seeds: your teacher allows at most 2 seeds at a time; you asked for 3"):
        world.lab.add_seeds(world.finished, [5, 6, 7], by=world.cleo)
    assert world.lab.start_all([DESIGN, DESIGN, PRESETS["3x3"]], by=world.cleo)
    assert len(world.lab.start(DESIGN, 3, by=TEACHER)) == 3


def test_a_run_that_is_predicted_to_take_too_long_is_refused(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    allow(world.lab, seconds=10)
    long = PRESETS["7x7"].with_changes(recipe=PRESETS["7x7"].recipe.model_dump() | {"epochs": 100})
    seconds = world.lab.estimate(long).seconds
    words = f"Training: your teacher allows 10 s a run; this one is predicted to take {duration_text(seconds)}. Choose"
    with pytest.raises(NotAllowedError, match=words):
        world.lab.start_all([DESIGN.with_changes(train_images=1000), long], by=world.cleo)
    further = DESIGN.recipe.model_copy(update={"epochs": 1000})
    with pytest.raises(NotAllowedError, match="Training: your teacher allows 10 s a run"):
        world.lab.continue_run(world.finished, 3, further, by=world.cleo)
    allow(world.lab, seconds=None)
    assert world.lab.start(long, by=world.cleo)


# The end of it


def test_removed_or_closed_one_may_nothing_more_from_then_on(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    lab, store = world.lab, world.lab.store
    (theirs,) = lab.start(DESIGN, by=world.dana)
    store.queue.claim("engine", only=[theirs])
    world.lab.classroom.remove(world.dana.key, by=TEACHER)
    with pytest.raises(NotAllowedError, match="You are not in the class any more"):
        lab.reader(world.dana)
    assert store.runs.get(theirs).command is Command.PAUSE
    lab.classroom.close(by=TEACHER)
    with pytest.raises(NotAllowedError, match="The class is closed: you can still look"):
        lab.resume(world.paused, by=world.cleo)
    assert lab.reader(world.cleo).run(world.queued).status is Status.PAUSED
    lab.classroom.reopen(by=TEACHER)
    lab.resume(world.queued, by=world.cleo)
    lab.classroom.end(by=TEACHER)
    with pytest.raises(NotAllowedError, match="Your class has ended"):
        lab.reader(world.cleo)
    assert store.runs.get(world.queued).status is Status.PAUSED, (
        "nothing of theirs is trained behind the teacher's back"
    )
    lab.resume(world.queued, by=ADA)
    assert lab.reader(ADA).run(world.queued).status is Status.QUEUED


def test_a_pupil_of_an_earlier_class_is_nobody_in_the_next(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    world.lab.classroom.end(by=TEACHER)
    world.lab.store.classes.open(CODE, "{}")
    with pytest.raises(NotAllowedError, match="Your class has ended"):
        world.lab.reader(world.cleo)


def test_a_page_is_locked_for_pupils_only(enter: Callable[[str], World]) -> None:
    world = enter("pupil")
    allow(world.lab, locked=("inspect",))
    store = world.lab.store
    assert not rights(store, world.cleo).may_open("inspect")
    assert rights(store, world.cleo).may_open("train")
    assert rights(store, TEACHER).may_open("inspect")


def test_what_a_page_shows_as_possible_is_what_the_lab_allows(enter: Callable[[str], World]) -> None:
    for who, may in (("pupil", True), ("another", False), ("teacher", True), ("closed", False), ("alone", True)):
        world = enter(who)
        run = world.lab.store.runs.get(world.finished)
        assert world.lab.classroom.rights(world.person(who)).may_change(run) is may, who


def test_a_looker_on_opens_the_stage_alone_and_sees_what_the_teacher_may_put_there(
    enter: Callable[[str], World],
) -> None:
    world = enter("looker")
    allow(world.lab, sees=Sees.OWN, locked=("stage",))
    found = rights(world.lab.store, looker())
    assert found.may_open("stage")
    assert not any(found.may_open(path) for path in ("", "train", "class", "inspect"))
    assert world.lab.reader(looker()).run(world.queued)
    run = world.lab.store.runs.get(world.finished)
    assert not found.may_change(run)
    assert (found.are_all, found.only_looks) == (False, True)
    assert set(world.lab.reader(looker()).classmates()) == {world.cleo.key, world.dana.key}, "who was removed is not in"
    world.lab.classroom.end(by=TEACHER)
    with pytest.raises(NotAllowedError, match="The class whose stage this was has ended"):
        world.lab.reader(looker())
