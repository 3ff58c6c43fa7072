"""What people do with the lab."""

import pytest

from mnist_lab.design.experiment import MAX_SEEDS, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.results import receipt
from mnist_lab.store import disk
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.disk import MB, free, large
from tests.builders.runs import ADA, LEFT_BY_0_6, trained


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


def longer(epochs: int) -> Recipe:
    return PRESETS["3x3"].recipe.model_copy(update={"epochs": epochs})


def test_seeds_are_consecutive_and_belong_to_who_started_them(lab: Lab) -> None:
    ids = lab.start(PRESETS["3x3"].with_changes(seed=7), 3, by=ADA)
    more = lab.add_seeds(ids[0], [40, 20], by=Person("bob"))
    runs = lab.reader(ADA).some([*ids, *more])
    assert [(run.seed, run.owner) for run in runs.values()] == [
        (7, "ada"),
        (8, "ada"),
        (9, "ada"),
        (40, "bob"),
        (20, "bob"),
    ]
    assert len({run.design_key for run in runs.values()}) == 1
    assert all(run.predicted_low < run.predicted_high for run in runs.values()), "each is predicted"


@pytest.mark.parametrize("seeds", [0, MAX_SEEDS + 1])
def test_more_seeds_than_allowed_are_refused(lab: Lab, seeds: int) -> None:
    with pytest.raises(InputError, match=f"Seeds: should be from 1 to 30; received {seeds}"):
        lab.start(PRESETS["3x3"], seeds, by=ADA)
    assert lab.reader(ADA).runs.all() == []


def test_too_large_a_network_is_refused_and_none_beside_it_is_queued(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "100000")
    with pytest.raises(InputError, match="parameters"):
        lab.start_all([PRESETS["3x3"], PRESETS["7x7"]], by=ADA)
    assert lab.reader(ADA).runs.all() == []


def test_an_ended_run_is_continued_from_a_kept_epoch_for_further_ones(lab: Lab, store: Store) -> None:
    parent = trained(store, epochs=3)
    child = lab.reader(ADA).run(lab.continue_run(parent, 2, longer(6), by=Person("bob")))
    assert (child.parent_id, child.parent_epoch, child.owner, child.status) == (parent, 2, "bob", Status.QUEUED)
    whole = lab.estimate(child.experiment)
    assert child.predicted_low == pytest.approx(whole.low * 4 / 6), "for what is still to be trained"
    with pytest.raises(
        InputError, match=f"Run {child.id}: only a run that has ended can be continued; this one is queued"
    ):
        lab.continue_run(child.id, 2, longer(9), by=ADA)
    with pytest.raises(InputError, match="Epochs: should be more than the 3 it has already; received 3"):
        lab.continue_run(parent, 3, longer(3), by=ADA)
    with pytest.raises(InputError, match="the checkpoint of epoch 5 is not kept"):
        lab.continue_run(parent, 5, longer(6), by=ADA)


def test_a_receipt_is_repeated_under_its_name_and_compared_when_it_has_finished(lab: Lab, store: Store) -> None:
    given = receipt.read((LEFT_BY_0_6 / "receipt.json").read_bytes())
    run = lab.reader(ADA).run(lab.repeat(given, by=ADA))
    assert (run.owner, run.experiment) == ("ada", given.experiment.with_changes(name=given.name))
    waiting = f"This run repeats run {given.run} of another lab; when it has finished, the two are compared."
    assert lab.reader(ADA).repeated(run, lab.reader(ADA).table()) == waiting
    assert lab.reader(ADA).repeated(lab.reader(ADA).run(trained(store)), lab.reader(ADA).table()) is None, (
        "it repeats none"
    )


def test_a_design_is_kept_for_who_saved_it(lab: Lab, url: str) -> None:
    mine = PRESETS["3x3"].with_changes(name="mine")
    other = PRESETS["7x7"].with_changes(name="mine")
    assert lab.save_design(mine, by=ADA) is None
    kept = lab.save_design(other, by=ADA)
    assert read_design(kept) == mine
    assert lab.save_design(other, by=ADA, replaces=kept) is None
    assert read_design(Lab(url).store.designs.of("ada")["mine"]) == other


def test_the_engine_is_said_to_be_what_it_says_while_it_lives(lab: Lab, store: Store) -> None:
    assert lab.engine_state() is None
    store.lease.take("engine", "warming up")
    assert lab.engine_state() == "warming up"
    store.lease.release("engine")
    store.lease.say_not_working("It rained.")
    assert lab.engine_state() == "not working: It rained."


def test_a_run_without_room_is_refused_in_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(url)
    free(monkeypatch, 300 * MB)
    assert lab.start(PRESETS["3x3"], by=ADA)
    with pytest.raises(
        InputError, match=r"^Disk: the run may write up to \d.* has 300 MB free, of which 32 MB are kept free; make"
    ):
        lab.start_all([PRESETS["3x3"], large()], by=ADA)
    assert len(lab.reader(ADA).active()) == 1, "all or none"
    monkeypatch.setenv("MNIST_LAB_MAX_PARAMETERS", "1000000000")
    free(monkeypatch, 10**15)
    giant = large().architecture.model_dump() | {
        "head": [{"units": 4096}] * 4,
        "blocks": [{"filters": 64, "kernel_size": 3, "padding": "same"}],
    }
    with pytest.raises(InputError, match=r"its checkpoints would have .* GB each, and at most 1.0 GB can be stored"):
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
