"""What somebody sees of the runs: everything, or as a pupil their own and the class's best."""

import io
import json
import zipfile

import pytest

from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.cli.runs import as_json
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.reader import ID_LIMIT
from mnist_lab.results import files, receipt
from mnist_lab.results import table as results_table
from mnist_lab.store import ready_made
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.classes import CODE, TEACHER, allow, open_class, pupil
from tests.builders.runs import ADA, epoch, finish, point, trained


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.mark.parametrize("number", [0, -1, 99, ID_LIMIT])
def test_a_run_that_is_not_there_is_a_sentence(lab: Lab, number: int) -> None:
    with pytest.raises(InputError, match=f"Run: there is none with the number {number}; the Results page"):
        lab.reader(ADA).run(number)


def test_who_looks_sees_what_a_dead_engine_left_waiting_again(lab: Lab, store: Store) -> None:
    looks = (
        lambda i: lab.reader(ADA).run(i).status,
        lambda i: lab.reader(ADA).some([i])[i].status,
        lambda i: lab.reader(ADA).runs.all()[0].status,
        lambda i: lab.reader(ADA).active()[0].status,
        lambda i: Status(lab.reader(ADA).table()["status"].iloc[0]),
        lambda i: lab.reader(ADA).fingerprint() and store.runs.get(i).status,
    )
    for look in looks:
        (run_id,) = lab.start(PRESETS["3x3"], by=ADA)
        store.queue.claim("dead", only=[run_id])
        assert look(run_id) is Status.QUEUED
        store.queue.stop(run_id)


def test_what_waits_begins_when_those_before_it_have_ended(lab: Lab, store: Store) -> None:
    store.lease.take("engine", "ready")
    ids = store.queue.add([PRESETS["3x3"]] * 3, "ada", [(50.0, 70.0), (10.0, 30.0), (None, None)])
    assert lab.reader(ADA).waits() == {ids[0]: (1, 0.0), ids[1]: (2, 60.0), ids[2]: (3, 80.0)}
    store.queue.claim("engine")
    assert lab.reader(ADA).waits() == {ids[1]: (1, 60.0), ids[2]: (2, 80.0)}, "half a minute where nobody said"


def test_weights_that_are_not_kept_are_a_sentence(lab: Lab, store: Store) -> None:
    run_id = trained(store, epochs=2)
    assert list(lab.reader(ADA).weights(run_id)) == ["w"]
    with pytest.raises(InputError, match=f"Run {run_id}: the weights of this epoch are not kept; choose another epoch"):
        lab.reader(ADA).weights(run_id, 9)


def test_every_field_of_a_design_in_the_table_is_there(lab: Lab, store: Store) -> None:
    trained(store)
    key = lab.reader(ADA).table()["design_key"].iloc[0]
    assert lab.reader(ADA).fields(key) == results_table.fields(PRESETS["3x3"].model_dump_json())


def test_a_deleted_run_is_out_of_every_list_until_it_is_restored(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    before = store.labels.set([gone], deleted=True)
    lab = Lab(store.url)
    assert [ids for (ids,) in lab.reader(ADA).table()["ids"]] == [stays]
    assert (
        [run.id for run in lab.reader(ADA).runs.all()] == [run.id for run in lab.store.runs.all(limit=100)] == [stays]
    )
    assert lab.reader(ADA).run(gone).deleted  # its page can restore it
    store.labels.undo(before)
    assert len(lab.reader(ADA).table()) == 2


# A pupil who sees their own and the class's best


def run_of(store: Store, owner: str, accuracy: float, design: str = "3x3") -> int:
    """The id of a finished run whose weights are kept."""
    (run_id,) = store.queue.add([PRESETS[design]], owner)
    store.queue.claim("engine", only=[run_id])
    store.recording.record(run_id, Report([point(0)]), epoch(1, size=10))
    return finish(store, run_id, accuracy).id


@pytest.fixture
def two(store: Store) -> tuple[Person, Person]:
    """Two pupils of a class in which each sees their own runs and the class's best."""
    store.lease.take("engine", "ready")
    open_class(store, ClassSettings(sees=Sees.OWN))
    return pupil(store, "Cleo Patra"), pupil(store, "Dana Scully")


def test_a_pupil_sees_their_own_and_the_best_of_the_class(lab: Lab, store: Store, two: tuple[Person, Person]) -> None:
    cleo, dana = two
    teachers = run_of(store, "ada", 0.99)
    mine, theirs, best = run_of(store, cleo.key, 0.5), run_of(store, dana.key, 0.6), run_of(store, dana.key, 0.9)
    child = store.queue.continue_run(store.runs.get(best), 1, PRESETS["3x3"], dana.key, (None, None))
    store.queue.stop(child)
    reader = lab.reader(cleo)
    seen = {mine, best}
    hidden = {teachers, theirs, child}
    everything = [*seen, *hidden]
    assert set(reader.some(everything)) == seen
    assert {run.id for run in reader.runs.all()} == seen
    assert {run for runs in reader.table()["ids"] for run in runs} == seen
    assert {run for runs in reader.table(everything)["ids"] for run in runs} == seen
    assert {run.id for run in reader.runs.with_weights(10)} == seen
    assert reader.runs.best_with_weights().id == best
    assert reader.runs.latest().id == best
    assert reader.runs.children(best) == []
    assert set(reader.runs.epochs(everything)["run_id"]) == seen
    for run_id in hidden:
        with pytest.raises(InputError, match="Run: there is none"):
            reader.run(run_id)
        with pytest.raises(InputError, match="Run: there is none"):
            reader.weights(run_id)
        with pytest.raises(InputError, match="Run: there is none"):
            lab.ask(questions.Tested(run_id=run_id), by=cleo)
        assert reader.runs.probabilities(run_id) is None
        assert reader.runs.batches(run_id).empty
    for run_id in seen:
        assert reader.weights(run_id) is not None
        assert lab.ask(questions.Tested(run_id=run_id), by=cleo)
        assert reader.runs.probabilities(run_id) is not None
    assert reader.weights(ready_made.ID), "the ready-made network is everybody's"
    assert {run.id for run in lab.reader(TEACHER).runs.all()} == {*seen, *hidden}
    allow(lab, sees=Sees.ALL)
    assert {run.id for run in lab.reader(cleo).runs.all()} == {*seen, *hidden}


def test_a_pupil_sees_their_own_in_the_queue_at_its_place_among_all(
    lab: Lab, store: Store, two: tuple[Person, Person]
) -> None:
    cleo, dana = two
    trains, theirs = store.queue.add([PRESETS["3x3"]] * 2, dana.key, [(40.0, 60.0)] * 2)
    first, second = store.queue.add([PRESETS["3x3"]] * 2, cleo.key, [(20.0, 40.0)] * 2)
    held = store.queue.add([PRESETS["3x3"]], dana.key) + store.queue.add([PRESETS["3x3"]], cleo.key)
    store.queue.claim("engine")
    store.queue.pause(*held)
    assert [run.id for run in lab.reader(cleo).active()] == [first, second]
    assert lab.reader(cleo).waits() == {first: (1, 50.0), second: (3, 130.0)}
    assert lab.reader(dana).waits() == {theirs: (2, 80.0)}
    assert [run.id for run in lab.reader(dana).active()] == [trains, theirs]
    assert [[run.id for run in lab.reader(by).resumable()] for by in (dana, cleo)] == [[held[0]], [held[1]]]


def test_the_fingerprint_is_another_for_whoever_sees_another_table(
    lab: Lab, store: Store, two: tuple[Person, Person]
) -> None:
    cleo, dana = two
    worse, best = run_of(store, dana.key, 0.8), run_of(store, dana.key, 0.9)
    run_of(store, cleo.key, 0.5)  # ended last
    assert len({lab.reader(by).fingerprint() for by in (cleo, dana, TEACHER)}) == 3
    before = lab.reader(cleo).fingerprint()
    store.labels.set([best, worse], archived=True)  # both were edited at the same time
    with_best = lab.reader(cleo).fingerprint()
    store.labels.set([best], deleted=True)
    assert len({before, with_best, lab.reader(cleo).fingerprint()}) == 3
    assert {run.id for run in lab.reader(cleo).runs.all()} >= {worse}
    allow(lab, sees=Sees.ALL)
    assert lab.reader(cleo).fingerprint() == lab.reader(dana).fingerprint() == lab.reader(TEACHER).fingerprint(), (
        "one table is read for all who see the same"
    )


# Names


def test_names_are_told_to_the_class_and_its_teacher_only(lab: Lab, store: Store, two: tuple[Person, Person]) -> None:
    cleo, dana = two
    everybody = {cleo.key: "Cleo Patra", dana.key: "Dana Scully"}
    assert lab.reader(cleo).names() == lab.reader(TEACHER).names() == everybody
    store.people.remove(dana.key)
    assert lab.reader(cleo).names() == everybody, "what they made is still theirs"
    store.classes.end(store.classes.current().id)
    assert lab.reader(ADA).names() == {}, "which is whoever is on the network"
    assert lab.reader(TEACHER).names() == everybody
    store.classes.open(CODE, "{}")
    emil = pupil(store, "Emil")
    assert lab.reader(emil).names() == {emil.key: "Emil"}


def test_no_file_and_no_table_holds_a_pupils_name(lab: Lab, store: Store, two: tuple[Person, Person]) -> None:
    cleo, dana = two
    allow(lab, sees=Sees.ALL)
    done = [run_of(store, by.key, 0.5) for by in two]
    (failed,) = lab.start(PRESETS["fast"], by=dana)
    store.queue.claim("engine", only=[failed])
    store.recording.end(failed, Status.FAILED, "It diverged.")
    lab.save_design(PRESETS["3x3"].with_changes(name="mine"), by=cleo)
    store.people.remove(dana.key)
    given: list[str | bytes] = []
    for by in (cleo, TEACHER):
        reader = lab.reader(by)
        rows = reader.table()
        assert set(rows["owner"]) == {cleo.key, dana.key}
        given += [rows.to_csv(), reader.runs.epochs(done).to_csv(), reader.runs.listing().to_csv()]
        given += [files.written(rows, kind) for kind in ("CSV", "JSON", "Parquet")]
        given += [json.dumps(as_json(run), default=str) for run in reader.runs.all()]
        given += [repr(reader.runs.all()), json.dumps(lab.designs(by=by))]
    for run_id in done:
        run = store.runs.get(run_id)
        found = receipt.make(run, store.runs.epochs([run_id]), store.runs.probabilities(run_id))
        given += [receipt.written(found), receipt.written(found, {"weights": b""})]
    packed = lab.take_away(store.classes.current().id, by=TEACHER)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        given += [archive.read(name) for name in archive.namelist()]
    for one in given:
        data = one if isinstance(one, bytes) else one.encode()
        for word in (b"Cleo", b"Patra", b"Dana", b"Scully"):
            assert word not in data, data[:200]
