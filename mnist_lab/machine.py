"""How many cores and how much memory there are for this process, where a container or a service is allowed less than all.

Linux limits a group of processes by files of a control group: version 2 (`cpu.max`, `memory.max`) or version 1
(`cpu.cfs_quota_us` in a period, `memory.limit_in_bytes`); both may be mounted at once. A group's limits hold for the
groups within it too, so the narrowest on the way up counts. Source: the Linux kernel's documentation of both versions,
and cgroups(7).
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

_ROOT = Path("/")
_QUIET_SHARE = 0.85


def schedulable_cores() -> int:
    """How many cores the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores(root: Path = _ROOT) -> int:
    """How many cores' worth of time this process may use, begun ones counted whole."""
    return max(1, min([schedulable_cores(), *map(math.ceil, _shares(root))]))


def memory(root: Path = _ROOT) -> int:
    """How many bytes of memory this process may use together with all else that has the same limit."""
    return min([psutil.virtual_memory().total, *_bytes(root)])


class Load:
    """How much of the processors others take from this process, from now on: programs beside it, and other machines on
    the host of a virtual one."""

    def __init__(self) -> None:
        self._began = _times()

    def is_quiet(self) -> bool:
        """Whether it had, or could have had, nearly all the cores it may use since then."""
        whole, idle, own = (now - then for now, then in zip(_times(), self._began, strict=True))
        free = (psutil.cpu_count() or 1) * (idle + own) / max(whole, 1e-9)
        return bool(free >= _QUIET_SHARE * cores())


def _times() -> tuple[float, float, float]:
    """Seconds of all processors: altogether, idle, and of this process."""
    every, own = psutil.cpu_times(), psutil.Process().cpu_times()
    # A guest's time is counted as its owner's too.
    whole = sum(every) - getattr(every, "guest", 0.0) - getattr(every, "guest_nice", 0.0)
    return whole, every.idle + getattr(every, "iowait", 0.0), own.user + own.system


def _shares(root: Path) -> Iterator[float]:
    """Each limit of processor time, in cores."""
    for folder in _groups(root, "cpu"):
        quota, period, *_ = [*_numbers(folder / "cpu.max"), 0, 0]
        if not quota:
            quota = next(iter(_numbers(folder / "cpu.cfs_quota_us")), 0)
            period = next(iter(_numbers(folder / "cpu.cfs_period_us")), 0)
        if quota > 0 and period > 0:  # -1: no limit
            yield quota / period


def _bytes(root: Path) -> Iterator[int]:
    """Each limit of memory; from `memory.high` on a process is slowed down until hardly anything moves."""
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            yield from (number for number in _numbers(folder / name)[:1] if number > 0)


def _numbers(file: Path) -> list[int]:
    """The whole numbers that a file begins with; none where it cannot be read or begins with another word, as `max`."""
    try:
        words = file.read_text(encoding="ascii").split()
        return [int(word) for word in words] if words[:1] != ["max"] else []
    except (OSError, ValueError):
        return []


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that this process is in, from its own to the outermost that can be seen."""
    try:
        memberships = (root / "proc/self/cgroup").read_text(errors="replace").splitlines()
        mounts = (root / "proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return
    paths: dict[str, str] = {}  # of its group, by controller; version 2 has none
    for line in memberships:
        names, path = line.split(":", 2)[1:]
        paths |= dict.fromkeys(names.split(","), path)
    for line in mounts:
        before, _, after = line.partition(" - ")
        kind, *_, options = after.split()
        if kind not in ("cgroup", "cgroup2") or (kind == "cgroup" and controller not in options.split(",")):
            continue
        top, point = before.split()[3:5]
        folder = root / point.lstrip("/")
        own = PurePosixPath(paths.get("" if kind == "cgroup2" else controller, "/"))
        # In a container the path may be the host's, of which nothing but the mounted end can be seen here.
        inner = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
        for part in (inner, *inner.parents):
            yield folder / part
