"""How many workers train at the same time on this machine, and on how many threads each."""

from mnist_lab import machine, settings

WORKER_BYTES = 1_200_000_000  # memory to allow for each worker
SHARED_GAIN = 1.25  # times as much as one run alone, runs that share the cores finish together (measured: 1.26 to 1.38)


def plan() -> tuple[int, int]:
    """Number of workers that train in parallel, and of threads of each.

    By default a worker has as many threads as there are cores, so that a single run uses the whole machine. That several
    workers then share the cores costs less than this gains; the measurement is in `.github/docs/waits.md`.
    """
    threads = settings.number(settings.THREADS, min(machine.cores(), 8))
    room = int(machine.memory() / 2 // WORKER_BYTES)
    return settings.number(settings.WORKERS, max(1, min(machine.cores(), room, 4))), threads


def slowdowns() -> tuple[float, ...]:
    """How many times as long as alone a run takes where one, two, … are trained at the same time, up to as many as there are
    workers."""
    workers, threads = plan()
    cores = max(machine.cores(), threads)
    return tuple(max(1.0, at_once * threads / cores / SHARED_GAIN) for at_once in range(1, workers + 1))
