"""What a training reports, and when: the training curve, and weights and checkpoints at a rate that a disk keeps up with."""

import math
import time
from collections.abc import Callable

import numpy as np

from mnist_lab.training.checkpoint import Progress
from mnist_lab.training.reports import BatchPoint, Checkpoint, EpochPoint, Report, Snapshot

REPORT_SECONDS = 0.33
LONGEST_CALL_SECONDS = 1.0  # of training in one call of the compiled function
CHECKPOINT_SECONDS = 30.0
# A token bucket for the bytes of weights and checkpoints: its size, and its rate per second. Of a large network with short
# epochs not every epoch is written; the best, the last, and that of a stop or pause always are.
BURST_BYTES, BYTES_PER_SECOND = 128e6, 16e6
CURVE_POINTS = 400


class Reporter:
    """Reports the progress of a training, within an epoch at most every `report_seconds`.

    Args:
        report: called with each report.
        progress: shared with the training, which updates steps and sums; the reporter updates `point_sums` and
            `reporting_seconds`.
        planned_steps: of all epochs; the curve has at most `CURVE_POINTS` points for them.
        started: when training started, by `time.perf_counter`.
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
        self._backlog = 0.0  # bytes in the token bucket, at the time of the last report
        self._backlog_at = started

    def seconds(self) -> float:
        """Training time so far, without pauses."""
        return self._seconds_at(time.perf_counter())

    def steps_until_due(self, step_seconds: float) -> int:
        """Number of steps to train until a report is due; 1 while `step_seconds` is 0, that is not yet measured."""
        if self._progress.step < 2 or not step_seconds:
            return 1
        left = self._reported + self._report_seconds - time.perf_counter()
        return max(1, math.ceil(min(left, LONGEST_CALL_SECONDS) / step_seconds))

    def is_due(self, step: int, now: float) -> bool:
        """Whether a report is due after a step that ended at `now`."""
        # The first two steps are reported at once, for whoever has just pressed Train and waits for the curve to start.
        return step <= 2 or now - self._reported >= self._report_seconds

    def is_checkpoint_due(self, now: float) -> bool:
        """Whether a checkpoint within an epoch is due."""
        return now - self._checkpointed >= self._checkpoint_seconds

    def may_write(self) -> bool:
        """Whether weights and a checkpoint may be written again without outrunning the disk."""
        return self._present_backlog() < BURST_BYTES

    def add_step(self, ended: float, *, is_shown: bool) -> None:
        """Add the last step of `progress` to the curve.

        Args:
            ended: when the step ended, by `time.perf_counter`.
            is_shown: whether a report follows, so that the step's point is reported even if it is incomplete.
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
        """Report the points of the curve since the last report, together with the arguments."""
        began = time.perf_counter()
        points, self._pending = self._pending, []
        arrays = [*(weights or {}).values(), *(checkpoint.state.values() if checkpoint else ())]
        self._backlog, self._backlog_at = self._present_backlog() + sum(array.nbytes for array in arrays), began
        self._send(Report(points, line, snapshot, weights, checkpoint))
        self._reported = time.perf_counter()
        if checkpoint:
            self._checkpointed = self._reported
        self._progress.reporting_seconds += self._reported - began

    def _seconds_at(self, now: float) -> float:
        return self._progress.seconds + now - self._started

    def _present_backlog(self) -> float:
        return max(0.0, self._backlog - BYTES_PER_SECOND * (time.perf_counter() - self._backlog_at))

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
