"""A run goes out as files, and is trained again from them elsewhere."""

from pathlib import Path

from tests.builders.command_line import command
from tests.builders.processes import lab, measure


def test_a_run_is_exported_and_repeated_to_the_bit_by_another_installation(url: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    measure(url)
    measure(elsewhere)
    trained = command(url, "train", "--preset", "fast", "--train-images", "1000", "--epochs", "1", "--seeds", "2")
    assert trained.status == 0, trained.err
    assert "Run 2 finished: test accuracy" in trained.out
    assert "2 seeds: test accuracy" in trained.out
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
