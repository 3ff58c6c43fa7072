"""The ready-made network: what its file has, and that it is nowhere but where it is asked for by its number."""

from pathlib import Path

import pytest

from mnist_lab.data import mnist
from mnist_lab.errors import DataError, InputError
from mnist_lab.lab import Lab
from mnist_lab.results import receipt as receipts
from mnist_lab.store import ready_made
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import ADA


def test_its_file_is_a_small_receipt_and_its_answers_have_the_accuracy_that_it_states() -> None:
    data = ready_made.FILE.read_bytes()
    assert len(data) < 200_000
    receipt, found = receipts.read(data), ready_made.load()
    right = found.probabilities.argmax(axis=1) == mnist.load()[1].y
    assert right.mean() == receipt.metrics.test_accuracy == found.run.test_accuracy == 0.9937
    assert receipts.predictions_hash(found.probabilities) == receipt.predictions_sha256
    assert (found.run.id, found.run.status, found.run.experiment) == (0, Status.FINISHED, receipt.experiment)
    assert found.run.parameters == 14_194


def test_it_is_found_by_its_number_and_in_no_listing(store: Store, url: str) -> None:
    lab = Lab(url)
    assert store.trained.get(0) is not None
    assert list(store.trained.some([0, 7])) == [0]
    assert store.trained.weights(0).keys() == store.trained.weights(0, 10).keys() == lab.reader(ADA).weights(0).keys()
    assert store.trained.weights(0, 3) is None
    assert store.trained.probabilities(0).shape == (10_000, 10)
    assert store.runs.all() == store.runs.with_weights(limit=9) == lab.reader(ADA).active() == []
    assert store.runs.best_with_weights() is store.runs.get(0) is None
    assert store.runs.some([0]) == lab.reader(ADA).some([0]) == {}
    assert len(lab.reader(ADA).table()) == len(lab.reader(ADA).table([0])) == len(store.runs.epochs([0])) == 0
    with pytest.raises(InputError, match="none with the number 0"):
        lab.reader(ADA).run(0)


def test_what_belongs_to_a_run_is_that_of_the_run(store: Store) -> None:
    assert store.trained.get(5) is store.trained.weights(5) is store.trained.probabilities(5) is None


@pytest.mark.parametrize("damaged", ["missing", "short", "flipped", "no receipt"])
def test_a_damaged_file_is_a_sentence(damaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(ready_made.FILE.read_bytes())
    file = tmp_path / "damaged.zip"
    if damaged == "short":
        file.write_bytes(data[: len(data) // 2])
    elif damaged == "flipped":
        data[20_000] ^= 255
        file.write_bytes(data)
    elif damaged == "no receipt":
        file.write_bytes(data.replace(b"receipt.json", b"receipt.jsn_"))
    monkeypatch.setattr(ready_made, "FILE", file)
    with pytest.raises(DataError, match=r"cannot be read .* install the project again"):
        ready_made.load()
