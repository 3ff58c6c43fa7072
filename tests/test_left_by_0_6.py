"""What version 0.6 left behind is read by this one: its store, receipts, links and exported files."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mnist_lab.design.experiment import read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import receipt
from mnist_lab.store.run import Status
from tests.builders.runs import ADA, LEFT_BY_0_6

KNOWN: dict[str, Any] = json.loads((LEFT_BY_0_6 / "known.json").read_text())


@pytest.fixture
def lab(url_of_0_6: str) -> Lab:
    return Lab(url_of_0_6)


def test_every_run_is_there_with_its_result_and_design_key(lab: Lab) -> None:
    runs = {run.id: run for run in lab.reader(ADA).runs.all()} | {
        16: lab.reader(ADA).run(16)
    }  # the deleted one is in no list
    assert len(runs) == len(KNOWN["runs"])
    for known in KNOWN["runs"].values():
        run = runs[known["id"]]
        assert run.design_key == known["design_key"]
        assert (run.seed, run.steps_done, run.test_accuracy) == (
            known["seed"],
            known["steps_done"],
            known["test_accuracy"],
        )


def test_one_more_seed_of_an_old_design_joins_its_row(lab: Lab) -> None:
    for known in KNOWN["runs"].values():
        run = lab.reader(ADA).run(known["id"])
        if run.parent_id is None:  # what continues another run is never one of a group of seeds
            assert run.experiment.with_changes(seed=99).design_key == known["design_key"], run.name


def test_what_was_running_or_paused_goes_on_from_its_checkpoint(lab: Lab) -> None:
    assert {run.id: run.status for run in lab.reader(ADA).active()} == {18: Status.QUEUED, 17: Status.QUEUED}
    for name in ("paused", "running"):
        checkpoint = lab.store.recording.begin(KNOWN["runs"][name]["id"], {"lab": "0.7"})
        assert checkpoint is not None
        assert checkpoint.step == KNOWN["runs"][name]["steps_done"]


def test_receipts_designs_and_links_are_read(lab: Lab) -> None:
    first = receipt.read((LEFT_BY_0_6 / "receipt.json").read_bytes())
    assert first.experiment.design_key == KNOWN["runs"]["plain 1"]["design_key"]
    zipped = receipt.read((LEFT_BY_0_6 / "receipt.zip").read_bytes())
    assert zipped.experiment.design_key == KNOWN["runs"]["normalised 1"]["design_key"]
    assert zipped.predictions_sha256 == receipt.predictions_hash(lab.store.runs.probabilities(4))
    design = read_design((LEFT_BY_0_6 / "design.json").read_bytes())
    assert design.design_key == KNOWN["runs"]["all options"]["design_key"]
    for name, run in (("plain", "plain 1"), ("normalised", "normalised 1"), ("all options", "all options")):
        (text,) = parse_qs(urlsplit(KNOWN["links"][name]).query)["design"]
        assert read_design(text).design_key == KNOWN["runs"][run]["design_key"]
    assert set(KNOWN["preset_keys"]) <= set(PRESETS)


def test_kept_weights_labels_and_designs_are_there(lab: Lab) -> None:
    assert lab.reader(ADA).weights(4)
    assert lab.store.checkpoints.epochs(4)[3]
    renamed = lab.reader(ADA).run(2)
    assert (renamed.name, renamed.tags) == ("plain *renamed*", ("good", "lesson 1"))
    assert lab.reader(ADA).run(6).archived is not None
    assert lab.store.receipts.get(15) is not None
    assert len(lab.store.designs.of("ada")) == 3
    assert len(lab.reader(ADA).table()) == len(KNOWN["runs"]) - 1


def test_what_was_stopped_in_its_last_epoch_is_stopped_and_a_person_is_told_once(lab: Lab) -> None:
    finished = {
        name for name, known in KNOWN["runs"].items() if lab.reader(ADA).run(known["id"]).status is Status.FINISHED
    }
    was = {name for name, known in KNOWN["runs"].items() if known["status"] == "finished"}
    (mended,) = was - finished
    run = lab.reader(ADA).run(KNOWN["runs"][mended]["id"])
    assert (run.id, run.status) == (8, Status.STOPPED)
    assert run.steps_done < run.planned_steps
    assert finished < was, "no other changed"
    ((notice, text),) = lab.store.notices.all().items()
    assert text.startswith("Run 8 was stopped within the last epoch")
    lab.store.notices.dismiss(notice)
    assert not lab.store.notices.all()
