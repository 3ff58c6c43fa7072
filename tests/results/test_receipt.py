"""A run as one file: out, in elsewhere, and trained again; and files that mean ill."""

import io
import json
import os
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results import receipt
from mnist_lab.store.store import Store
from tests.builders.damage import NOT_JSON_ENOUGH, refused, spoiled
from tests.builders.networks import small_experiment
from tests.builders.runs import ADA, finished
from tests.builders.trained import shelf, train, train_waiting


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return small_experiment()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Iterator[Store]:
    """Another installation, with one run."""
    with shelf(tmp_path_factory, experiment) as store:
        yield store


def made(store: Store, run_id: int = 1) -> receipt.Receipt:
    return receipt.make(store.runs.get(run_id), store.runs.epochs([run_id]), store.runs.probabilities(run_id))


@pytest.fixture(scope="module")
def file(there: Store) -> bytes:
    return receipt.written(made(there))


def test_it_says_everything_and_reads_back_as_it_was(there: Store, file: bytes, experiment: Experiment) -> None:
    found = receipt.read(file)
    assert found == made(there)
    run = there.runs.get(1)
    assert found.experiment == experiment
    assert found.metrics.test_accuracy == run.test_accuracy
    assert found.environment["data_sha256"] == run.environment["data_sha256"]
    assert {"tensorflow", "keras", "cpu", "threads", "python", "lab"} <= set(found.environment)
    assert [line.epoch for line in found.epochs] == [1, 2]
    assert found.predictions_sha256 == receipt.predictions_hash(there.runs.probabilities(1))


def test_with_weights_it_is_an_archive_with_the_same_receipt_in_it(there: Store, file: bytes) -> None:
    archive = receipt.written(made(there), {"network.keras": b"abc"})
    assert receipt.read(archive) == receipt.read(file)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == ["network.keras", "receipt.json"]


def test_another_installation_trains_it_again_to_the_bit(store: Store, file: bytes) -> None:
    lab = Lab(store.url)
    run_id = lab.repeat(receipt.read(file), by=ADA)
    assert "when it has finished, the two are compared" in lab.reader(ADA).repeated(
        store.runs.get(run_id), lab.reader(ADA).table()
    )
    run = train_waiting(store, run_id)
    assert lab.reader(ADA).repeated(run, lab.reader(ADA).table()).startswith("Reproduced to the bit: every probability")
    assert (
        lab.reader(ADA).repeated(train(store, run.experiment), lab.reader(ADA).table()) is None
    )  # of any other run there is nothing to say


def test_a_renamed_runs_receipt_is_trained_again_under_its_new_name(store: Store, file: bytes) -> None:
    lab = Lab(store.url)
    first = lab.repeat(receipt.read(file), by=ADA)
    lab.store.labels.set([first], name="the good one")
    assert lab.reader(ADA).run(first).experiment.name == "the good one", (
        "further seeds, epochs and changes of it have its name too"
    )
    given_ = receipt.read(file).model_copy(
        update={"name": "renamed by version 0.6"}
    )  # its experiment kept the old name
    assert lab.reader(ADA).run(lab.repeat(given_, by=ADA)).name == "renamed by version 0.6"


def changed(file: bytes, *path: str | int, to: Any) -> receipt.Receipt:
    """The receipt with one value of it replaced, as somebody with an editor would."""
    value = json.loads(file)
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    assert inner[path[-1]] != to
    inner[path[-1]] = to
    return receipt.read(json.dumps(value).encode())


def said(there: Store, found: receipt.Receipt, sd: float | None = 0.001) -> str:
    """What is said where the very run of a receipt repeats it."""
    return receipt.repeated(found, there.runs.get(1), there.runs.probabilities(1), sd, there.runs.epochs([1]))


STATED: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("metrics", "test_accuracy"), 0.99, "test accuracy (0.99 there, "),
    (("metrics", "test_loss"), 0.0, "test loss (0.0 there, "),
    (("metrics", "validation_accuracy"), 0.5, "validation accuracy (0.5 there, "),
    (("metrics", "validation_loss"), 3.0, "validation loss (3.0 there, "),
    (("metrics", "kept_epoch"), 0, "kept epoch (0 there, "),
    (("environment", "data_sha256"), "0" * 64, "data_sha256 (000000"),
    (("epochs", 1, "loss"), 0.25, "epoch 2's loss (0.25 there, "),
    (("epochs", 0, "validation_accuracy"), 0.25, "epoch 1's validation_accuracy".replace("_", " ")),
    (("epochs", 0, "steps"), 7, "epoch 1's steps (7 there, 10 here)"),
    (("epochs", 1, "epoch"), 3, "epoch 2's epoch (3 there, 2 here)"),
    (("epochs",), [], "number of epochs (0 there, 2 here)"),
]


@pytest.mark.parametrize(("path", "value", "words"), STATED)
def test_whatever_a_receipt_states_and_its_repetition_contradicts_is_named(
    there: Store, file: bytes, path: tuple[str | int, ...], value: Any, words: str
) -> None:
    assert said(there, receipt.read(file)).startswith("Reproduced to the bit")
    found = said(there, changed(file, *path, to=value))
    assert found.startswith("Not as the receipt states: every probability on the 10,000 test images is the same")
    assert words in found


def test_several_contradictions_are_all_named_and_seconds_are_none(there: Store, file: bytes) -> None:
    twice = receipt.written(changed(file, "metrics", "test_accuracy", to=0.99))
    found = said(there, changed(twice, "metrics", "test_loss", to=9.5))
    assert "test accuracy (0.99 there, " in found
    assert "and test loss (9.5 there, " in found
    assert said(there, changed(file, "metrics", "seconds", to=1e6)).startswith("Reproduced to the bit")


def test_another_machine_is_named_though_the_result_is_the_same_to_the_bit(there: Store, file: bytes) -> None:
    found = said(there, changed(file, "environment", "keras", to="3.5.0"))
    assert found.startswith("Reproduced to the bit: every probability")
    assert "The environments differ in keras (3.5.0 there, " in found
    assert "environments differ in system (Plan 9 there, " in said(
        there, changed(file, "environment", "system", to="Plan 9")
    )


def test_the_same_figures_with_the_hash_of_other_predictions_are_no_reproduction(there: Store, file: bytes) -> None:
    found = said(there, changed(file, "predictions_sha256", to="0" * 64))
    assert found.startswith("Not as the receipt states: every figure is the same to the last digit, but the hash")


def test_a_log_that_the_recipe_cannot_have_is_named_where_the_result_is_another(there: Store, file: bytes) -> None:
    other = receipt.written(changed(file, "predictions_sha256", to="0" * 64))
    other = receipt.written(changed(other, "metrics", "test_loss", to=9.5))
    assert "cannot be of this design" not in said(there, receipt.read(other))
    found = said(there, changed(other, "epochs", 0, "steps", to=7))
    assert "Its log cannot be of this design and recipe: epoch 1's steps (7 there, 10 here)." in found


def test_no_spread_of_seeds_is_quoted_where_nobody_has_measured_one(there: Store, file: bytes) -> None:
    """The fault: `repeat` in a fresh store said how far two seeds lie apart."""
    theirs = json.loads(file)["metrics"]["test_accuracy"]
    other = receipt.written(changed(file, "predictions_sha256", to="0" * 64))
    for accuracy, begin in (
        (theirs + 0.0001, "Reproduced within the uncertainty of the test images"),
        (theirs - 0.3, "Not reproduced"),
    ):
        found = said(there, changed(other, "metrics", "test_accuracy", to=accuracy), None)
        assert found.startswith(f"{begin}: test accuracy")
        assert "two seeds of a design differ" not in found
        assert "the spread between seeds of a design is not known here" in found


@pytest.mark.parametrize(
    ("accuracy", "sd", "words"),
    [
        (
            0.8999,
            0.001,
            "Reproduced within the spread: test accuracy 90.00 % there and 89.99 % here".replace(" %", "%"),
        ),
        (0.8900, 0.001, "Not reproduced: test accuracy"),
        (0.8900, 0.010, "Reproduced within the spread"),
        (
            0.8950,
            None,
            "Reproduced within the uncertainty of the test images",
        ),  # the test set's own error, 0.3 points, where nobody knows more
        (0.8850, None, "Not reproduced"),
    ],
)
def test_a_result_that_is_another_is_judged_by_the_spread_of_seeds(
    store: Store, file: bytes, experiment: Experiment, accuracy: float, sd: float | None, words: str
) -> None:
    given_ = receipt.read(file)
    metrics = given_.metrics.model_copy(update={"test_accuracy": 0.9})
    changed = given_.model_copy(update={"metrics": metrics, "predictions_sha256": "0" * 64})
    run = finished(store, experiment, accuracy)
    run.__dict__["environment"] = dict(changed.environment) | {"threads": 7}
    found = receipt.repeated(changed, run, np.zeros((3, 10), np.float16), sd)
    assert found.startswith(words)
    assert f"environments differ in threads ({changed.environment['threads']} there, 7 here)" in found


def test_other_images_are_no_reproduction_whatever_the_figures(
    store: Store, file: bytes, experiment: Experiment
) -> None:
    given_ = receipt.read(file)
    run = finished(store, experiment, given_.metrics.test_accuracy)
    run.__dict__["environment"] = dict(given_.environment) | {"data_sha256": "another"}
    found = receipt.repeated(given_, run, np.zeros((3, 10), np.float16), 0.1)
    assert found.startswith("Not reproduced: the images differ")


def test_only_a_finished_run_that_continues_none_has_a_receipt(
    there: Store, store: Store, experiment: Experiment
) -> None:
    (waiting,) = store.queue.add([experiment], "ada")
    with pytest.raises(InputError, match="only a finished run has a receipt; this one is queued"):
        receipt.make(store.runs.get(waiting), store.runs.epochs([waiting]), None)
    run = there.runs.get(1)
    with pytest.raises(InputError, match="its predictions are not kept"):
        receipt.make(run, there.runs.epochs([1]), None)
    run.__dict__["parent_id"] = 7
    with pytest.raises(InputError, match="it continues run 7"):
        receipt.make(run, there.runs.epochs([1]), there.runs.probabilities(1))


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return buffer.getvalue()


def edited(**changes: Any) -> Callable[[dict], bytes]:
    return lambda value: json.dumps(value | changes).encode()


HOSTILE: dict[str, Callable[[dict], bytes]] = {
    "empty": lambda value: b"",
    "no JSON": lambda value: b"\x80\x04\x95.",  # a pickle
    "not UTF-8": lambda value: b'{"kind": "\xff"}',
    "a list": lambda value: b"[]",
    "deep": lambda value: b"[" * 100_000 + b"]" * 100_000,
    "another kind": edited(kind="something"),
    "newer": edited(format=2),
    "not finished": edited(status="stopped"),
    "unknown field": edited(__class__="os.system"),
    "no hash": edited(predictions_sha256="x"),
    "long name": edited(name="x" * 1000),
    "huge run": edited(run=-1),
    "impossible accuracy": lambda value: json.dumps(
        value | {"metrics": value["metrics"] | {"test_accuracy": 7}}
    ).encode(),
    "no number": lambda value: json.dumps(value).replace(str(value["metrics"]["test_loss"]), "NaN").encode(),
    "huge network": lambda value: json.dumps(
        value | {"experiment": value["experiment"] | {"architecture": {"blocks": [{"filters": 10**9}]}}}
    ).encode(),
    "many epochs": lambda value: json.dumps(value | {"epochs": value["epochs"] * 1000}).encode(),
    "environment of objects": edited(environment={"cpu": {"a": []}}),
    "large": lambda value: b" " * 3_000_000,
    "archive without a receipt": lambda value: zipped(other_json=b"{}"),
    "broken archive": lambda value: zipped(receipt_json=b"{}" * 100)[:60],
    "bomb": lambda value: zipped(receipt_json=b" " * 500_000_000),
    "lying archive": lambda value: zipped(receipt_json=json.dumps(value).encode()).replace(
        b"receipt.json", b"receipt.jsoX", 1
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_sentence_and_little_memory(name: str, file: bytes) -> None:
    data = HOSTILE[name](json.loads(file))
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(InputError) as refused:
            receipt.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000
    assert time.monotonic() - began < 30  # it ends
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence) < 400


def bomb(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(receipt.NAME, b" " * 60_000_000)
    return buffer.getvalue()


def many_members() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(30_000):
            archive.writestr(str(number), b"")
        archive.writestr(receipt.NAME, b"{}")
    return buffer.getvalue()


def said_twice(file: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings(action="ignore"):
        for data in (b"{}", file):
            archive.writestr(receipt.NAME, data)
    return buffer.getvalue()


ARCHIVES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "bzip2": (lambda file: bomb(zipfile.ZIP_BZIP2), "should be stored or deflated"),
    "lzma": (lambda file: bomb(zipfile.ZIP_LZMA), "should be stored or deflated"),
    "deflate": (lambda file: bomb(zipfile.ZIP_DEFLATED), "at most 2 MB"),
    "many members": (lambda file: many_members(), "far more files"),
    "their list hidden behind a comment": (lambda file: many_members()[:-2] + b"\x04\0PK\5\6", "the archive"),
    "two receipts": (said_twice, "should have one receipt.json; received 2"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_small_archive_never_takes_much_memory(name: str, file: bytes) -> None:
    make, words = ARCHIVES[name]
    data = make(file)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=words):
            receipt.read(data)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_any_damage_to_a_receipt_or_an_archive_is_refused_in_a_sentence(there: Store, file: bytes) -> None:
    """Thousands of flipped bits, cuts and insertions: `zlib.error` and others got out."""
    archives = [receipt.written(made(there), {"network.keras": bytes(range(256)) * 8})]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr(receipt.NAME, file)
        archives.append(buffer.getvalue())
    for whole, times in ((file, 1500), *((archive, 700) for archive in archives)):
        assert refused(receipt.read, spoiled(whole, times)) > times / 10


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_ in (data, b"PK" + data, b'{"kind": ' + data):
        with pytest.raises(InputError):
            receipt.read(given_)


@pytest.mark.parametrize("name", NOT_JSON_ENOUGH)
def test_json_that_is_none_or_says_too_much_is_refused(name: str, file: bytes) -> None:
    assert refused(receipt.read, [NOT_JSON_ENOUGH[name](file)]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_receipt_that_an_editor_has_saved_is_read(file: bytes, encoding: str) -> None:
    assert receipt.read(file.decode().encode(encoding)) == receipt.read(file)


def test_no_more_of_a_file_is_read_than_a_receipt_can_have(file: bytes, tmp_path: Path) -> None:
    with Path("/dev/zero").open("rb") as endless, pytest.raises(InputError, match="at most 2 MB"):
        receipt.read_open(endless)


def test_a_receipt_comes_through_a_pipe_too(there: Store, file: bytes) -> None:
    for data in (file, receipt.written(made(there), {"network.keras": b"abc"})):
        read, write = os.pipe()
        os.write(write, data)
        os.close(write)
        with open(read, "rb") as pipe:  # noqa: PTH123
            assert receipt.read_open(pipe) == receipt.read(file)


def test_nothing_beside_the_receipt_is_looked_at(file: bytes, tmp_path: Path) -> None:
    archive = zipped(receipt_json=file, network_keras=b"\x80\x04cos\nsystem\n.", **{"../evil_txt": b"x"})
    assert receipt.read(archive) == receipt.read(file)
    assert list(tmp_path.iterdir()) == []
