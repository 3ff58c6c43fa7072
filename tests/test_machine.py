"""What a container or a service may use: files as the kernel writes them, and a real control group."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from mnist_lab import machine, settings, workers
from tests.builders.processes import ROOT, wait_until

GIB = 1 << 30
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = [
    "33 32 0:29 {} /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct",
    "36 32 0:32 {} /sys/fs/cgroup/memory ro,nosuid master:15 - cgroup cgroup rw,memory",
]


def tree(root: Path, memberships: list[str], mounts: list[str], files: dict[str, str]) -> Path:
    """A root folder with what the kernel would show in it."""
    contents = {"proc/self/cgroup": "\n".join(memberships), "proc/self/mountinfo": "\n".join(mounts)}
    contents |= {f"sys/fs/cgroup/{name}": text + "\n" for name, text in files.items()}
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "schedulable_cores", lambda: 16)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 64 * GIB}))


def v2(root: Path, path: str, files: dict[str, str]) -> Path:
    return tree(root, [f"0::{path}"], [V2_MOUNT], files)


def v1(root: Path, path: str, top: str, files: dict[str, str]) -> Path:
    memberships = [f"5:memory:{path}", f"3:cpu,cpuacct:{path}", "1:name=systemd:/", "0::/"]
    return tree(root, memberships, [mount.format(top) for mount in V1_MOUNTS], files)


def cpu_v1(quota: int, folder: str = "") -> dict[str, str]:
    return {f"cpu,cpuacct/{folder}cpu.cfs_quota_us": str(quota), f"cpu,cpuacct/{folder}cpu.cfs_period_us": "100000"}


@pytest.mark.usefixtures("large_machine")
@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 16), ("50000 100000", 1), ("100000 100000", 1), ("150000 100000", 2), ("400000 100000", 4), ("30000 10000", 3), ("9900000 100000", 16), ("nonsense", 16), ("", 16)],
)  # fmt: skip
def test_a_container_has_as_many_cores_as_its_quota(tmp_path: Path, quota: str, cores: int) -> None:
    assert machine.cores(v2(tmp_path, "/", {"cpu.max": quota})) == cores


@pytest.mark.usefixtures("large_machine")
@pytest.mark.parametrize(("quota", "cores"), [(-1, 16), (50_000, 1), (250_000, 3)])
def test_also_by_the_older_files(tmp_path: Path, quota: int, cores: int) -> None:
    # In Docker the path is the host's, and what is mounted is its end.
    root = v1(tmp_path, "/docker/4f2a", "/docker/4f2a", cpu_v1(quota))
    assert machine.cores(root) == cores
    assert machine.cores(v1(tmp_path, "/docker/4f2a", "/", cpu_v1(quota))) == cores


@pytest.mark.usefixtures("large_machine")
def test_the_narrowest_of_the_groups_around_counts(tmp_path: Path) -> None:
    files = {
        "user.slice/cpu.max": "200000 100000",
        "user.slice/lab.service/cpu.max": "max 100000",
        "user.slice/lab.service/memory.max": str(3 * GIB),
        "user.slice/memory.max": str(8 * GIB),
        "other.slice/cpu.max": "1000 100000",
    }
    root = v2(tmp_path, "/user.slice/lab.service", files)
    assert (machine.cores(root), machine.memory(root)) == (2, 3 * GIB)
    nested = v1(tmp_path / "older", "/a/b", "/", cpu_v1(-1, "a/b/") | cpu_v1(300_000, "a/") | cpu_v1(-1))
    assert machine.cores(nested) == 3


@pytest.mark.usefixtures("large_machine")
def test_memory(tmp_path: Path) -> None:
    assert machine.memory(v2(tmp_path / "none", "/", {"memory.max": "max"})) == 64 * GIB
    assert machine.memory(v2(tmp_path / "some", "/", {"memory.max": str(3 * GIB // 2)})) == 3 * GIB // 2
    assert machine.memory(v2(tmp_path / "soft", "/", {"memory.max": "max", "memory.high": str(GIB)})) == GIB
    without = {"memory/memory.limit_in_bytes": "9223372036854771712"}
    assert machine.memory(v1(tmp_path / "v1 none", "/docker/1", "/docker/1", without)) == 64 * GIB
    some = {"memory/memory.limit_in_bytes": str(2 * GIB)}
    assert machine.memory(v1(tmp_path / "v1 some", "/docker/1", "/docker/1", some)) == 2 * GIB


@pytest.mark.usefixtures("large_machine")
def test_where_nothing_is_limited_or_said_the_whole_machine_counts(tmp_path: Path) -> None:
    (tmp_path / "mac").mkdir()
    assert (machine.cores(tmp_path / "mac"), machine.memory(tmp_path / "mac")) == (16, 64 * GIB)


@pytest.mark.usefixtures("large_machine")
@pytest.mark.parametrize(
    ("quota", "bytes_", "at_once", "threads"),
    [("50000 100000", 3 * GIB // 2, 1, 1), ("200000 100000", 3 * GIB // 2, 1, 2), ("200000 100000", 8 * GIB, 2, 2), ("max", 8 * GIB, 3, 8)],
)  # fmt: skip
def test_a_container_is_given_workers_and_threads_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, bytes_: int, at_once: int, threads: int
) -> None:
    for variable in (settings.WORKERS, settings.THREADS):
        monkeypatch.delenv(variable, raising=False)
    root = v2(tmp_path, "/", {"cpu.max": quota, "memory.max": str(bytes_)})
    cores, memory = machine.cores(root), machine.memory(root)
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "memory", lambda: memory)
    assert workers.plan() == (at_once, threads)


def test_a_machine_is_quiet_unless_others_take_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    class Times(NamedTuple):
        user: float
        idle: float
        iowait: float
        steal: float
        guest: float

    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(machine, "cores", lambda: 2)
    own = [0.0]
    every = [Times(100, 100, 0, 0, 50)]
    monkeypatch.setattr(psutil, "cpu_times", lambda: every[0])
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda self: type("Own", (), {"user": own[0], "system": 0.0}))

    def quiet(after: Times, mine: float) -> bool:
        own[0], every[0] = 0.0, Times(100, 100, 0, 0, 50)
        load = machine.Load()
        own[0], every[0] = mine, after
        return load.is_quiet()

    # Ten seconds of four cores, of which two are ours to use.
    assert quiet(Times(100, 140, 0, 0, 50), 0)  # nothing ran
    assert quiet(Times(120, 120, 0, 0, 50), 20)  # we had two
    assert quiet(Times(140, 100, 0, 0, 50), 20)  # others had the other two
    assert not quiet(Times(140, 100, 0, 0, 50), 10)  # and one of ours
    assert not quiet(Times(120, 100, 0, 20, 50), 10)  # the host had it
    assert quiet(Times(120, 110, 10, 0, 70), 20)  # a guest's time is in its owner's, and a disk is no processor


def test_a_process_that_takes_every_core_is_noticed() -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        load = machine.Load()
        began = [psutil.Process(process.pid).cpu_times().user for process in busy]
        wait_until(
            lambda: all(psutil.Process(p.pid).cpu_times().user - b > 0.3 for p, b in zip(busy, began, strict=True)),
            "they have run",
        )
        assert not load.is_quiet()
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_process_in_a_real_control_group_sees_its_limits() -> None:
    """One that the test makes, of whichever version there is; half a core and 1.5 GiB."""
    name = f"lab-test-{uuid.uuid4().hex[:8]}"
    base = Path("/sys/fs/cgroup")
    if (base / "cgroup.controllers").exists():
        wanted = {base / name: {"cpu.max": "50000 100000", "memory.max": str(3 * GIB // 2)}}
    else:
        wanted = {
            base / "cpu" / name: {"cpu.cfs_quota_us": "50000"},
            base / "memory" / name: {"memory.limit_in_bytes": str(3 * GIB // 2)},
        }
    made = []
    code = "from mnist_lab.machine import cores, memory; print(cores(), memory())"
    try:
        for folder, files in wanted.items():
            folder.mkdir()
            made.append(folder)
            for file, text in files.items():
                (folder / file).write_text(text)

        def enter() -> None:
            for folder in wanted:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=enter
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no control group can be made here: {error}")
    finally:
        for folder in made:
            folder.rmdir()
    assert done.stdout.split() == ["1", str(3 * GIB // 2)], done.stderr
