"""A class as a file: all that it made, and no name unless that is wanted."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from mnist_lab.classroom.cookies import teacher
from mnist_lab.classroom.settings import ClassSettings
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson.guess import Kind as GuessKind
from mnist_lab.person import Kind, Person
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, epoch, finish

TEACHER = teacher()


@pytest.fixture
def lab(store: Store) -> Lab:
    """A class of two, of whom one has been removed, each with a finished run and a design; and a run of the teacher's."""
    lab = Lab(store.url)
    lab.classroom.open(by=TEACHER)
    code = store.classes.current().code
    for seed, name in enumerate(("Grace H.", "Alan T.")):
        person = Person(lab.classroom.join(code, name).key, Kind.PUPIL)
        design = PRESETS["fast"].with_changes(seed=seed, name=f"net {seed}")
        lab.save_design(design, by=person)
        (run_id,) = lab.start(design, by=person)
        store.queue.claim("engine", only=[run_id])
        store.recording.record(run_id, epoch(1))
        finish(store, run_id, 0.9)
    lab.start(PRESETS["3x3"], by=TEACHER)
    lab.classroom.remove(person.key, by=TEACHER)
    return lab


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_people_runs_epochs_and_designs_under_pseudonyms(lab: Lab, store: Store) -> None:
    files = unpacked(lab.take_away(store.classes.current().id, by=TEACHER))
    people, runs, epochs = (pd.read_csv(io.BytesIO(files[f"{name}.csv"])) for name in ("people", "runs", "epochs"))
    assert people["pupil"].tolist() == ["pupil 1", "pupil 2"]
    assert people["removed"].notna().tolist() == [False, True]
    assert sorted(runs["owner"]) == ["pupil 1", "pupil 2"], "and none of the teacher's"
    assert set(epochs["run"]) == set(runs["run"])
    assert {(one["owner"], one["name"]) for one in json.loads(files["designs.json"])} == {
        ("pupil 1", "net 0"),
        ("pupil 2", "net 1"),
    }
    assert not [name for name, data in files.items() if b"Grace" in data or b"Alan" in data]


def test_it_holds_names_where_the_teacher_has_ticked_that(lab: Lab, store: Store) -> None:
    lab.classroom.allow(ClassSettings(names_in_files=True), by=TEACHER)
    lab.classroom.end(by=TEACHER)
    (ended,) = lab.classroom.ended(by=TEACHER)
    files = unpacked(lab.take_away(ended.id, by=TEACHER))
    assert sorted(pd.read_csv(io.BytesIO(files["runs.csv"]))["owner"]) == ["Alan T.", "Grace H."]
    assert pd.read_csv(io.BytesIO(files["people.csv"]))["name"].tolist() == ["Grace H.", "Alan T."]


def test_a_class_that_made_nothing_is_a_file_too(store: Store) -> None:
    lab = Lab(store.url)
    lab.classroom.open(by=TEACHER)
    files = unpacked(lab.take_away(store.classes.current().id, by=TEACHER))
    assert set(files) == {"people.csv", "designs.json"}


@pytest.mark.parametrize(("ticked", "called"), [(False, "pupil 1"), (True, "Grace H.")])
def test_it_holds_what_was_drawn(lab: Lab, store: Store, ticked: bool, called: str) -> None:
    lab.digits.keep(1, [[(0.5, 0.2), (0.5, 0.8)]], by=Person("pupil 1", Kind.PUPIL))
    lab.digits.keep(1, [[(0.5, 0.2), (0.6, 0.8)]], by=TEACHER)
    lab.classroom.allow(ClassSettings(names_in_files=ticked), by=TEACHER)
    files = unpacked(lab.take_away(store.classes.current().id, by=TEACHER))
    with np.load(io.BytesIO(files["own-digits.npz"]), allow_pickle=False) as found:
        assert found["drawers"].tolist() == [called, "teacher"]
    assert files["own-digits.png"][:4] == b"\x89PNG"


def test_it_holds_the_best_designs_first_and_guesses_whose_outcome_is_there(lab: Lab, store: Store) -> None:
    grace = Person("pupil 1", Kind.PUPIL)
    first, second = lab.start(PRESETS["2x2"], 2, by=grace)
    questions = [
        lab.guesses.ask(GuessKind.SECONDS, [[run_id]], with_names=named, asks_why=True, by=TEACHER)
        for run_id, named in ((first, True), (first, False), (second, True))
    ]
    for question in questions:
        lab.guesses.answer(question, 12, "It is small.", by=grace)
    assert "guesses.csv" not in unpacked(lab.take_away(store.classes.current().id, by=TEACHER)), "none is known yet"
    store.queue.claim("engine", only=[first])
    store.recording.record(first, epoch(1))
    finish(store, first, 0.95)
    files = unpacked(lab.take_away(store.classes.current().id, by=TEACHER))
    guesses = pd.read_csv(io.BytesIO(files["guesses.csv"]), keep_default_na=False)
    assert guesses["pupil"].tolist() == ["", "pupil 1"], "one was asked without names, of one the outcome is not there"
    best = pd.read_csv(io.BytesIO(files["best.csv"]))
    assert best["validation_accuracy"].is_monotonic_decreasing
    assert set(best["owner"]) == {"pupil 1", "pupil 2"}
    (its, other) = lab.handouts.mine(by=grace), lab.handouts.all(by=TEACHER)[0]
    assert (len(its.guesses), len(other.guesses)) == (2, 1)
    assert "12" in its.guesses[0].guess


def test_it_is_the_teachers_alone(lab: Lab, store: Store) -> None:
    with pytest.raises(NotAllowedError):
        lab.take_away(store.classes.current().id, by=Person("pupil 1", Kind.PUPIL))
    lab.classroom.end(by=TEACHER)
    with pytest.raises(NotAllowedError):
        lab.take_away(lab.classroom.ended(by=TEACHER)[0].id, by=ADA)  # which is then whoever is on the network
