"""What a training reports and when: the training curve, and weights and checkpoints as fast as a disk takes them."""

import math
import time
from collections.abc import Callable

import numpy as np

from mnist_lab.training.checkpoint import Progress
from mnist_lab.training.reports import BatchPoint, Checkpoint, EpochPoint, Report, Snapshot

REPORT_SECONDS = 0.33
LONGEST_CALL_SECONDS = 1.0  # of training between two looks at it
CHECKPOINT_SECONDS = 30.0
# Bytes of weights and checkpoints: so many at once, then so many a second. Where epochs are short and the network is large
# not every epoch's are written; the best, the last and those of a stop or pause are.
WRITTEN_AT_ONCE, WRITTEN_A_SECOND = 128e6, 16e6
CURVE_POINTS = 400


class Reporter:
    """Reports a training from where its `progress` is, at most every `report_seconds` within an epoch.

    Args:
        report: takes each report.
        progress: of the training, which counts steps and sums in it; the reporter counts there the sums of
            the curve's points and the seconds that reports take.
        planned_steps: of all epochs; the curve has at most `CURVE_POINTS` points for them.
        started: when training did, by `time.perf_counter`.
    """

    def __init__(
        self,
        report: Callable[[Report], None],
        progress: Progress,
        planned_steps: int,
        *,
        started: float,
        report_seconds: float = REPORT_SECONDS,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        self._send = report
        self._progress = progress
        self._point_steps = -(-planned_steps // CURVE_POINTS)
        self._report_seconds = report_seconds
        self._checkpoint_seconds = checkpoint_seconds
        self._started = self._reported = self._checkpointed = started
        self._pending: list[BatchPoint] = []
        self._owed = 0.0  # bytes of weights and checkpoints that came too fast, at the time of the last of them
        self._owed_at = started

    def seconds(self) -> float:
        """Of training so far, pauses left out."""
        return self._seconds_at(time.perf_counter())

    def steps_until_due(self, step_seconds: float) -> int:
        """How many steps to take until it is time to report; one until they have been timed (`step_seconds` is 0)."""
        if self._progress.step < 2 or not step_seconds:
            return 1
        left = self._reported + self._report_seconds - time.perf_counter()
        return max(1, math.ceil(min(left, LONGEST_CALL_SECONDS) / step_seconds))

    def is_due(self, step: int, now: float) -> bool:
        """Whether it is time to report after a step that ended at `now`."""
        # The first two points at once: a person has just pressed Train and waits for the line to begin.
        return step <= 2 or now - self._reported >= self._report_seconds

    def is_checkpoint_due(self, now: float) -> bool:
        """Whether it is time for a checkpoint within an epoch."""
        return now - self._checkpointed >= self._checkpoint_seconds

    def may_write(self) -> bool:
        """Whether weights and a checkpoint may be written again, so that the disk keeps up with training."""
        return self._still_owed() < WRITTEN_AT_ONCE

    def add_step(self, ended: float, *, is_shown: bool) -> None:
        """Take the step that `progress` has just counted into the curve.

        Args:
            ended: when it did.
            is_shown: it is the last before a report, so the point that it belongs to is shown as far as it is.
        """
        is_full = self._progress.step % self._point_steps == 0
        if is_full or is_shown:
            self._add_point(ended)
        if is_full:
            self._progress.point_sums = tuple(self._progress.sums)

    def report(
        self,
        line: EpochPoint | None = None,
        snapshot: Snapshot | None = None,
        weights: dict[str, np.ndarray] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Report the points since the last report, and what is given."""
        began = time.perf_counter()
        points, self._pending = self._pending, []
        heavy = [*(weights or {}).values(), *(checkpoint.state.values() if checkpoint else ())]
        self._owed, self._owed_at = self._still_owed() + sum(array.nbytes for array in heavy), began
        self._send(Report(points, line, snapshot, weights, checkpoint))
        self._reported = time.perf_counter()
        if checkpoint:
            self._checkpointed = self._reported
        self._progress.reporting_seconds += self._reported - began

    def _seconds_at(self, now: float) -> float:
        return self._progress.seconds + now - self._started

    def _still_owed(self) -> float:
        return max(0.0, self._owed - WRITTEN_A_SECOND * (time.perf_counter() - self._owed_at))

    def _add_point(self, ended: float) -> None:
        # A point may reach across the end of an epoch.
        loss, right, images = self._progress.sums - self._progress.point_sums
        point = BatchPoint(
            point=(self._progress.step - 1) // self._point_steps,
            step=self._progress.step,
            loss=float(loss / images),
            accuracy=float(right / images),
            seconds=self._seconds_at(ended),
        )
        if self._pending and self._pending[-1].point == point.point:
            self._pending.pop()
        self._pending.append(point)
