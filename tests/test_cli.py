"""The lab without a browser."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_lab.__main__ import _in_words
from mnist_lab.experiment import Status
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store
from tests.processes import ROOT, WAIT, all_gone, environment, family, lab, wait_until
from tests.test_results import finished


def test_presets_as_json(url: str) -> None:
    found = {preset["name"]: preset for preset in json.loads(lab(url, "presets", "--json").stdout)}
    assert found["7x7"] == {
        "name": "7x7",
        "conv_layers": 3,
        "parameters": 136_906,
        "trainable_parameters": 136_426,
        "non_trainable_parameters": 480,
    }
    assert (found["3x3"]["parameters"], found["2x2"]["parameters"]) == (13_338, 144_406)
    assert "136,906" in lab(url, "presets").stdout


def test_train_then_find_the_run_in_the_table(url: str) -> None:
    arguments = ("--preset", "fast", "--train-images", "2000", "--epochs", "2", "--seed", "7", "--json")
    done = lab(url, "train", *arguments)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["status"], run["seed"], run["epochs"], run["train_images"]) == ("finished", 7, 2, 2000)
    assert run["test_accuracy"] > 0.8
    (listed,) = json.loads(lab(url, "runs", "--json").stdout)
    assert listed == run
    assert "fast" in lab(url, "runs").stdout

    store = Store(url)
    stored = store.run(run["id"])
    probabilities = store.probabilities(run["id"])
    assert probabilities.shape == (10_000, 10)
    assert store.weights(run["id"])
    assert stored.environment["data_sha256"]
    assert stored.environment["threads"] >= 1
    assert len(store.epochs([run["id"]])) == 2
    assert store.lease() is None  # the engine of its own has gone


def test_what_a_migration_has_to_tell_is_told_once(url_of_0_6: str) -> None:
    first, second = (lab(url_of_0_6, "runs", "--json") for _ in range(2))
    assert "Run 8 was stopped within the last epoch" in first.stderr
    assert first.stdout == second.stdout
    assert "Run 8" not in second.stderr


def test_several_seeds_are_told_with_their_spread(url: str) -> None:
    few = ("train", "--preset", "fast", "--train-images", "1000", "--epochs", "1", "--seeds", "2", "--seed", "4")
    told = " ".join(lab(url, *few).stdout.split())
    assert "2 seeds: test accuracy" in told
    assert "95 % interval of the mean" in told
    both = json.loads(lab(url, *few, "--json").stdout)
    assert [run["seed"] for run in both] == [4, 5]


def test_an_interval_of_accuracies_stays_within_nothing_and_all(store: Store) -> None:
    runs = [finished(store, PRESETS["3x3"].with_changes(seed=seed), seed / 2 - 0.4) for seed in (1, 2)]
    assert "95 % interval of the mean 0.000% to 100.000%" in _in_words(runs)


def test_ctrl_c_stops_cleanly_and_keeps_what_was_learnt(url: str) -> None:
    command = [sys.executable, "-m", "mnist_lab", "train", "--preset", "3x3"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(url), stderr=subprocess.PIPE, start_new_session=True)
    store = Store(url)
    wait_until(lambda: store.runs() and store.runs()[0].steps_done > 20, "the run trains")
    members = family(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=WAIT)
    assert process.returncode == 130
    (run,) = store.runs()
    assert run.status is Status.STOPPED
    assert run.test_accuracy is not None
    assert store.weights(run.id)
    wait_until(lambda: all_gone(members), "no process is left")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--preset", "9x9"], ["Preset", "'9x9'"]),
        (["train", "--preset", "3x3", "--train-images", "0"], ["Train images", "received 0"]),
        (["train", "--preset", "3x3", "--train-images", "61000"], ["Train images", "received 61000"]),
        (["train", "--preset", "3x3", "--protocol", "holdout", "--train-images", "60000"], ["55,000", "60,000"]),
        (["train", "--preset", "3x3", "--protocol", "mine"], ["Protocol", "'mine'"]),
        (["train", "--preset", "3x3", "--epochs", "many"], ["epochs", "'many'"]),
        (["reproduce", "--seeds", "0"], ["Seeds", "received 0"]),
        (["frobnicate"], ["frobnicate"]),
    ],
)
def test_bad_input_is_one_sentence_and_stores_nothing(url: str, arguments: list[str], words: list[str]) -> None:
    done = lab(url, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert Store(url).runs() == []


@pytest.mark.parametrize("variable", ["MNIST_LAB_CHECKPOINT_MB", "MNIST_LAB_DATABSE_URL"])
def test_a_setting_that_is_not_understood_is_one_sentence(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "many")
    done = lab(url, "train", "--preset", "fast")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(variable)
    assert not (tmp_path / "lab.db").exists()


def test_a_command_whose_engine_cannot_begin_says_why_and_ends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "carrier pigeon")
    done = lab(url, "train", "--preset", "fast", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "The engine failed (ValueError: cannot find context for 'carrier pigeon'); the engine's log is "
    )
    assert "carrier pigeon" in Path(last.removesuffix(".").split("log is ")[1]).read_text(), "it is there"
    assert [run.status for run in Store(url).runs()] == [Status.CANCELLED], "no later engine trains it for nobody"


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/nowhere/lab.db"])
def test_a_database_that_cannot_be_used_is_one_sentence(url: str) -> None:
    done = lab(url, "runs")
    assert done.returncode == 1
    assert "MNIST_LAB_DATABASE_URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_runs_of_a_new_store_are_an_empty_list(url: str, tmp_path: Path) -> None:
    assert json.loads(lab(url, "runs", "--json").stdout) == []
    assert (tmp_path / "lab.db").exists()


def test_a_run_is_exported_and_repeated_to_the_bit_by_another_installation(url: str, tmp_path: Path) -> None:
    assert lab(url, "train", "--preset", "fast", "--train-images", "1000", "--epochs", "1").returncode == 0
    done = lab(url, "export", "1", "--to", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.split()]
    assert [path.name.split("-", 4)[-1] for path in paths] == ["network.keras", "network.weights.h5", "receipt.json"]
    assert all(path.stat().st_size > 1000 for path in paths)
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    again = lab(elsewhere, "repeat", str(paths[-1]))
    assert again.returncode == 0, again.stderr
    assert "Run 1: Reproduced to the bit" in again.stdout
    refused = lab(elsewhere, "repeat", str(paths[0]))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("Receipt: the archive has no receipt.json")
    missing = lab(elsewhere, "export", "7")
    assert missing.stderr.startswith("Run: there is none with the number 7")
