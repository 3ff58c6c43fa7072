"""The lab without a browser."""

import argparse
import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from mnist_lab import __main__
from mnist_lab.__main__ import _in_words
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import log_file, supervisor
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.processes import ROOT, WAIT, all_gone, environment, family, lab, wait_until
from tests.builders.runs import finished


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
    stored = store.runs.get(run["id"])
    probabilities = store.runs.probabilities(run["id"])
    assert probabilities.shape == (10_000, 10)
    assert store.checkpoints.weights(run["id"])
    assert stored.environment["data_sha256"]
    assert stored.environment["threads"] >= 1
    assert len(store.runs.epochs([run["id"]])) == 2
    assert store.lease.current() is None  # the engine of its own has gone


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


class Output(io.TextIOWrapper):
    """A stream of an encoding, as a terminal's or a pipe's."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)


def here(monkeypatch: pytest.MonkeyPatch, url: str, *arguments: str, encoding: str = "utf-8") -> tuple[int, str, str]:
    """The command line in this process, on streams of an encoding: exit status, output and errors."""
    out, err = Output(encoding), Output(encoding)
    with monkeypatch.context() as patch:
        patch.setenv("MNIST_LAB_DATABASE_URL", url)
        patch.setattr(sys, "argv", ["mnist_lab", *arguments])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            status = __main__.main()
        except SystemExit as end:
            status = int(end.code or 0)
    return status, out.text, err.text


NAME = "=[bold]x[/] :smile: [/nothing] " + "n" * 29  # sixty characters, of which rich would make something else


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_every_encoding_of_an_output_is_written_to(
    store: Store, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    finished(store, PRESETS["7x7"].with_changes(name=NAME), 0.9)
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = here(monkeypatch, store.url, "runs", encoding=encoding)
    assert (status, err) == (0, "")
    assert NAME in out  # whole, though a terminal might have 80 columns
    assert ("7x7" if encoding == "ascii" else "7\N{MULTIPLICATION SIGN}7" if encoding != "cp437" else "7x7") in out
    assert "90.00%" in out
    for command in (["presets"], ["--help"], ["train", "--help"]):
        assert here(monkeypatch, store.url, *command, encoding=encoding)[0] == 0
    status, out, err = here(monkeypatch, store.url, "train", "--preset", "7×7\udcff\u202e", encoding=encoding)
    assert status == 2
    assert err.startswith("Preset: should be one of")


def test_a_narrow_window_is_told_what_it_has_no_room_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(store, PRESETS["7x7"].with_changes(name=NAME), 0.9)
    monkeypatch.setenv("COLUMNS", "80")
    with monkeypatch.context() as patch:
        patch.setattr(__main__, "out", Console(force_terminal=True, color_system=None, markup=False, emoji=False))
        _, text, _ = here(patch, store.url, "runs")
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert NAME[:30] in text
    assert "90.00%" in text
    assert "for want of width: when, filters" in text
    assert "…" not in text


def test_times_of_runs_are_by_the_zone_of_their_own_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, month in ((1, 1), (2, 7)):
        run = finished(store, PRESETS["3x3"].with_changes(seed=seed), 0.9)
        ended = datetime(2026, month, 1, 12, tzinfo=UTC).timestamp()
        with sqlite3.connect(store.url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE runs SET ended = ? WHERE id = ?", (ended, run.id))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        out = here(monkeypatch, store.url, "runs")[1]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert "2026-01-01 13:00:00 CET" in out
    assert "2026-07-01 14:00:00 CEST" in out


@pytest.mark.parametrize(
    ("arguments", "begin"),
    [
        (["export", "99999999999999999999999"], "Run: there is none with the number 99999999999999999999999"),
        (["export", "9" * 4000], "Run: there is none with the number 9999"),
        (["export", "9" * 5000], "Argument RUN: invalid int value"),
        (["export", "-1"], ""),
        (
            ["train", "--preset", "fast", "--epochs", "9" * 30],
            "Epochs: should be less than or equal to 1000; received 9",
        ),
        (["train", "--preset", "fast", "--seed", "9" * 30], "Seed: should be less than"),
        (["train", "--preset", "fast", "--seeds", "9" * 3000], "Seeds: should be from 1 to 30; received 99"),
        (["train", "--preset", "fast", "--train-images", "-" + "9" * 30], "Train images: should be"),
        (["train", "--preset", "x" * 9000], "Preset: should be one of"),
        (["train", "--preset", "fast", "--protocol", "p" * 9000], "Protocol: should be"),
        (["train"], "One of the arguments --preset --design is required"),
        (["train", "--design", "/nowhere/" + "x" * 4000], "Design: /nowhere/xxx"),
        (["train", "--design", "/"], "Design: / cannot be read (Is a directory)"),
        (["repeat", "/nowhere/\udcff"], "File: /nowhere/"),
        (["repeat", "/dev/zero"], "Receipt: at most 2 MB; received more."),
        (["train", "--design", "/dev/zero"], "Design zero: a design is at most 20,000 characters"),
        (["x" * 9000], "Argument COMMAND: invalid choice"),
    ],
)
def test_a_refusal_is_one_sentence_of_at_most_300_characters(
    url: str, monkeypatch: pytest.MonkeyPatch, arguments: list[str], begin: str
) -> None:
    status, out, err = here(monkeypatch, url, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(begin)
    assert len(err.strip()) <= 300
    assert err.count("\n") == 1


def test_every_option_has_help() -> None:
    (commands,) = (action for action in __main__._parser()._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        for action in command._actions:
            assert action.help, f"{name} {action.dest}"


def test_who_reads_no_further_ends_it_without_a_trace(store: Store) -> None:
    store.queue.add([PRESETS["2x2"]], "ada")
    command = [sys.executable, "-m", "mnist_lab"]
    for arguments in (["runs"], ["runs", "--json"]):
        read, write = os.pipe()
        os.close(read)  # as head does when it has enough
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, env=environment(store.url), stdout=write, stderr=subprocess.PIPE
        )
        os.close(write)
        assert process.stderr.read() == b""
        assert process.wait(WAIT) == 1
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*command, "presets"],
                check=False,
                cwd=ROOT,
                env=environment(store.url),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("Output: cannot be written (")


def test_a_design_s_file_is_trained_with_what_is_asked_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "design.json"
    file.write_text("\ufeff" + PRESETS["2x2"].model_dump_json(indent=2), encoding="utf-8")
    options = __main__._parser().parse_args(["train", "--design", str(file), "--epochs", "3", "--seed", "9"])
    made = __main__._experiment(options)
    assert made.architecture == PRESETS["2x2"].architecture
    assert (made.name, made.recipe.epochs, made.seed) == ("2x2", 3, 9)
    file.write_text('{"architecture": 7}')
    with pytest.raises(InputError, match=r"^Design design\.json: Architecture"):
        __main__._experiment(options)


def test_ctrl_c_stops_cleanly_and_keeps_what_was_learnt(url: str) -> None:
    command = [sys.executable, "-m", "mnist_lab", "train", "--preset", "3x3"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(url), stderr=subprocess.PIPE, start_new_session=True)
    store = Store(url)
    wait_until(lambda: store.runs.all() and store.runs.all()[0].steps_done > 20, "the run trains")
    members = family(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=WAIT)
    assert process.returncode == 130
    (run,) = store.runs.all()
    assert run.status is Status.STOPPED
    assert run.test_accuracy is not None
    assert store.checkpoints.weights(run.id)
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
    assert Store(url).runs.all() == []


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
    assert [run.status for run in Store(url).runs.all()] == [Status.CANCELLED], "no later engine trains it for nobody"


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
    assert not done.stderr, "TensorFlow has nothing to say to who exports a run"
    paths = [Path(line) for line in done.stdout.split()]
    assert [path.name.split("-", 4)[-1] for path in paths] == ["network.keras", "network.weights.h5", "receipt.json"]
    assert all(path.stat().st_size > 1000 for path in paths)
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    again = lab(elsewhere, "repeat", str(paths[-1]))
    assert again.returncode == 0, again.stderr
    assert "Run 1: Reproduced to the bit" in again.stdout
    refused = lab(elsewhere, "repeat", str(paths[0]))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("Receipt: the archive should have one receipt.json; received 0")
    missing = lab(elsewhere, "export", "7")
    assert missing.stderr.startswith("Run: there is none with the number 7")


def test_what_nobody_foresaw_is_a_sentence_and_its_trace_in_the_log(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(store, PRESETS["3x3"], 0.99)
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE runs SET status = 'lost in thought'")
    monkeypatch.setattr(log_file, "path", lambda: tmp_path / "engine.log")
    monkeypatch.setattr(sys, "argv", ["mnist_lab", "runs"])
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    assert __main__.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("The command failed unexpectedly (ValueError: 'lost in thought' is not a valid Status)")
    assert said.count("\n") == 1
    assert "Traceback" in (tmp_path / "engine.log").read_text()


def test_a_command_ends_when_somebody_deletes_the_run_that_it_waits_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "engine", lambda url, only: contextlib.nullcontext())
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.labels.set([run_id], deleted=True)
    runs = __main__._wait(Lab(store.url), [run_id])
    assert __main__._exit_status(runs) == 130
    assert f"Run {run_id} was deleted while it waited." in capsys.readouterr().err
