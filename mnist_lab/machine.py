"""The cores and the memory that this process may use, limits of a container or a service included.

Linux limits groups of processes by control groups, of version 2 (`cpu.max`, `memory.max`) or version 1
(`cpu.cfs_quota_us` per `cpu.cfs_period_us`, `memory.limit_in_bytes`); both may be mounted at once. A group's limit also
holds for the groups inside it, so the smallest limit on the way to the root counts. Sources: the Linux kernel's
documentation of both versions, and cgroups(7).
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

_ROOT = Path("/")
_QUIET_SHARE = 0.85


def schedulable_cores() -> int:
    """Number of cores that the scheduler may run this process on, without regard to limits of its time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores(root: Path = _ROOT) -> int:
    """Number of cores whose time this process may use, rounded up."""
    return max(1, min([schedulable_cores(), *map(math.ceil, _core_limits(root))]))


def memory(root: Path = _ROOT) -> int:
    """Bytes of memory that this process may use, together with all other processes under the same limit."""
    return min([psutil.virtual_memory().total, *_memory_limits(root)])


class Load:
    """Tells whether others took processor time from this process since the object was made: other programs, or other
    virtual machines on the same host."""

    def __init__(self) -> None:
        self._began = _times()

    def is_quiet(self) -> bool:
        """Whether at least 85 % of the cores that this process may use were idle or its own since then."""
        whole, idle, own = (now - then for now, then in zip(_times(), self._began, strict=True))
        free = (psutil.cpu_count() or 1) * (idle + own) / max(whole, 1e-9)
        return bool(free >= _QUIET_SHARE * cores())


def _times() -> tuple[float, float, float]:
    """Processor time in seconds: of all processors in total, of them idle, and of this process."""
    every, own = psutil.cpu_times(), psutil.Process().cpu_times()
    # The time of guests is included in that of their hosts.
    whole = sum(every) - getattr(every, "guest", 0.0) - getattr(every, "guest_nice", 0.0)
    return whole, every.idle + getattr(every, "iowait", 0.0), own.user + own.system


def _core_limits(root: Path) -> Iterator[float]:
    """All limits of processor time, in cores."""
    for folder in _groups(root, "cpu"):
        quota, period, *_ = [*_numbers(folder / "cpu.max"), 0, 0]
        if not quota:
            quota = next(iter(_numbers(folder / "cpu.cfs_quota_us")), 0)
            period = next(iter(_numbers(folder / "cpu.cfs_period_us")), 0)
        if quota > 0 and period > 0:  # a quota of -1 means no limit
            yield quota / period


def _memory_limits(root: Path) -> Iterator[int]:
    """All limits of memory, in bytes. `memory.high` counts, since above it a process is throttled almost to a standstill."""
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            yield from (number for number in _numbers(folder / name)[:1] if number > 0)


def _numbers(file: Path) -> list[int]:
    """The whole numbers in a file; none where it cannot be read or begins with `max`, which means no limit."""
    try:
        words = file.read_text(encoding="ascii").split()
        return [int(word) for word in words] if words[:1] != ["max"] else []
    except (OSError, ValueError):
        return []


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups that this process is in, from the innermost to the outermost visible one."""
    try:
        memberships = (root / "proc/self/cgroup").read_text(errors="replace").splitlines()
        mounts = (root / "proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return
    paths: dict[str, str] = {}  # of its group, by controller; "" is version 2, which has one group for all controllers
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
        # In a container the path may be the host's, of which only the mounted end is visible here.
        inner = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
        for part in (inner, *inner.parents):
            yield folder / part
