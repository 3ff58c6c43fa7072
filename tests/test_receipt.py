"""A run as one file: out, in elsewhere, and trained again; and files that mean ill."""

import io
import json
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab import receipt
from mnist_lab.errors import InputError
from mnist_lab.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.store import Run, Store
from tests.conftest import small_experiment
from tests.test_results import finished
from tests.trained import shelf, train, train_waiting


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return small_experiment()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Iterator[Store]:
    """Another installation, with one run."""
    with shelf(tmp_path_factory, experiment) as store:
        yield store


def made(store: Store, run_id: int = 1) -> receipt.Receipt:
    return receipt.make(store.run(run_id), store.epochs([run_id]), store.probabilities(run_id))


@pytest.fixture(scope="module")
def file(there: Store) -> bytes:
    return receipt.written(made(there))


def test_it_says_everything_and_reads_back_as_it_was(there: Store, file: bytes, experiment: Experiment) -> None:
    found = receipt.read(file)
    assert found == made(there)
    run = there.run(1)
    assert found.experiment == experiment
    assert found.metrics.test_accuracy == run.test_accuracy
    assert found.environment["data_sha256"] == run.environment["data_sha256"]
    assert {"tensorflow", "keras", "cpu", "threads", "python", "lab"} <= set(found.environment)
    assert [line.epoch for line in found.epochs] == [1, 2]
    assert found.predictions_sha256 == receipt.predictions_hash(there.probabilities(1))


def test_with_weights_it_is_an_archive_with_the_same_receipt_in_it(there: Store, file: bytes) -> None:
    archive = receipt.written(made(there), {"network.keras": b"abc"})
    assert receipt.read(archive) == receipt.read(file)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == ["network.keras", "receipt.json"]


def test_another_installation_trains_it_again_to_the_bit(store: Store, file: bytes) -> None:
    lab = Lab(store.url)
    run_id = lab.repeat(receipt.read(file))
    assert "is compared with it when it has finished" in lab.repeated(store.run(run_id), lab.table())
    run = train_waiting(store, run_id)
    assert lab.repeated(run, lab.table()).startswith("Reproduced to the bit: every probability")
    assert lab.repeated(train(store, run.experiment), lab.table()) is None  # of any other run there is nothing to say


def test_a_renamed_runs_receipt_is_trained_again_under_its_new_name(store: Store, file: bytes) -> None:
    lab = Lab(store.url)
    first = lab.repeat(receipt.read(file))
    lab.label([first], name="the good one")
    assert lab.run(first).experiment.name == "the good one", "further seeds, epochs and changes of it have its name too"
    given_ = receipt.read(file).model_copy(
        update={"name": "renamed by version 0.6"}
    )  # its experiment kept the old name
    assert lab.run(lab.repeat(given_)).name == "renamed by version 0.6"


def near(run: Run, accuracy: float) -> Run:
    run.__dict__["test_accuracy"] = accuracy
    return run


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
        (0.8950, None, "Reproduced within the spread"),  # the test set's own error, 0.3 points, where nobody knows more
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
    assert f"another threads ({changed.environment['threads']} there, 7 here)" in found


def test_other_images_are_no_reproduction_whatever_the_figures(
    store: Store, file: bytes, experiment: Experiment
) -> None:
    given_ = receipt.read(file)
    run = finished(store, experiment, given_.metrics.test_accuracy)
    run.__dict__["environment"] = dict(given_.environment) | {"data_sha256": "another"}
    found = receipt.repeated(given_, run, np.zeros((3, 10), np.float16), 0.1)
    assert found.startswith("Not reproduced: the images are others")


def test_only_a_finished_run_that_continues_none_has_a_receipt(
    there: Store, store: Store, experiment: Experiment
) -> None:
    (waiting,) = store.add_runs([experiment], "ada")
    with pytest.raises(InputError, match="only a finished run has a receipt; this one is queued"):
        receipt.make(store.run(waiting), store.epochs([waiting]), None)
    run = there.run(1)
    with pytest.raises(InputError, match="its predictions are not kept"):
        receipt.make(run, there.epochs([1]), None)
    run.__dict__["parent_id"] = 7
    with pytest.raises(InputError, match="it continues run 7"):
        receipt.make(run, there.epochs([1]), there.probabilities(1))


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


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_ in (data, b"PK" + data, b'{"kind": ' + data):
        with pytest.raises(InputError):
            receipt.read(given_)


def test_nothing_beside_the_receipt_is_looked_at(file: bytes, tmp_path: Path) -> None:
    archive = zipped(receipt_json=file, network_keras=b"\x80\x04cos\nsystem\n.", **{"../evil_txt": b"x"})
    assert receipt.read(archive) == receipt.read(file)
    assert list(tmp_path.iterdir()) == []
