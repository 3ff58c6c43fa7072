"""Training from the command line: what is trained, and what is said of it; a real engine trains in `test_repeat`."""

import json
from pathlib import Path

import pytest

from mnist_lab.cli import train
from mnist_lab.design.presets import PRESETS
from mnist_lab.results import anytime
from mnist_lab.store.store import Store
from tests.builders.command_line import command, instant_engine
from tests.builders.runs import finished


def test_several_seeds_are_told_with_their_spread(url: str) -> None:
    with instant_engine():
        done = command(url, "train", "--preset", "fast", "--seeds", "3", "--seed", "4")
        both = json.loads(command(url, "train", "--preset", "fast", "--seeds", "2", "--seed", "4", "--json").out)
    assert done.status == 0
    assert "Run 1 finished: test accuracy 90.04%" in done.out
    assert "Run 2 finished: test accuracy 90.05%" in done.out
    expected = anytime.spread([0.9004, 0.9005, 0.9006])
    assert "3 seeds: test accuracy 90.050% ± 0.010%" in done.out
    assert f"95 % interval of the mean {expected.low:.3%} to {expected.high:.3%}, however often you look" in done.out
    assert [run["seed"] for run in both] == [4, 5]


def test_one_seed_is_said_to_be_one_sample(url: str) -> None:
    with instant_engine():
        assert "One run is one sample" in command(url, "train", "--preset", "fast").out


def test_an_interval_of_accuracies_stays_within_nothing_and_all(store: Store) -> None:
    runs = [finished(store, PRESETS["3x3"].with_changes(seed=seed), seed / 4 - 0.2) for seed in (1, 2, 3)]
    assert "95 % interval of the mean 0.000% to 100.000%" in train.summary(runs)
    assert "for an interval at least 3 seeds are needed" in train.summary(runs[:2])


def test_a_design_s_file_is_trained_with_what_is_asked_beside_it(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "design.json"
    file.write_text("\ufeff" + PRESETS["2x2"].model_dump_json(indent=2), encoding="utf-8")
    with instant_engine():
        assert command(store.url, "train", "--design", str(file), "--epochs", "3", "--seed", "9").status == 0
    (run,) = store.runs.all()
    made = run.experiment
    assert made.architecture == PRESETS["2x2"].architecture
    assert (made.name, made.recipe.epochs, made.seed) == ("2x2 · 3 epochs", 3, 9)
    file.write_text('{"architecture": 7}')
    refused = command(store.url, "train", "--design", str(file))
    assert refused.status == 2
    assert refused.err.startswith("Design design.json: Architecture")
    assert len(store.runs.all()) == 1


@pytest.mark.parametrize("protocol", ["holdout", "notebook"])
def test_images_and_protocol_are_those_that_are_asked_for(store: Store, protocol: str) -> None:
    with instant_engine():
        command(store.url, "train", "--preset", "3x3", "--protocol", protocol, "--train-images", "123")
    (run,) = store.runs.all()
    assert (run.experiment.protocol, run.experiment.train_images) == (protocol, 123)
