"""Waiting for runs: a progress bar for each, Ctrl-C, and the exit status when all have ended."""

import contextlib
import signal
import time
from collections.abc import Iterator

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mnist_lab.cli import console
from mnist_lab.engine import supervisor
from mnist_lab.errors import EngineError
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.run import Run, Status

POLL_SECONDS = 0.5


def wait(lab: Lab, run_ids: list[int], by: Person) -> list[Run]:
    """Show the progress of somebody's runs until all have ended. Ctrl-C stops them cleanly; a second one leaves at once.

    Raises:
        EngineError: there is no engine to train them; what they learnt before is kept.
    """
    with _interrupts() as pressed, supervisor.engine(lab.store.url, only=run_ids) as engine, _bars() as bars:
        tasks = {run_id: bars.add_task(f"run {run_id}: waiting", start=False) for run_id in run_ids}
        is_stopping = False
        runs: dict[int, Run] = {}
        while True:
            for run_id in run_ids:
                if run_id not in runs or not runs[run_id].status.is_ended:
                    runs[run_id] = lab.reader(by).run(run_id)
                    _show(bars, tasks[run_id], runs[run_id], lab)
            if all(run.status.is_ended or run.deleted for run in runs.values()):
                return list(runs.values())
            if pressed and not is_stopping:
                is_stopping = True
                lab.stop(*run_ids, by=by)
            if engine.has_given_up:
                # Or another engine would train them one day, for nobody.
                lab.stop(
                    *(run.id for run in runs.values() if run.status is Status.QUEUED and not run.steps_done), by=by
                )
                raise EngineError(f"{engine.failure}")
            time.sleep(POLL_SECONDS)


def exit_status(runs: list[Run]) -> int:
    """0 where all have finished, 130 where one was stopped, cancelled or deleted, else 1; says what went wrong."""
    for run in runs:
        if run.deleted and not run.status.is_ended:
            console.err.print(f"Run {run.id} was deleted while it waited.", soft_wrap=True)
        if run.error:
            console.err.print(f"Run {run.id} {run.status}: {run.error}", soft_wrap=True)
    ended = {run.status for run in runs}
    if ended == {Status.FINISHED}:
        return 0
    return 130 if ended & {Status.STOPPED, Status.CANCELLED} or any(run.deleted for run in runs) else 1


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collects Ctrl-C instead of raising it: an exception could be raised, and lost, within a finaliser."""
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise SystemExit(130)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console.err,
        refresh_per_second=1 / POLL_SECONDS,
    )


def _show(bars: Progress, task: TaskID, run: Run, lab: Lab) -> None:
    if run.status is Status.QUEUED:
        bars.update(task, description=f"run {run.id}: {lab.shortage(run) or 'waiting'}")
        return
    if run.started and not bars.tasks[task].started:
        bars.start_task(task)
    words = f"run {run.id} {run.name}, seed {run.experiment.seed}: "
    if run.status is Status.RUNNING:
        epoch = min(run.epochs_done + 1, run.experiment.recipe.epochs)
        words += f"epoch {epoch} of {run.experiment.recipe.epochs}"
    else:
        words += run.status
    if run.last_validation_accuracy is not None:
        words += f", validation accuracy {run.last_validation_accuracy:.2%}"
    bars.update(task, description=words, completed=run.steps_done, total=run.planned_steps)
    if run.status.is_ended:
        bars.stop_task(task)
