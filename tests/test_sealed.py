"""While a study is sealed nobody sees results of its runs, in whatever way they ask; when its last run has ended everybody
sees them as any others."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mnist_lab.__main__ import main
from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.runs import ADA, epoch
from tests.builders.studies import complete, ends, small_plan

TELLING = 0.7317  # an accuracy that nothing else has


@dataclass
class World:
    """A sealed study of somebody's, with a finished run, one in training and one that is paused; and a run of no study."""

    lab: Lab
    study: int
    finished: int
    running: int
    paused: int
    free: int
    plan: Any

    @property
    def sealed(self) -> tuple[int, ...]:
        return self.finished, self.running, self.paused


def made(store: Store, small: Experiment, by: Person) -> World:
    lab = Lab(store.url)
    store.lease.take("engine", "ready")
    (free,) = store.queue.add([small.with_changes(seed=99)], by.key)
    ends(store, free, 0.5)
    plan = small_plan(small)
    study = lab.studies.start(plan, by=by)
    finished, running, paused, *_ = store.studies.unended(study)
    ends(store, finished, TELLING)
    for run_id in (running, paused):
        store.queue.claim("engine", only=[run_id])
        store.recording.begin(run_id, {})
        store.recording.record(run_id, epoch(1, accuracy=TELLING, size=10))
    store.queue.pause(paused)
    store.recording.pause(paused)
    return World(lab, study, finished, running, paused, free, plan)


@pytest.fixture
def world(store: Store, small: Experiment) -> World:
    return made(store, small, ADA)


def listed(reader: Reader) -> dict[str, set[int]]:
    """The runs that each way of reading names."""
    every = list(range(1, 30))
    tables = {"table": reader.table(), "table of these": reader.table(every), "deleted": reader.table(deleted=True)}
    best, latest = reader.runs.best_with_weights(), reader.runs.latest()
    return {name: {ids[0] for ids in rows["ids"]} for name, rows in tables.items()} | {
        "some": set(reader.some(every)),
        "all": {run.id for run in reader.runs.all()},
        "finished": {run.id for run in reader.runs.all(Status.FINISHED)},
        "active": {run.id for run in reader.active()},
        "resumable": {run.id for run in reader.resumable()},
        "waits": set(reader.waits()),
        "with weights": {run.id for run in reader.runs.with_weights(100)},
        "best": {best.id} if best else set(),
        "best of the design": {
            run.id for key in reader.table()["design_key"] if (run := reader.runs.best_with_weights(key))
        },
        "latest": {latest.id} if latest else set(),
        "listing": set(reader.runs.listing()["id"]),
        "epochs": set(reader.runs.epochs(every)["run_id"]),
        "batches": {run_id for run_id in every if len(reader.runs.batches(run_id))},
        "probabilities": {run_id for run_id in every if reader.runs.probabilities(run_id) is not None},
    }


def test_no_list_and_no_table_has_one(world: World) -> None:
    for name, found in listed(world.lab.reader(ADA)).items():
        assert found <= {world.free}, name
    assert listed(world.lab.reader(ADA))["best"] == {world.free}


ASKED: dict[str, Callable[[Lab, int, Person], Any]] = {
    "the run": lambda lab, i, by: lab.reader(by).run(i),
    "its weights": lambda lab, i, by: lab.reader(by).weights(i),
    "its weights after an epoch": lambda lab, i, by: lab.reader(by).weights(i, 1),
    "a question": lambda lab, i, by: lab.ask(questions.Tested(run_id=i), by=by),
    "more seeds": lambda lab, i, by: lab.add_seeds(i, [77], by=by),
    "going on": lambda lab, i, by: lab.continue_run(i, 1, lab.store.runs.get(i).experiment.recipe, by=by),
}


@pytest.mark.parametrize("what", ASKED)
def test_who_asks_for_one_by_its_number_is_told_why_not(world: World, what: str) -> None:
    before = {run.id for run in world.lab.store.runs.all()}
    for run_id in world.sealed:
        with pytest.raises(
            InputError, match=f"Run {run_id} belongs to study {world.study}, whose results nobody has looked at yet"
        ):
            ASKED[what](world.lab, run_id, ADA)
    assert {run.id for run in world.lab.store.runs.all()} == before


def test_commands_to_one_tell_nothing(world: World) -> None:
    lab = world.lab
    changes = lab.label(world.sealed, by=ADA, note="Hm.", archived=True)
    assert str(TELLING) not in repr([changes, lab.undo(changes, by=ADA)])
    for do in (lab.pause, lab.resume, lab.stop):
        assert do(*world.sealed, by=ADA) is None
    for name, found in listed(lab.reader(ADA)).items():
        assert found <= {world.free}, name


def test_the_fingerprint_of_the_table_does_not_change_with_them(world: World, store: Store) -> None:
    before = world.lab.reader(ADA).fingerprint()
    store.recording.record(world.running, epoch(2, size=10))
    assert world.lab.reader(ADA).fingerprint() == before
    complete(world.lab, world.study)
    store.queue.stop(world.running, world.paused)
    for run_id in (world.running, world.paused):
        if store.runs.get(run_id).status is Status.RUNNING:
            store.queue.crashed(run_id)
        ends(store, run_id, 0.6)
    assert world.lab.reader(ADA).fingerprint() != before


def test_the_queue_has_a_line_for_the_study(world: World, store: Store) -> None:
    (own,) = store.queue.add([world.plan.base], "ada", [(10.0, 30.0)])
    reader = world.lab.reader(ADA)
    (line,) = reader.queued_studies()
    assert (line.study.id, line.place) == (world.study, 2)
    assert line.study.counts == {Status.FINISHED: 1, Status.RUNNING: 1, Status.PAUSED: 1, Status.QUEUED: 3}
    assert line.begins == pytest.approx(reader.waits()[own][1] + 20.0)
    assert line.seconds > 0
    assert reader.waits()[own][0] == 1
    assert [run.id for run in reader.active()] == [own]
    world.lab.studies.hold(world.study, by=ADA)
    (held,) = world.lab.reader(ADA).queued_studies()
    assert (held.place, held.begins) == (None, None)


def test_of_an_opened_study_what_trains_can_be_watched_and_what_waits_is_one_line(world: World) -> None:
    world.lab.studies.look(world.study, by=ADA)
    reader = world.lab.reader(ADA)
    assert [run.id for run in reader.active()] == [world.running]
    assert reader.resumable() == []
    assert reader.waits() == {}
    assert len(reader.queued_studies()) == 1
    assert set(world.sealed) <= {run.id for run in reader.runs.all()}
    assert reader.run(world.finished).test_accuracy == TELLING


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    found = capsys.readouterr()
    return status, found.out + found.err


def test_the_command_line_tells_none(
    world: World, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    status, text = printed(capsys, "runs", "--json")
    assert (status, [run["run"] for run in json.loads(text)]) == (0, [world.free])
    status, text = printed(capsys, "runs")
    assert (status, "73.17" in text, "50.00" in text) == (0, False, True)
    status, text = printed(capsys, "export", str(world.finished))
    assert (status, "belongs to study" in text, "73.17" in text) == (2, True, False)


def test_in_a_class_neither_the_teacher_nor_its_owner_nor_others_see_any(store: Store, small: Experiment) -> None:
    room = open_class(store, ClassSettings(sees=Sees.OWN))
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    world = made(store, small, cleo)
    for by in (cleo, dana, TEACHER):
        for name, found in listed(world.lab.reader(by)).items():
            assert found <= {world.free}, (by, name)
    for by in (cleo, TEACHER):
        with pytest.raises(InputError, match="belongs to study"):
            world.lab.reader(by).run(world.finished)
    for run_id in world.sealed:
        with pytest.raises(InputError, match="Run: there is none"):
            world.lab.reader(dana).run(run_id)  # not even that it is the class's best
    with zipfile.ZipFile(io.BytesIO(world.lab.take_away(room, by=TEACHER))) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert not [name for name, text in files.items() if str(TELLING) in text]
    assert "0.5" in files["runs.csv"]


def test_a_preview_of_the_same_plan_tells_nothing_of_their_spread(world: World) -> None:
    found = world.lab.studies.preview(world.plan, by=ADA)
    assert found.known == 3
    assert found.sd_source.startswith("what is usual")


def test_when_its_last_run_has_ended_they_are_as_any_others(world: World, store: Store) -> None:
    lab = world.lab
    store.queue.resume(world.paused)
    store.queue.crashed(world.running)
    complete(lab, world.study)
    found = listed(lab.reader(ADA))
    every = {world.free, *range(world.finished, world.finished + 6)}
    assert len(every) == 7
    for name in (
        "table",
        "table of these",
        "some",
        "all",
        "finished",
        "with weights",
        "listing",
        "epochs",
        "probabilities",
    ):
        assert found[name] == every, name
    for run_id in world.sealed:
        assert lab.reader(ADA).run(run_id).status is Status.FINISHED
        assert lab.reader(ADA).weights(run_id)
        assert lab.ask(questions.Tested(run_id=run_id), by=ADA)
    assert lab.reader(ADA).queued_studies() == []
