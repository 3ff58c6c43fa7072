"""Stores of older versions, brought up to date."""

import io
import json
import sqlite3
from pathlib import Path

import alembic.command
import alembic.config
import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, parse, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.person import Kind, Person
from mnist_lab.store import database
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil


@pytest.fixture
def kind() -> str:
    """Only of SQLite there are older stores."""
    return "sqlite"


def make_empty(url: str, revision: str) -> None:
    """An empty store as an older version made it."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
    engine.dispose()


def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_it_holds(url: str, tmp_path: Path) -> None:
    make_empty(url, "0001")
    weights = io.BytesIO()
    np.savez(weights, w=np.arange(3.0))
    probabilities = io.BytesIO()
    np.savez(probabilities, probabilities=np.ones((2, 10), np.float16))
    old = PRESETS["3x3"].model_dump(mode="json", exclude={"format"})
    # As the first version wrote it: an optimizer's and a schedule's name, and no field that came later.
    recipe = {name: old["recipe"][name] for name in ("optimizer", "batch_size", "epochs")} | {"schedule": "constant"}
    row = "INSERT INTO runs (name, owner, status, experiment, design_key, parameters, created, engine, kept_epoch"
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        for status, kept in (("finished", 2), ("interrupted", None), ("queued", None), ("running", None)):
            values = ("3x3", "ada", status, json.dumps(old | {"recipe": recipe}), "key", 13338, 1.0, "dead", kept)
            connection.execute(f"{row}) VALUES ({','.join('?' * len(values))})", values)
        line = "INSERT INTO epochs VALUES (1, ?, 469, 1.0, 0.5, 0.9, ?, 1.5)"
        connection.executemany(line, [(1, 0.6), (2, 0.7)])
        connection.execute("INSERT INTO batches VALUES (1, 0, 1, 2.0, 0.1, 0.5)")
        connection.execute("INSERT INTO checkpoints VALUES (1, 2, ?)", (weights.getvalue(),))
        connection.execute("INSERT INTO predictions VALUES (1, ?)", (probabilities.getvalue(),))

    store = Store(url)
    finished, interrupted, queued, running = reversed(store.runs.all())
    assert finished.experiment == PRESETS["3x3"].with_changes(recipe=recipe, name="3x3 · no corrected statistics")
    assert store.runs.epochs([1])["validation_accuracy"].tolist() == [0.6, 0.7]
    assert store.runs.batches(1)["loss"].tolist() == [2.0]
    assert store.checkpoints.weights(1)["w"].tolist() == [0, 1, 2]
    assert store.runs.probabilities(1).shape == (2, 10)
    assert store.checkpoints.epochs(1) == {2: False}, "nothing to go on from was kept then"
    store.lease.requeue_orphans()
    assert [run.id for run in store.queue.active()] == [running.id, queued.id]
    assert [run.id for run in store.queue.resumable()] == [interrupted.id]
    store.queue.resume(interrupted.id)
    assert store.queue.claim("engine").id == interrupted.id
    assert store.recording.begin(interrupted.id, {}) is None, "it begins anew"


def test_names_of_0_6_that_cannot_be_seen_are_mended_and_everything_is_read(url: str, tmp_path: Path) -> None:
    make_empty(url, "0004")

    def named(name: str) -> str:
        return json.dumps(PRESETS["3x3"].model_dump(mode="json") | {"name": name})

    receipt = json.dumps({"name": "\u2028", "experiment": {"name": "a\u200bb"}})
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        columns = "name, tags, experiment, owner, status, design_key, parameters, created, curve"
        values = ("\u202e", '["\u200b", "b "]', named("a\u200bb\u2028c"), "ada", "finished", "key", 1, 1.0, "[]")
        connection.execute(f"INSERT INTO runs ({columns}) VALUES ({','.join('?' * len(values))})", values)
        connection.execute("INSERT INTO receipts VALUES (1, ?)", (receipt,))
        for name in ("a", "a\u200b", "a\u200c", " "):
            connection.execute("INSERT INTO designs VALUES (?, 'ada', ?, 1.0)", (name, named(name)))
    store = Store(url)
    run = store.runs.get(1)
    assert (run.name, run.tags, parse(Experiment, run.experiment_json).name) == ("custom", ("b",), "ab c")
    assert json.loads(store.receipts.get(1)) == {"name": "custom", "experiment": {"name": "ab"}}
    designs = store.designs.of("ada")
    assert list(designs) == ["a", "a 2", "a 3", "custom"]
    assert all(read_design(text).name == name for name, text in designs.items()), "none has taken another's place"
    store.close()


def test_what_0_6_left_belongs_to_the_teacher_of_a_class(url_of_0_6: str) -> None:
    store = Store(url_of_0_6)
    runs, designs = {run.id for run in store.runs.all()}, store.designs.of("ada")
    waiting = [run.id for run in store.queue.active()] + [run.id for run in store.queue.resumable()]
    assert (len(designs), bool(runs)) == (3, True)
    lab = Lab(store.url)
    room = open_class(store)
    cleo = pupil(store, "Cleo")
    teacher = Person("bob", Kind.TEACHER)  # whatever the user of the system is called today
    assert lab.designs(by=teacher) == designs
    assert lab.designs(by=cleo) == {}
    assert {run.id for run in lab.reader(teacher).runs.all()} == {run.id for run in lab.reader(cleo).runs.all()} == runs
    for run_id in runs:
        with pytest.raises(NotAllowedError):
            lab.label([run_id], by=cleo, note="mine")
    lab.label(runs, by=teacher, note="mine")
    lab.save_design(PRESETS["fast"].with_changes(name=next(iter(designs))), by=cleo)
    (theirs,) = lab.start(PRESETS["fast"], by=cleo)
    lab.resume(*waiting, by=teacher)
    told = [run.id for run in store.queue.active() if run.status is Status.QUEUED]
    assert set(told) == {*waiting, theirs}
    assert told.index(theirs) == 1, "all that is no pupil's is one person's"
    store.classes.end(room)
    store.classes.delete(room)
    assert {run.id for run in store.runs.all()} == runs
    assert store.designs.of("ada") == designs
    lab.store.close()
    store.close()
