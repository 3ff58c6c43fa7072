"""A run is trained, goes out as files, and is trained again from them elsewhere."""

import json
from pathlib import Path

from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.processes import lab, measure


def test_runs_are_trained_found_in_the_table_exported_and_repeated_to_the_bit_by_another_installation(
    url: str, tmp_path: Path
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    measure(url)
    measure(elsewhere)
    arguments = ("--preset", "fast", "--train-images", "2000", "--epochs", "2", "--seed", "7", "--seeds", "2", "--json")
    trained = command(url, "train", *arguments)
    assert trained.status == 0, trained.err
    run, other = json.loads(trained.out)
    assert (run["status"], run["seed"], run["epochs"], run["train_images"]) == ("finished", 7, 2, 2000)
    assert run["test_accuracy"] > 0.8
    assert (other["id"], other["status"], other["seed"]) == (2, "finished", 8)
    listed = json.loads(command(url, "runs", "--json").out)
    assert sorted(listed, key=lambda run: run["id"]) == [run, other]
    assert "fast" in command(url, "runs").out

    store = Store(url)
    stored = store.runs.get(run["id"])
    probabilities = store.runs.probabilities(run["id"])
    assert probabilities.shape == (10_000, 10)
    assert store.checkpoints.weights(run["id"])
    assert stored.environment["data_sha256"]
    assert stored.environment["threads"] >= 1
    assert len(store.runs.epochs([run["id"]])) == 2
    assert store.lease.current() is None  # the engine of its own has gone

    exported = lab(url, "export", "1", "--to", str(tmp_path / "out"))  # a process of its own: TensorFlow prints there
    assert exported.returncode == 0, exported.stderr
    assert not exported.stderr, "TensorFlow has nothing to say to who exports a run"
    paths = [Path(line) for line in exported.stdout.split()]
    assert [path.name.split("-", 4)[-1] for path in paths] == ["network.keras", "network.weights.h5", "receipt.json"]
    assert all(path.stat().st_size > 1000 for path in paths)
    again = command(elsewhere, "repeat", str(paths[-1]))
    assert again.status == 0, again.err
    assert "Run 1: Reproduced to the bit" in again.out
    refused = command(elsewhere, "repeat", str(paths[0]))
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert refused.err.startswith("Receipt: the archive should have one receipt.json; received 0")
    missing = command(elsewhere, "export", "7")
    assert missing.err.startswith("Run: there is none with the number 7")
