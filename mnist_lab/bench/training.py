"""Training of the notebook's three networks by several backends, alternating, with a check that all do the same work."""

import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

from mnist_lab.bench.backends import FIT, LAB, TORCH, operations, without_dropout
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.errors import EngineError

CHECKED_BATCHES = 4  # few, since differences by rounding multiply from batch to batch
ROUNDING = 0.02  # of the loss; stock Keras sums in another order, and differs by up to 0.01 after these batches


class Process:
    """A backend in its own process."""

    def __init__(self, backend: str, threads: int) -> None:
        self.backend = backend
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mnist_lab.bench.backends", backend, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __call__(self, order: str, argument: Any = None) -> Any:
        """Send a command and return the answer. Raises EngineError where the process has ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([order, argument]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._log.seek(0)
            last = (self._log.read().strip() or "it said nothing").splitlines()[-1]
            raise EngineError(f"The process of the backend {self.backend} ended at the command {order!r}: {last}.")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def backends() -> list[str]:
    """The names of the backends that are installed."""
    return [LAB, FIT] + ([TORCH] if importlib.util.find_spec("torch") else [])


@dataclass
class Measured:
    """The measurements of a preset with one backend, by round; `losses` are by batch."""

    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


@contextlib.contextmanager
def _processes(threads: int) -> Iterator[dict[str, Process]]:
    found: dict[str, Process] = {}
    try:
        for backend in backends():
            found[backend] = Process(backend, threads)
        yield found
    finally:
        for process in found.values():
            process.close()


def run(
    threads: int, rounds: int, images: int, say: Callable[[str], None], names: Sequence[str] = NOTEBOOK_PRESETS
) -> dict[str, Any]:
    """Train presets with each backend, alternating.

    Args:
        rounds: at least two.
        images: to train on; times are scaled to an epoch of 60,000.
        say: called with a phrase about what is being done.
        names: of presets like the notebook's, which all backends can train.

    Returns:
        `presets`, figures by name; and `matmul_gflops`, a value for each round of each preset.
    """
    with _processes(threads) as processes, tempfile.TemporaryDirectory() as folder:
        multiplied: list[float] = []
        presets = {}
        for name in names:
            presets[name] = _preset(PRESETS[name], processes, rounds, images, Path(folder), multiplied, say)
    return {"presets": presets, "matmul_gflops": multiplied}


def _preset(
    preset: Experiment,
    processes: dict[str, Process],
    rounds: int,
    images: int,
    folder: Path,
    multiplied: list[float],
    say: Callable[[str], None],
) -> dict[str, Any]:
    found = {backend: Measured() for backend in processes}
    lab = processes[LAB]
    start = str(folder / "weights.npz")
    quiet = without_dropout(preset).with_changes(train_images=CHECKED_BATCHES * preset.recipe.batch_size)
    lab("save", {"experiment": quiet.model_dump_json(), "path": start})
    for backend, process in processes.items():
        say(f"{preset.name}: the first {CHECKED_BATCHES} batches without dropout, {backend}")
        process("prepare", quiet.model_dump_json())
        process("begin", start)
        found[backend].losses = process("losses")
    part = preset.with_changes(train_images=images)
    for process in processes.values():
        process("prepare", part.model_dump_json())
        process("begin", start)
        process("train")  # compiles everything
    shares = []
    for seed in range(1, rounds + 1):
        lab("save", {"experiment": part.with_changes(seed=seed).model_dump_json(), "path": start})
        multiplied.append(processes[FIT]("multiply"))  # all threads for one operation
        for backend, process in processes.items():
            say(f"{preset.name}: round {seed} of {rounds}, {backend}")
            process("begin", start)
            found[backend].seconds.append(process("train") * preset.train_images / images)
            found[backend].accuracies.append(process("accuracy"))
        shares.append(_gflops(preset, found[LAB].seconds[-1]) / multiplied[-1])
    return _figures(preset, found, shares)


def _gflops(preset: Experiment, seconds_per_epoch: float) -> float:
    return operations(preset) * preset.train_images / seconds_per_epoch / 1e9


def spread(values: list[float]) -> dict[str, float]:
    """Median, minimum and maximum."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def _figures(preset: Experiment, found: dict[str, Measured], shares: list[float]) -> dict[str, Any]:
    ours = found[LAB]
    figures: dict[str, Any] = {}
    for backend in (LAB, FIT, TORCH):
        theirs = found.get(backend)
        figures[f"{backend}_seconds_per_epoch"] = median(theirs.seconds) if theirs else None
        if theirs:
            seconds = median(theirs.seconds)
            figures[backend] = {
                "seconds_per_epoch": spread(theirs.seconds),
                "images_per_second": preset.train_images / seconds,
                "gflops": _gflops(preset, seconds),
                "rounds": len(theirs.seconds),
                "accuracy_mean": mean(theirs.accuracies),
                "accuracy_sd": stdev(theirs.accuracies),
            }
        if backend != LAB:
            ratios = [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)] if theirs else []
            figures[f"speedup_over_{backend}"] = median(ratios) if ratios else None
            figures[f"speedups_over_{backend}"] = ratios
    figures["share_of_matmul_peak"] = median(shares)
    figures["same_work"] = {backend: _same(ours, theirs) for backend, theirs in found.items() if backend != LAB}
    return figures


def _same(ours: Measured, theirs: Measured) -> dict[str, Any]:
    apart = float(np.abs(np.array(ours.losses) - theirs.losses).max())
    return {
        "loss_apart": apart,
        "batches": len(ours.losses),
        "within_rounding": apart <= ROUNDING,
        "accuracy_apart": mean(ours.accuracies) - mean(theirs.accuracies),
    }
