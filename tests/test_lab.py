"""What people do with the lab."""

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.store import disk
from mnist_lab.store.store import Store
from tests.builders.disk import MB, free, large
from tests.builders.runs import ADA, trained


def test_a_run_without_room_is_refused_in_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(url)
    free(monkeypatch, 300 * MB)
    assert lab.start(PRESETS["3x3"], by=ADA)
    with pytest.raises(
        InputError, match=r"^Disk: the run may write up to \d.* of the 300 MB free .* 32 MB stay free; make"
    ):
        lab.start_all([PRESETS["3x3"], large()], by=ADA)
    assert len(lab.active()) == 1, "all or none"
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "1000000000")
    free(monkeypatch, 10**15)
    giant = large().architecture.model_dump() | {
        "head": [{"units": 4096}] * 4,
        "blocks": [{"filters": 64, "kernel_size": 3, "padding": "same"}],
    }
    with pytest.raises(InputError, match=r"a checkpoint of it would have .* GB, and at most 1.0 GB can be stored"):
        lab.start(large().with_changes(architecture=giant), by=ADA)


def test_a_waiting_run_without_room_is_passed_over_and_taken_when_there_is_some(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(url)
    first, second = lab.start(large(), by=ADA)[0], lab.start(PRESETS["3x3"], by=ADA)[0]
    free(monkeypatch, 200 * MB)
    assert "make room there" in str(lab.shortage(lab.store.runs.get(first)))
    assert lab.shortage(lab.store.runs.get(second)) is None
    claimed = lab.store.queue.claim("engine")
    assert claimed
    assert claimed.id == second
    assert lab.store.queue.claim("engine") is None
    free(monkeypatch, lab.store.runs.get(first).predicted_bytes + disk.RESERVE)
    assert lab.store.queue.claim("engine") is None, "what trains may still write"
    free(
        monkeypatch,
        lab.store.runs.get(first).predicted_bytes + lab.store.runs.get(second).predicted_bytes + disk.RESERVE,
    )
    claimed = lab.store.queue.claim("engine")
    assert claimed
    assert claimed.id == first


def test_a_deleted_run_is_out_of_every_list_until_it_is_had_back(store: Store) -> None:
    gone, stays = trained(store), trained(store)
    before = store.labels.set([gone], deleted=True)
    lab = Lab(store.url)
    assert [ids for (ids,) in lab.table()["ids"]] == [stays]
    assert [run.id for run in lab.runs()] == [run.id for run in lab.store.runs.all(limit=100)] == [stays]
    assert lab.run(gone).deleted  # its page can have it back
    store.labels.undo(before)
    assert len(lab.table()) == 2
