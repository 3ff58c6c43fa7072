"""Which part of a scale a chart draws: all of it, or a closer look; and what that leaves out, in words."""

import numpy as np
from numpy.typing import ArrayLike

from mnist_lab.charts.style import Frame
from mnist_lab.numerals import counted

_FLOORS = (0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0)
_LOWEST_CEILING = 0.05


def frame(metric: str, x: ArrayLike, values: ArrayLike, runs: ArrayLike) -> Frame:
    """The part of the scale where the later half of some curves lies, for a closer look; the earlier may leave it.

    Its ends are few and round, so that it seldom changes while a run trains.

    Args:
        metric: `loss` or `accuracy`; x, values, runs: the curves' points, all of the same length.
    """
    at, all_values, names = np.asarray(x, float), np.asarray(values, float), np.asarray(runs, str)
    late = [all_values[(names == name) & (at >= at[names == name].max() / 2)] for name in np.unique(names)]
    found = np.concatenate([*late, np.array([], float)])
    found = found[np.isfinite(found)]
    if metric == "accuracy":
        return next(floor for floor in _FLOORS if not len(found) or floor <= found.min() or not floor), 1.0
    return 0.0, _ceiling(found, _LOWEST_CEILING, (1, 2, 5, 10))


def whole(metric: str, values: ArrayLike) -> Frame:
    """The part of a scale that all of some values fit on; its ends are round, so that it seldom moves."""
    if metric != "accuracy":
        return 0.0, end(values)
    found = np.asarray(values, float)
    lowest = found[np.isfinite(found)].min(initial=1.0)
    return next(floor for floor in _FLOORS if floor <= lowest or not floor), 1.0


def end(values: ArrayLike) -> float:
    """Where an axis from 0 ends that all of some values fit on: round, so that it seldom moves while they grow.

    A chart that had to find this in its data would warn in the browser's console while there is none: their extent would
    be infinite.
    """
    return _ceiling(np.asarray(values, float), 0.01, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))


def _ceiling(values: np.ndarray, least: float, steps: tuple[float, ...]) -> float:
    """The first of some steps, times a power of ten, that no finite value is above."""
    found = values[np.isfinite(values)]
    highest = max(least, float(found.max()) if len(found) else 0.0)
    power = 10.0 ** np.floor(np.log10(highest))
    return float(next(step * power for step in steps if step * power >= highest * (1 - 1e-9)))


def outside(metric: str, values: ArrayLike, shown: Frame) -> str:
    """What lies outside a frame, in words: how many points, and how far; empty where nothing does."""
    found = np.asarray(values, float)
    if metric == "accuracy":
        low = found[found < shown[0]]
        return (
            f"{counted(len(low), 'point')} of accuracy below {shown[0]:.0%}, the lowest {low.min():.1%}"
            if len(low)
            else ""
        )
    high = found[found > shown[1]]
    return (
        f"{counted(len(high), 'point')} of loss above {shown[1]:g}, the highest {high.max():.3g}" if len(high) else ""
    )
