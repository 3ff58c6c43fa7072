"""Until a challenge is revealed nobody sees what its runs, or any others queued since it began, do on the test images, in
whatever way they ask; from the reveal on everybody does."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from mnist_lab.__main__ import main
from mnist_lab.classroom.cookies import Cookies
from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.data import drawing, mnist
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.inspection.network import Network
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.results import files, receipt
from mnist_lab.results import table as results_table
from mnist_lab.results.receipt import Receipt
from mnist_lab.store import secrets
from mnist_lab.store.store import Store
from tests.builders.challenges import begun, ends, entry
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.pages import healthy, page
from tests.builders.runs import LEFT_BY_0_6
from tests.builders.studies import small_plan

TEST, LOSS = 0.7317, 0.07317  # an accuracy and a loss that nothing else has
VALIDATION = 0.8642
TELLING = ("7317", "73.17", "0.732")
WHY = "was queued during a challenge: its test results can be seen after the teacher's reveal"
RECEIPT = receipt.read((LEFT_BY_0_6 / "receipt.json").read_bytes())


@dataclasses.dataclass
class World:
    """A class whose challenge is not revealed: an entry of Cleo's that has finished and one that was stopped, the entry continued,
    the same design and seed trained outside of the challenge by Dana and by the teacher, and a study of Dana's; each with the
    same telling result. And a run from before, which is as any other."""

    lab: Lab
    room: int
    challenge: int
    cleo: Person
    dana: Person
    before: int
    entry: int
    sealed: tuple[int, ...]
    study: int

    @property
    def people(self) -> tuple[Person, ...]:
        return self.cleo, self.dana, TEACHER


def made(store: Store, small: Experiment, settings: ClassSettings | None = None) -> World:
    lab = Lab(store.url)
    store.lease.take("engine", "ready")
    room = open_class(store, settings)
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    (before,) = lab.start(small, by=dana)
    ends(store, before, 0.5, 0.5151)
    challenge = begun(lab)
    design = small.with_changes(seed=40)
    first = entry(lab, cleo, design, VALIDATION, TEST)
    stopped = lab.challenges.enter(design, by=cleo)
    others = [stopped]
    for by in (dana, TEACHER):
        others += lab.start(design, by=by)
    for run_id in others:
        ends(store, run_id, VALIDATION, TEST)
    plan = small_plan(small)
    study = lab.studies.start(plan, by=dana)
    studied = store.studies.unended(study)
    for run_id in studied:
        ends(store, run_id, VALIDATION, TEST)
    return World(lab, room, challenge, cleo, dana, before, first, (first, *others, *studied), study)


@pytest.fixture
def world(store: Store, small: Experiment) -> World:
    return made(store, small)


def tells(found: Any) -> bool:
    """Whether a figure of the test images is anywhere in what was returned."""
    if isinstance(found, bytes):
        if found.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(found)) as archive:
                return any(tells(archive.read(name)) for name in archive.namelist())
        return tells(found.decode(errors="replace"))
    if isinstance(found, np.ndarray):
        return found.shape == (10_000, 10) or TEST in found
    if isinstance(found, pd.DataFrame):
        return any(tells(value) for column in found for value in found[column])
    if isinstance(found, float):
        return found in (TEST, LOSS, 100 * TEST)
    if isinstance(found, dict):
        return any(tells(one) for pair in found.items() for one in pair)
    if isinstance(found, list | tuple | set):
        return any(map(tells, found))
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return any(tells(getattr(found, field.name)) for field in dataclasses.fields(found))
    return any(figure in str(found) for figure in TELLING)


EVERY = range(1, 30)


def kept(world: World, reader: Any) -> dict[str, Any]:
    """What a table is exported as."""
    rows = reader.table()
    fields = pd.DataFrame(
        [reader.fields(key) for key in dict.fromkeys(rows["design_key"])], index=list(dict.fromkeys(rows["design_key"]))
    )
    epochs = world.lab.store.runs.epochs(EVERY)
    epochs = epochs[epochs["run_id"].isin([ids[0] for ids in rows["ids"]])]
    whole = [results_table.whole(results_table.fold(rows), fields), results_table.whole(rows, fields)]
    whole.append(results_table.whole_epochs(epochs, rows, fields))
    return {
        f"{kind} {number}": files.written(one, kind) for kind in ("CSV", "JSON") for number, one in enumerate(whole)
    }


READ: dict[str, Callable[[World, Person], Any]] = {
    "Reader.run": lambda w, by: [w.lab.reader(by).run(i) for i in seen(w, by)],
    "Reader.some": lambda w, by: w.lab.reader(by).some(EVERY),
    "Reader.active": lambda w, by: w.lab.reader(by).active(),
    "Reader.resumable": lambda w, by: w.lab.reader(by).resumable(),
    "Reader.table": lambda w, by: w.lab.reader(by).table(),
    "Reader.table of these": lambda w, by: w.lab.reader(by).table(EVERY),
    "Reader.table, folded": lambda w, by: results_table.fold(w.lab.reader(by).table()),
    "Reader.table, deleted": lambda w, by: w.lab.reader(by).table(deleted=True),
    "Reader.fingerprint": lambda w, by: w.lab.reader(by).fingerprint(),
    "Reader.weights": lambda w, by: [w.lab.reader(by).weights(i) for i in seen(w, by)],
    "Reader.study": lambda w, by: w.lab.reader(by).study(w.study),
    "Reader.studies": lambda w, by: w.lab.reader(by).studies(),
    "Reader.queued_studies": lambda w, by: w.lab.reader(by).queued_studies(),
    "runs.get": lambda w, by: [w.lab.reader(by).runs.get(i) for i in EVERY],
    "runs.all": lambda w, by: w.lab.reader(by).runs.all(),
    "runs.latest": lambda w, by: w.lab.reader(by).runs.latest(),
    "runs.with_weights": lambda w, by: w.lab.reader(by).runs.with_weights(100),
    "runs.best_with_weights": lambda w, by: w.lab.reader(by).runs.best_with_weights(),
    "runs.epochs": lambda w, by: w.lab.reader(by).runs.epochs(EVERY),
    "runs.batches": lambda w, by: [w.lab.reader(by).runs.batches(i) for i in EVERY],
    "runs.listing": lambda w, by: w.lab.reader(by).runs.listing(),
    "runs.probabilities": lambda w, by: [w.lab.reader(by).runs.probabilities(i) for i in w.sealed],
    "store.runs": lambda w, by: [w.lab.store.runs.all(), w.lab.store.runs.listing(), w.lab.store.runs.some(EVERY)],
    "store.trained": lambda w, by: [
        [w.lab.store.trained.get(i), w.lab.store.trained.probabilities(i)] for i in w.sealed
    ],
    "store.studies": lambda w, by: w.lab.store.studies.runs(w.study),
    "store.queue": lambda w, by: [w.lab.store.queue.active(), w.lab.store.queue.resumable()],
    "exported tables": lambda w, by: kept(w, w.lab.reader(by)),
    "Studying.all": lambda w, by: w.lab.studies.all(by=by),
    "Studying.get": lambda w, by: w.lab.studies.get(w.study, by=by),
    "Studying.preview": lambda w, by: w.lab.studies.preview(w.lab.studies.get(w.study, by=by).plan, by=by),
    "Studying.agreement": lambda w, by: w.lab.studies.agreement(w.study, by=by),
    "Challenges.current": lambda w, by: w.lab.challenges.current(by=by),
    "Challenges.board": lambda w, by: w.lab.challenges.board(by=by),
    "Challenges.all": lambda w, by: w.lab.challenges.all(w.room, by=TEACHER),
    "Lab.take_away": lambda w, by: w.lab.take_away(w.room, by=TEACHER),
    "Lab.label": lambda w, by: w.lab.label([w.entry], by=TEACHER, note="Hm."),
    "Lab.stop": lambda w, by: w.lab.stop(w.entry, by=TEACHER),
    "Lab.estimate": lambda w, by: w.lab.estimate(w.lab.store.runs.get(w.entry).experiment),
    "Classroom.members": lambda w, by: w.lab.classroom.members(by=TEACHER),
}
HAS_RESULTS = {  # what tells after the reveal
    *("Reader.run", "Reader.some", "Reader.table", "Reader.table of these", "Reader.table, folded"),
    *("runs.get", "runs.all", "runs.listing", "runs.probabilities", "runs.with_weights", "runs.best_with_weights"),
    *("store.runs", "store.trained", "store.studies", "exported tables"),
    *("Challenges.board", "Challenges.all", "Lab.take_away", "runs.latest"),
}


def seen(world: World, by: Person) -> list[int]:
    return list(world.lab.reader(by).some(world.sealed))


def test_nothing_that_reads_tells_before_the_reveal_and_everything_does_after_it(world: World) -> None:
    for by in (world.cleo, TEACHER):
        assert [how for how, read in READ.items() if tells(read(world, by))] == [], by
    world.lab.challenges.reveal(world.challenge, by=TEACHER)
    assert {how for how, read in READ.items() if tells(read(world, world.dana))} == HAS_RESULTS


def image(number: int) -> str:
    return drawing.as_text(mnist.load()[1].x[number])


ASKED: dict[str, Callable[[World, int, Person], Any]] = {
    "tested": lambda w, i, by: w.lab.ask(questions.Tested(run_id=i), by=by),
    "tested after an epoch": lambda w, i, by: w.lab.ask(questions.Tested(run_id=i, epoch=1), by=by),
    "hidden": lambda w, i, by: w.lab.ask(questions.Hidden(run_id=i), by=by),
    "robustness": lambda w, i, by: w.lab.ask(
        questions.Robustness(run_id=i, change="noise", strengths=[0.0], images=10), by=by
    ),
    "ablation": lambda w, i, by: w.lab.ask(questions.Ablation(run_id=i, off={}, images=10), by=by),
    "each alone": lambda w, i, by: w.lab.ask(questions.EachAblated(run_id=i, part="Block 1", images=10), by=by),
    "export": lambda w, i, by: w.lab.ask(questions.Export(run_id=i), by=by),
    "a test image": lambda w, i, by: w.lab.ask(questions.Answer(run_id=i, image=image(8)), by=by),
    "its maps": lambda w, i, by: w.lab.ask(questions.Maps(run_id=i, image=image(9_999)), by=by),
    "its attribution": lambda w, i, by: w.lab.ask(
        questions.Attribution(run_id=i, image=image(0), digit=7, method="gradient"), by=by
    ),
    "a receipt": lambda w, i, by: receipt.make(
        w.lab.reader(by).run(i), w.lab.store.runs.epochs([i]), w.lab.store.runs.probabilities(i)
    ),
}


def test_who_asks_about_the_test_images_is_told_why_not(world: World) -> None:
    for ask in ASKED.values():
        for by in world.people:
            for run_id in world.sealed[:3]:
                with pytest.raises(InputError, match=f"Run {run_id} {WHY}"):
                    ask(world, run_id, by)
        assert ask(world, world.before, world.dana), "a run from before is as any other"
    world.lab.challenges.reveal(world.challenge, by=TEACHER)
    for ask in ASKED.values():
        assert ask(world, world.entry, world.dana)


def test_every_kind_of_question_is_tried() -> None:
    asked = {"answer": "a test image", "maps": "its maps", "attribution": "its attribution"}
    for kind in questions.KINDS.keys() - {"own digits"}:  # which are no test images
        assert asked.get(kind, kind) in ASKED, f"{kind}: may it be asked before the reveal?"


def test_what_one_draws_can_be_shown_to_an_entry(world: World) -> None:
    drawn = drawing.as_text(np.full((28, 28), 9, np.uint8))
    assert world.lab.ask(questions.Answer(run_id=world.entry, image=drawn), by=world.cleo)
    assert world.lab.ask(questions.Maps(run_id=world.entry, image=drawn), by=world.dana)


def test_a_study_of_such_runs_waits_for_the_reveal_and_none_is_reused(world: World, small: Experiment) -> None:
    lab, dana = world.lab, world.dana
    for read in (lab.studies.findings, lab.studies.file):
        with pytest.raises(InputError, match=f"Study {world.study}: some of its runs were queued during a challenge"):
            read(world.study, by=dana)
    again = lab.studies.start(lab.studies.get(world.study, by=dana).plan, by=dana)
    runs = lab.store.studies.runs(again)
    assert not runs["is_reused"].any()
    assert not set(runs["run"]) & set(world.sealed)
    lab.challenges.reveal(world.challenge, by=TEACHER)
    assert tells(lab.studies.findings(world.study, by=dana).runs)


def test_what_continues_or_repeats_an_entry_is_sealed_too(world: World, store: Store) -> None:
    lab, run = world.lab, world.lab.store.runs.get(world.entry)
    (repeated,) = lab.add_seeds(world.entry, [run.seed], by=world.dana)
    ends(store, repeated, VALIDATION, TEST)
    receipts = Receipt.model_validate(RECEIPT.model_copy(update={"experiment": run.experiment}).model_dump())
    of_receipt = lab.repeat(receipts, by=world.cleo)
    ends(store, of_receipt, VALIDATION, TEST)
    assert not tells([lab.reader(TEACHER).run(run_id) for run_id in (repeated, of_receipt)])
    reader = lab.reader(world.cleo)
    words = reader.repeated(reader.run(of_receipt), reader.table())
    assert (
        words == f"This run repeats run {RECEIPT.run} of another lab; after the teacher's reveal the two are compared."
    )
    lab.challenges.reveal(world.challenge, by=TEACHER)
    assert tells([lab.reader(TEACHER).run(run_id) for run_id in (repeated, of_receipt)])


def test_nobody_validates_on_the_test_images_until_the_reveal(world: World, small: Experiment) -> None:
    notebook = small.with_changes(protocol="notebook")
    for by in world.people:
        with pytest.raises(InputError, match=r"choose holdout\. Received notebook"):
            world.lab.start_all([small, notebook], by=by)
    world.lab.challenges.reveal(world.challenge, by=TEACHER)
    assert world.lab.start(notebook, by=world.cleo)


def test_where_pupils_see_their_own_runs_alone_the_best_of_the_class_tells_nothing(
    store: Store, small: Experiment
) -> None:
    world = made(store, small, ClassSettings(sees=Sees.OWN))
    for how, read in READ.items():
        if how.startswith(("Reader", "runs")) and how != "Reader.study":
            assert not tells(read(world, world.cleo)), how


def test_filters_and_orders_by_test_accuracy_cannot_tell_entries_apart(world: World) -> None:
    rows = world.lab.reader(world.cleo).table()
    its = rows[rows["ids"].map(lambda ids: ids[0] in world.sealed)]
    assert its["test_accuracy"].isna().all()
    assert its["test_loss"].isna().all()
    assert its[["test_sd", "test_low", "test_high"]].isna().all(axis=None)


def test_workers_still_write_and_engines_still_recover(world: World, store: Store, small: Experiment) -> None:
    run_id = world.lab.challenges.enter(small, by=world.dana)
    claimed = store.queue.claim("engine", only=[run_id])
    assert (claimed.id, claimed.is_unrevealed) == (run_id, True)
    store.queue.crashed(run_id)
    ends(store, run_id, 0.9, TEST)
    assert not tells(store.runs.get(run_id))
    world.lab.challenges.reveal(world.challenge, by=TEACHER)
    assert store.runs.get(run_id).test_accuracy == TEST
    assert store.runs.probabilities(run_id).shape == (10_000, 10)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    found = capsys.readouterr()
    return status, found.out + found.err


def test_the_command_line_tells_none(
    world: World,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", world.lab.store.secrets.get(secrets.TEACHER))
    for is_revealed in (False, True):
        if is_revealed:
            world.lab.challenges.reveal(world.challenge, by=TEACHER)
        status, text = printed(capsys, "runs", "--json")
        assert status == 0
        assert tells(text) == is_revealed
        assert {run["run"] for run in json.loads(text)} >= set(world.sealed)
        status, text = printed(capsys, "runs")
        assert (status, tells(text)) == (0, is_revealed)
    begun(world.lab)
    new = entry(world.lab, world.cleo, world.lab.store.runs.get(world.entry).experiment, VALIDATION, TEST)
    status, text = printed(capsys, "export", str(new), "--to", str(tmp_path / "out"))
    assert (status, f"Run {new} {WHY}" in " ".join(text.split()), tells(text)) == (2, True, False)
    assert not (tmp_path / "out").exists()


def test_a_network_is_not_exported_behind_the_use_cases(world: World) -> None:
    from mnist_lab.inspection.export import export

    network = Network.__new__(Network)
    network.store, network.run_id = world.lab.store, world.entry
    with pytest.raises(InputError, match=f"Run {world.entry}: its predictions are not kept"):
        export(network, lambda share: None)


PAGES: Iterable[tuple[str, dict[str, str]]] = (
    ("results", {}),
    ("run", {"run": "{entry}"}),
    ("train", {"run": "{entry}"}),
    ("compare", {"runs": "{entry},{before}"}),
    ("inspect", {"runs": "{entry}", "view": "Mistakes"}),
    ("inspect", {"runs": "{entry}", "view": "Layers"}),
    ("inspect", {"runs": "{entry}", "view": "What if"}),
    ("studies", {"study": "{study}"}),
    ("studies", {}),
    ("class", {}),
    ("design", {}),
)


@pytest.mark.parametrize(
    ("name", "query"), PAGES, ids=lambda one: one if isinstance(one, str) else "-".join(one.values())
)
def test_no_page_draws_one(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch, name: str, query: dict[str, str]
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    people = [world.cleo]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    named = {key: value.format(**vars(world)) for key, value in query.items()}
    part = "Challenge" if name == "class" else ""
    for by in (world.cleo, TEACHER):
        people.append(by)
        st.cache_resource.clear()
        test = healthy(page(name, part=part, **named))
        assert not tells(drawn(test)), by
    st.cache_resource.clear()
    world.lab.challenges.reveal(world.challenge, by=TEACHER)
    if name in ("results", "run", "train", "class") or "study" in named:
        assert tells(drawn(healthy(page(name, part=part, **named))))


def drawn(test: Any) -> str:
    """All that a page has sent to a browser, tables and charts with their data among it."""
    parts = []
    for element in [*test.main, *test.sidebar]:
        for one in walk(element):
            proto = getattr(one, "proto", None)
            parts.append(str(proto))
            if one.type in ("arrow_data_frame", "arrow_table"):
                parts.append(one.value.to_csv())
            for data in charts(proto):
                parts.append(data)
    return "\n".join(parts)


def walk(element: Any) -> Iterable[Any]:
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


def charts(proto: Any) -> Iterable[str]:
    """The tables within a chart, as text."""
    import pyarrow as pa

    held = [getattr(getattr(proto, "data", None), "data", b"")]
    held += [one.data.data for one in getattr(proto, "datasets", [])]
    for data in held:
        if isinstance(data, bytes) and data:
            yield pa.ipc.open_stream(data).read_pandas().to_csv()
