"""The cluster with real processes, which load nothing."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mnist_lab.engine.cluster import QUESTION, TRAIN, Cluster, Job
from tests.builders.processes import WAIT, all_gone, wait_until


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(1) as running:
        wait_until(running.workers, "a worker is there")
        yield running


def ended(job: Job) -> Job:
    wait_until(lambda: job.is_done, "it ends")
    return job


def only_worker(cluster: Cluster) -> str:
    (address,) = wait_until(lambda: len(found := cluster.workers()) == 1 and found, "there is one worker")
    return str(address)


def test_what_is_submitted_is_done_there_and_tells_how_it_ended(cluster: Cluster) -> None:
    address = only_worker(cluster)
    done = ended(cluster.submit(address, TRAIN, os.getppid))
    assert (done.has_succeeded, done.has_crashed, done.error) == (True, False, None)
    assert done.result == os.getpid()
    failed = ended(cluster.submit(address, TRAIN, int, "seven"))
    assert (failed.has_succeeded, failed.has_crashed) == (False, False)
    assert str(failed.error) == "invalid literal for int() with base 10: 'seven'"


@pytest.mark.parametrize("word", ["7", "seven"])
def test_whoever_waits_for_its_end_is_called_then_or_at_once(cluster: Cluster, word: str) -> None:
    told, told_late = threading.Event(), threading.Event()
    job = cluster.submit(only_worker(cluster), TRAIN, int, word)
    job.when_done(told.set)
    assert told.wait(WAIT)
    assert job.is_done
    job.when_done(told_late.set)
    assert told_late.wait(WAIT)


def test_the_same_again_is_done_again(cluster: Cluster) -> None:
    address = only_worker(cluster)
    times = [ended(cluster.submit(address, TRAIN, time.monotonic)).result for _ in range(2)]
    assert times[0] < times[1]


def test_one_at_a_time_of_a_kind_beside_those_of_another(cluster: Cluster, tmp_path: Path) -> None:
    address = only_worker(cluster)
    over = tmp_path / "over"
    wait = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
    long = cluster.submit(address, TRAIN, subprocess.call, [sys.executable, "-c", wait, str(over)])
    behind = cluster.submit(address, TRAIN, os.getpid)
    beside = ended(cluster.submit(address, QUESTION, os.getpid))
    assert beside.has_succeeded
    assert not long.is_done
    assert not behind.is_done
    over.touch()
    assert ended(behind).has_succeeded
    assert long.result == 0


def test_a_crash_is_one_and_another_worker_takes_the_place(cluster: Cluster) -> None:
    address = only_worker(cluster)
    places = cluster.places()
    crashed = ended(cluster.submit(address, TRAIN, os._exit, 1))
    assert (crashed.has_succeeded, crashed.has_crashed) == (False, True)
    wait_until(lambda: address not in cluster.workers(), "it is gone")
    other = only_worker(cluster)
    assert other != address
    assert cluster.places() == places
    late = cluster.submit(address, TRAIN, os.getpid)  # nobody would ever do it
    late.cancel()
    assert ended(late).has_crashed
    assert late.error is None


def test_a_busy_worker_is_restarted(cluster: Cluster) -> None:
    address = only_worker(cluster)
    busy = cluster.submit(address, TRAIN, time.sleep, 600)
    cluster.restart(address)
    assert ended(busy).has_crashed
    assert only_worker(cluster) != address


def test_a_place_comes_and_goes(cluster: Cluster) -> None:
    first = only_worker(cluster)
    cluster.add_place()
    both = wait_until(lambda: len(found := cluster.workers()) == 2 and found, "there are two")
    cluster.remove_place(both[first])
    (left,) = wait_until(lambda: len(found := cluster.workers()) == 1 and found, "one has gone")
    assert left != first
    assert cluster.places() == {both[left]}


def test_nothing_is_left_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = psutil.Process().children(recursive=True)
    with Cluster(1) as running:
        (scratch,) = tmp_path.iterdir()
        assert stat.S_IMODE(scratch.stat().st_mode) & 0o77 == 0
        wait_until(running.workers, "a worker is there")
        come = [process for process in psutil.Process().children(recursive=True) if process not in before]
        workers = [process for process in come if "spawn_main" in " ".join(process.cmdline())]
        assert workers
    wait_until(lambda: all_gone(workers), "its processes are gone")
    assert not scratch.exists()
