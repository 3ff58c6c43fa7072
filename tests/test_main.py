"""The command line as a whole: what it refuses, what it says when something fails, and how it ends."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_lab.__main__ import main
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import log_file
from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.processes import ROOT, WAIT, environment
from tests.builders.runs import finished


def test_the_arguments_of_this_process_are_taken_where_none_are_given(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    monkeypatch.setattr(sys, "argv", ["mnist_lab", "presets"])
    assert main() == 0
    assert "3x3" in capsys.readouterr().out


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
def test_a_refusal_is_one_sentence_of_at_most_300_characters(url: str, arguments: list[str], begin: str) -> None:
    status, out, err = command(url, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(begin)
    assert len(err.strip()) <= 300
    assert err.count("\n") == 1


def test_every_command_and_every_option_has_help(url: str) -> None:
    def entries(*arguments: str) -> dict[str, str]:
        """What --help lists, and what it says of each, there or on the line below."""
        text = command(url, *arguments, "--help").out.replace("  COMMAND\n", "")
        listed = re.findall(r"^ {2,4}(\S.*?)(?: {2,}|\n {10,})?(?<= {2})(\S.*)?$", text, re.MULTILINE)
        assert len(listed) == len(re.findall(r"^ {2,4}\S", text, re.MULTILINE)), text
        return dict(listed)

    commands = entries()
    assert list(commands)[:-1] == ["presets", "train", "runs", "reproduce", "export", "repeat", "copy", "bench"]
    for listed in [commands, *map(entries, list(commands)[:-1])]:
        assert all(listed.values()), listed


def test_who_reads_no_further_ends_it_without_a_trace(store: Store) -> None:
    store.queue.add([PRESETS["2x2"]], "ada")
    command_line = [sys.executable, "-m", "mnist_lab"]
    for arguments in (["runs"], ["runs", "--json"]):
        read, write = os.pipe()
        os.close(read)  # as head does when it has enough
        process = subprocess.Popen(
            [*command_line, *arguments], cwd=ROOT, env=environment(store.url), stdout=write, stderr=subprocess.PIPE
        )
        os.close(write)
        assert process.stderr.read() == b""
        assert process.wait(WAIT) == 1
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*command_line, "presets"],
                check=False,
                cwd=ROOT,
                env=environment(store.url),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("Output: cannot be written (")


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
    done = command(url, *arguments)
    assert done.status == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert all(word in done.err for word in words), done.err
    assert Store(url).runs.all() == []


@pytest.mark.parametrize("variable", ["MNIST_LAB_CHECKPOINT_MB", "MNIST_LAB_DATABSE_URL"])
def test_a_setting_that_is_not_understood_is_one_sentence(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "many")
    done = command(url, "train", "--preset", "fast")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(variable)
    assert not (tmp_path / "lab.db").exists()


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/nowhere/lab.db"])
def test_a_database_that_cannot_be_used_is_one_sentence(url: str) -> None:
    done = command(url, "runs")
    assert done.status == 1
    assert "MNIST_LAB_DATABASE_URL" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_what_nobody_foresaw_is_a_sentence_and_its_trace_in_the_log(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(store, PRESETS["3x3"], 0.99)
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE runs SET status = 'lost in thought'")
    monkeypatch.setattr(log_file, "path", lambda: tmp_path / "engine.log")
    status, _, said = command(url, "runs")
    assert status == 1
    assert said.startswith("The command failed unexpectedly (ValueError: 'lost in thought' is not a valid Status)")
    assert said.count("\n") == 1
    assert "Traceback" in (tmp_path / "engine.log").read_text()
