"""Study files: written, read by another lab, and refused where anything in them cannot be."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results.receipt import Receipt
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies import file
from mnist_lab.studies.findings import Findings
from tests.builders.damage import refused, spoiled
from tests.builders.networks import small_experiment
from tests.builders.runs import ADA
from tests.builders.studies import accuracy_of, complete, ends, small_plan


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Findings]:
    """The file of a study with a run that diverged, and what it was written of."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('given') / 'lab.db'}")
    lab = Lab(store.url)
    study_id = lab.studies.start(
        small_plan(small_experiment(), question="Does kernel size matter? Ümläut × “quoted”"), by=ADA
    )
    ends(store, lab.store.studies.unended(study_id)[0], 0.0, Status.FAILED)
    complete(lab, study_id)
    found = lab.studies.file(study_id, by=ADA), lab.studies.findings(study_id, by=ADA)
    lab.store.close()
    store.close()
    return found


def test_it_has_all_that_the_answer_rests_on(given: tuple[bytes, Findings]) -> None:
    data, before = given
    read = file.read(data)
    after = read.findings()
    assert (after.plan, after.digest, after.frozen, after.cells) == (
        before.plan,
        before.digest,
        before.frozen,
        before.cells,
    )
    assert (after.is_unseen, after.why_seen, after.among) == (True, "", 1)
    assert after.runs["run"].isna().all(), "they are another lab's"
    pd.testing.assert_frame_equal(after.runs.drop(columns="run"), before.runs.drop(columns="run"))
    assert after.answer().words == before.answer().words
    assert after.answer().test == before.answer().test
    assert file.written(read) == data
    assert file.read(data.decode()) == read
    assert read.runs[0].receipt is None
    assert read.runs[1].receipt.metrics.test_accuracy == accuracy_of(0, 2)


def test_a_file_with_a_mark_and_in_another_encoding_is_read(given: tuple[bytes, Findings]) -> None:
    data, _ = given
    assert file.read(b"\xef\xbb\xbf" + data) == file.read(data.decode().encode("utf-16")) == file.read(data)


Change = Callable[[dict[str, Any]], Any]


def with_plan(change: Change) -> Change:
    """The plan's text changed, with the digest that then belongs to it."""

    def changed(data: dict[str, Any]) -> None:
        plan = json.loads(data["plan"])
        change(plan)
        data["plan"] = json.dumps(plan)
        data["digest"] = hashlib.sha256(data["plan"].encode()).hexdigest()

    return changed


def receipt(place: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: data["runs"][place]["receipt"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "The input: should be JSON as the lab writes it; .* at line 1; received ''"),
        (lambda text: "a study", "at line 1; received 'a study'"),
        (lambda text: text[: len(text) // 2], r"this breaks off or is something else at line \d{2,}; received"),
        (lambda text: text.replace('"cells"', '"sells"', 1), "Cells: should be given; received nothing."),
        (lambda text: text.replace('"seed": 3', '"seed": "x"', 1), "should be a whole number; received 'x'"),
    ],
    ids=["empty", "not JSON", "cut off", "a field is missing", "a text for a number"],
)
def test_what_is_damaged_is_said_in_plain_words(
    given: tuple[bytes, Findings], change: Callable[[str], str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        file.read(change(given[0].decode()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(kind="mnist-lab receipt"), "Kind: should be 'mnist-lab study file'"),
        (lambda d: d.update(format=2), "format 2, written by a newer version"),
        (lambda d: d.update(plan=d["plan"].replace("Does", "Did")), "Digest: the plan's is .*the plan has been changed"),
        (lambda d: d.update(digest="0" * 64), "Digest: the plan's is"),
        (lambda d: d.update(extra=1), "Extra: is not known here"),
        (lambda d: d.update(among=0), "Among: "),
        (lambda d: d.update(among=3), "Why seen: should be given"),
        (lambda d: d.update(looked=5.0), "Why seen: should be given"),
        (lambda d: d.update(why_seen="a\u202eb"), "Why seen: should be a line of text"),
        (lambda d: d["cells"].pop(), "Cells: the plan has 2; received 1"),
        (lambda d: d["cells"].reverse(), "Kernel size 2×2: the cell should have these levels; received 3×3"),
        (lambda d: d["cells"][0].update(parameters=5), "Kernel size 2×2: parameters and multiply-adds are not those"),
        (lambda d: d["cells"][0]["experiment"].update(seed=5), "the cell should have seed 1; received 5"),
        (
            lambda d: d["cells"][0]["experiment"]["recipe"].update(epochs=3),
            "Kernel size 2×2: the cell's design is not the plan's",
        ),
        (lambda d: d["runs"].pop(), "seed 3 of 3×3 was planned; it is missing"),
        (lambda d: d["runs"].append(d["runs"][0]), "each cell should have a seed once"),
        (lambda d: d["runs"][0].update(cell=2), "received a run of cell 2"),
        (lambda d: d["runs"].append(d["runs"][0] | {"seed": 4}), "Why seen: should be given where .* seeds were added"),
        (lambda d: d["runs"][1].update(receipt=None), "Seed 2 of 2×2: should have a receipt if it finished"),
        (lambda d: d["runs"][0].update(receipt=receipt(1)(d)), "Seed 1 of 2×2: should have a receipt if it finished"),
        (lambda d: d["runs"][0].update(status="running"), "Runs, status"),
        (lambda d: d["runs"][0].update(status="cancelled"), "a run that diverged should have failed; received cancelled"),
        (lambda d: receipt(1)(d)["experiment"].update(seed=9), "Seed 2 of 2×2: its receipt is of another design or seed"),
        (lambda d: receipt(1)(d)["experiment"]["recipe"].update(batch_size=50), "its receipt is of another design"),
        (lambda d: receipt(1)(d)["metrics"].update(test_accuracy=1.5), "test accuracy: should be less than or equal to 1"),
        (with_plan(lambda p: p.update(seeds=4)), "seed 4 of 2×2 was planned; it is missing"),
        (with_plan(lambda p: p.update(seeds=2)), "Seeds: should be greater than or equal to 3"),
        (with_plan(lambda p: p["factors"][0].update(levels=[2, 5])), "these levels; received 3×3"),
        (with_plan(lambda p: p["base"]["recipe"].update(batch_size=50)), "the cell's design is not the plan's"),
        (with_plan(lambda p: p.update(equal={"what": "parameters", "by": "filters"})), "parameters should be within 2 %"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(given: tuple[bytes, Findings], change: Change, says: str) -> None:
    data = json.loads(given[0])
    change(data)
    with pytest.raises(InputError, match=says):
        file.read(json.dumps(data))


def test_of_damaged_files_nothing_but_a_sentence_gets_out(given: tuple[bytes, Findings]) -> None:
    assert refused(file.read, spoiled(given[0], 150)) > 100
    with pytest.raises(InputError, match="a file is at most 20 MB"):
        file.read(b" " * (file.MAX_BYTES + 1))


def test_a_study_that_was_looked_at_is_so_in_its_file(store: Store, small: Experiment) -> None:
    lab = Lab(store.url)
    study_id = lab.studies.start(small_plan(small), by=ADA)
    lab.studies.look(study_id, by=ADA)
    lab.studies.add_seeds(study_id, 1, by=ADA)
    complete(lab, study_id)
    read = file.read(lab.studies.file(study_id, by=ADA))
    assert read.looked == lab.studies.get(study_id, by=ADA).looked
    found = read.findings()
    assert not found.is_unseen
    assert found.why_seen == lab.studies.findings(study_id, by=ADA).why_seen
    assert sorted(set(found.runs["seed"])) == [1, 2, 3, 4]


def repeated(given: tuple[bytes, Findings], accuracy: float = 0.0, *, bits: int = 0) -> str:
    """What is said of a repetition whose second cell is worse by so much, with as many predictions to the bit."""
    read = file.read(given[0])
    runs = given[1].runs.copy()
    runs.loc[runs["cell"] == 1, "test_accuracy"] -= accuracy
    found = Findings(**vars(given[1]) | {"runs": runs, "is_unseen": False, "why_seen": "It repeats another."})
    places = [(run.cell, run.seed) for run in read.runs if run.receipt]
    receipts: list[Receipt] = [run.receipt for run in read.runs if run.receipt]
    hashes = {
        place: one.predictions_sha256 if number < bits else "f" * 64
        for number, (place, one) in enumerate(zip(places, receipts, strict=True))
    }
    return file.agreement(read, found, hashes)


def test_a_repetition_agrees_to_the_bit_or_by_its_intervals(given: tuple[bytes, Findings]) -> None:
    assert repeated(given, bits=5).startswith(
        "Agrees to the bit: of 5 runs that finished in both labs, each gives the same"
    )
    assert repeated(given, bits=1) == (
        "Agrees: for 1 comparison the two intervals overlap; 1 of 5 runs that finished in both labs is the same to the bit."
    )
    assert file.agreement(file.read(given[0]), given[1], {}).startswith("Not compared: there is no run")


def test_a_repetition_does_not_agree_where_intervals_are_apart(store: Store, small: Experiment) -> None:
    lab = Lab(store.url)
    one = small_plan(small, seeds=8)
    first = lab.studies.start(one, by=ADA)
    complete(lab, first)
    data, found = lab.studies.file(first, by=ADA), lab.studies.findings(first, by=ADA)
    says = repeated((data, found), 0.05)
    assert says.startswith("Does not agree: of 1 comparison 1 has intervals that do not overlap: 3×3 against 2×2 (+")
    assert "points there, −4" in says
    assert says.endswith("0 of 16 runs that finished in both labs are the same to the bit.")
