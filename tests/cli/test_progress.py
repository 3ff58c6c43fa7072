"""Waiting for runs: Ctrl-C, an engine that cannot begin, a run that somebody deletes."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_lab.cli import progress
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import supervisor
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.processes import ROOT, WAIT, all_gone, environment, family, wait_until
from tests.builders.runs import ADA


def test_ctrl_c_stops_cleanly_and_keeps_what_was_learnt(url: str) -> None:
    arguments = [sys.executable, "-m", "mnist_lab", "train", "--preset", "3x3"]
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment(url), stderr=subprocess.PIPE, start_new_session=True
    )
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


def test_a_command_whose_engine_cannot_begin_says_why_and_ends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "carrier pigeon")
    done = command(url, "train", "--preset", "fast", "--json")
    assert (done.status, done.out) == (1, "")
    assert "Traceback" not in done.err
    last = done.err.strip().splitlines()[-1]
    assert last.startswith(
        "The engine failed (ValueError: cannot find context for 'carrier pigeon'); the engine's log is "
    )
    assert "carrier pigeon" in Path(last.removesuffix(".").split("log is ")[1]).read_text(), "it is there"
    assert [run.status for run in Store(url).runs.all()] == [Status.CANCELLED], "no later engine trains it for nobody"


def test_a_command_ends_when_somebody_deletes_the_run_that_it_waits_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "engine", lambda url, only: contextlib.nullcontext())
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.labels.set([run_id], deleted=True)
    runs = progress.wait(Lab(store.url), [run_id], ADA)
    assert progress.exit_status(runs) == 130
    assert f"Run {run_id} was deleted while it waited." in capsys.readouterr().err
