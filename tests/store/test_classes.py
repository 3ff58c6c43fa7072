"""Classes: open, closed, ended, deleted; and what becomes of the runs of their pupils."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.store.classes import Class
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command
from tests.builders.classes import CODE, open_class, pupil
from tests.builders.runs import OUTCOME, epoch, finish


def room(store: Store) -> Class:
    found = store.classes.current()
    assert found is not None
    return found


def statuses(store: Store) -> dict[int, Status]:
    return {run.id: run.status for run in store.runs.all()}


def test_a_class_is_open_then_closed_then_open_again_then_ended(store: Store) -> None:
    assert store.classes.current() is None
    class_id = store.classes.open(CODE, "{}")
    assert (room(store).code, room(store).is_open, room(store).is_held) == (CODE, True, False)
    store.classes.close(class_id)
    closed = room(store).closed
    assert closed is not None
    assert not room(store).is_open
    store.classes.reopen(class_id)
    assert room(store).is_open
    store.classes.close(class_id)
    when = room(store).closed
    store.classes.end(class_id)
    assert store.classes.current() is None
    (ended,) = store.classes.ended()
    assert (ended.id, ended.closed, ended.is_open) == (class_id, when, False), "it was closed when it was closed"


def test_there_is_one_class_at_a_time_whichever_server_opens_it(store: Store, url: str) -> None:
    class_id = store.classes.open(CODE, "{}")
    other = Store(url)
    with pytest.raises(InputError, match="Class: there is one already; end it before another is opened"):
        other.classes.open(CODE, "{}")
    store.classes.close(class_id)
    with pytest.raises(InputError, match="there is one already"):
        other.classes.open(CODE, "{}")
    other.classes.end(class_id)
    assert other.classes.open(CODE, "{}") > class_id
    assert [ended.id for ended in store.classes.ended()] == [class_id]
    other.close()


def test_what_a_teacher_allows_and_whether_the_queue_is_held_are_kept(store: Store) -> None:
    class_id = open_class(store)
    store.classes.allow(class_id, '{"waiting": 3}')
    store.classes.hold(class_id, is_held=True)
    assert (room(store).settings_json, room(store).is_held) == ('{"waiting": 3}', True)
    store.classes.close(class_id)
    assert room(store).is_held is False, "nobody is left for whom it would be held"


@pytest.mark.parametrize("end", ["close", "end"])
def test_when_a_class_closes_or_ends_its_pupils_runs_are_paused_and_the_teachers_are_not(
    store: Store, end: str
) -> None:
    class_id = open_class(store)
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    training, waiting = store.queue.add([PRESETS["3x3"]] * 2, cleo.key)
    (stopping,) = store.queue.add([PRESETS["3x3"]], dana.key)
    mine, next_ = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    (deleted,) = store.queue.add([PRESETS["3x3"]], dana.key)
    store.labels.set([deleted], deleted=True)
    for run_id in (training, stopping, mine):
        store.queue.claim("engine", only=[run_id])
    store.queue.stop(stopping)
    getattr(store.classes, end)(class_id)
    assert statuses(store) == {
        training: Status.RUNNING,
        waiting: Status.PAUSED,
        stopping: Status.RUNNING,
        mine: Status.RUNNING,
        next_: Status.QUEUED,
    }
    commands = {run.id: run.command for run in store.runs.all() if run.status is Status.RUNNING}
    assert commands == {training: Command.PAUSE, stopping: Command.STOP, mine: Command.CONTINUE}
    store.queue.crashed(training)
    assert store.runs.get(training).status is Status.PAUSED, "not even a crash brings it back"


def test_a_class_is_deleted_with_all_that_its_pupils_made_and_nothing_else(store: Store, kind: str) -> None:
    before = open_class(store)
    earlier = pupil(store, "Fay")
    (old,) = store.queue.add([PRESETS["3x3"]], earlier.key)
    store.classes.end(before)
    class_id = open_class(store)
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    store.people.ask(class_id, "Cleo")
    for key in (cleo.key, dana.key, "ada", earlier.key):
        store.designs.save(PRESETS["3x3"].with_changes(name="mine"), key)
        store.choices.set(key, "columns", ["name"])
    theirs, more = store.queue.add([PRESETS["3x3"]] * 2, cleo.key)
    (mine,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine", only=[theirs])
    store.recording.record(theirs, epoch(1))
    store.recording.finish(theirs, OUTCOME)
    store.receipts.add(theirs, "{}")
    continued = store.queue.continue_run(store.runs.get(theirs), 1, PRESETS["3x3"], "ada", (None, None))
    store.queue.claim("engine", only=[more])
    store.people.remove(dana.key)
    with pytest.raises(InputError, match="Class: it has not ended; end it before it is deleted"):
        store.classes.delete(class_id)
    store.classes.end(class_id)
    with pytest.raises(InputError, match=f"Class: run {more} is still in training; stop it first"):
        store.classes.delete(class_id)
    finish(store, mine, 0.5)
    store.recording.end(more, Status.FAILED, "It diverged.")
    store.questions.submit("answer", {"run_id": theirs})
    store.classes.delete(class_id)
    assert store.classes.current() is None
    assert [ended.id for ended in store.classes.ended()] == [before]
    assert {run.id for run in store.runs.all()} == {old, mine, continued}
    assert store.questions.claim("engine") == []
    assert [list(store.designs.of(key)) for key in ("ada", earlier.key)] == [["mine"], ["mine"]]
    assert store.choices.get(cleo.key, "columns") is None
    assert store.choices.get("ada", "columns") == ["name"]
    assert store.people.names() == {earlier.key: "Fay"}
    with store.database.read() as connection:
        names = sa.inspect(connection).get_table_names()
        text = "\n".join(repr(row) for name in names for row in connection.execute(sa.text(f"SELECT * FROM {name}")))
    for word in ("Cleo", "Dana", f"'{cleo.key}'", f"'{dana.key}'"):
        assert word not in text
    path = Path(store.url.removeprefix("sqlite:///"))
    for file in path.parent.glob(f"{path.name}*") if kind == "sqlite" else ():
        assert b"Cleo" not in file.read_bytes(), f"nor is it left in what {file.name} no longer uses"
    queued = store.runs.get(continued)
    assert (queued.parent_id, queued.status) == (theirs, Status.QUEUED), "what the teacher made of it goes on"
    assert store.queue.claim("engine").id == continued


def test_a_class_that_is_not_there_is_deleted_without_effect(store: Store) -> None:
    class_id = open_class(store)
    store.classes.delete(class_id + 1)
    assert room(store).id == class_id


def test_another_code_lets_in_and_the_old_one_does_not(store: Store) -> None:
    class_id = open_class(store)
    store.classes.renew(class_id, "MNPQRT")
    assert room(store).code == "MNPQRT"
