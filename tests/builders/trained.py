"""Networks trained in the test's own process, without an engine, into a real store."""

import contextlib
from collections.abc import Iterator

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.store.run import Run
from mnist_lab.store.store import Store
from mnist_lab.training import runtime, trainer
from mnist_lab.training.reports import Command


def train(store: Store, experiment: Experiment) -> Run:
    (run_id,) = store.queue.add([experiment], "ada")
    return train_waiting(store, run_id)


def train_waiting(store: Store, run_id: int) -> Run:
    run = store.queue.claim("engine", only=[run_id])
    assert run
    store.recording.begin(run_id, runtime.environment())
    outcome = trainer.train(
        run.experiment, lambda report: store.recording.record(run_id, report), lambda: Command.CONTINUE
    )
    assert outcome
    store.recording.finish(run_id, outcome)
    return store.runs.get(run_id)


@contextlib.contextmanager
def shelf(folders: pytest.TempPathFactory, *experiments: Experiment) -> Iterator[Store]:
    """A store of its own with some networks, for all tests of a module."""
    store = Store(f"sqlite:///{folders.mktemp('shelf') / 'lab.db'}")
    for experiment in experiments:
        train(store, experiment)
    yield store
    store.close()
