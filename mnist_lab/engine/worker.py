"""What a worker process does: warm up, train a claimed run, write everything about it to the store; run errands beside it.

TensorFlow is imported inside these functions only, so that whoever submits them need not load it.
"""

import contextlib
import ctypes
import functools
import gc
import logging
import sys
import threading
from typing import TYPE_CHECKING

import psutil

from mnist_lab import machine
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine.recorder import Recorder
from mnist_lab.errors import EngineError, LabError, StoreError, TrainingError
from mnist_lab.results import prediction
from mnist_lab.results.prediction import CALIBRATED_WITH
from mnist_lab.store import disk
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command

if TYPE_CHECKING:
    from mnist_lab.inspection.network import Networks

log = logging.getLogger("mnist_lab.engine.worker")
_prepared = threading.Lock()
_loading = threading.Lock()


class _UnwantedError(Exception):
    """Whoever asked has gone."""


def warm_up(threads: int) -> int:
    """Import TensorFlow and train a moment, so that the first real run starts at once; the memory it has then, in bytes."""
    with _prepared:
        if "mnist_lab.training.trainer" in sys.modules:
            return _memory()
        from mnist_lab.training import trainer

        trainer.configure(threads)
        trainer.environment()  # hashes the data, once for all runs
        # Batch normalisation, dropout, pooling: the network with most of what a first step has to load.
        recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 1}
        moment = PRESETS["3x3"].with_changes(protocol="holdout", train_images=256, recipe=recipe)
        trainer.train(moment, lambda report: None, lambda: Command.CONTINUE)
        memory = _tidied()
        gc.freeze()  # what is here now stays: to look through it after each run would take longer than all the rest
        return memory


def _tidied() -> int:
    """Give back what trainings that have ended left; the memory of this process in bytes."""
    from mnist_lab.training import trainer

    trainer.let_go()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc keeps what is freed; others have no such call
        ctypes.CDLL(None).malloc_trim(0)
    return _memory()


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def calibrate(threads: int) -> tuple[list[float], bool]:
    """Ratios of what training steps take here to what they are reckoned to take, in about three seconds; and whether
    nothing else took the processors meanwhile."""
    warm_up(threads)
    from mnist_lab.training import trainer

    load = machine.Load()
    # Beside heavy load, or on a slow machine, a run that comes meanwhile should not wait for minutes.
    ratios = [trainer.measure(e, 5, most_seconds=3.0) / prediction.step_seconds(e) for e in CALIBRATED_WITH]
    is_quiet = load.is_quiet()
    _tidied()
    return ratios, is_quiet


def train_run(url: str, run_id: int, threads: int) -> int:
    """Train a claimed run, from its newest checkpoint where it has one, and write everything about it to the store; the
    memory of this process after it, in bytes."""
    warm_up(threads)
    _train(url, run_id)
    return _tidied()


def _train(url: str, run_id: int) -> None:
    from mnist_lab.training import trainer

    store = Store(url)
    try:
        run = store.runs.get(run_id)
        if run is None:
            raise EngineError(f"Run {run_id} is not in the store.")
        recorder = Recorder(store, run)
    except BaseException:
        store.close()
        raise
    try:
        environment = trainer.environment()
        checkpoint = recorder.insist(lambda: store.recording.begin(run_id, environment))
        recorder.insist(lambda: store.checkpoints.make_room(disk.budget()))
        try:
            outcome = trainer.train(
                run.experiment, recorder.report, recorder.wish, checkpoint, continues_from=run.parent_epoch or 0
            )
        except TrainingError as error:
            sentence = str(error)
            recorder.insist(lambda: store.recording.end(run_id, Status.FAILED, sentence))
            return
        if outcome is None:
            recorder.insist(lambda: store.recording.pause(run_id))
        else:
            recorder.insist(lambda: store.recording.finish(run_id, outcome))
    finally:
        recorder.close()
        store.close()


def run_errand(url: str, errand_id: int, threads: int) -> int:
    """Answer an errand of the store, or decline it in a sentence; it never disturbs a training in this process. The memory
    of this process after it, in bytes."""
    warm_up(threads)
    _answer(url, errand_id)
    return _memory()


def _answer(url: str, errand_id: int) -> None:
    from mnist_lab.inspection import questions

    networks = _networks(url)
    store = networks.store

    def advance(progress: float) -> None:
        if not store.questions.advance(errand_id, progress):
            raise _UnwantedError

    try:
        errand = store.questions.get(errand_id)
        if errand is None:
            return
        try:
            store.questions.complete(errand_id, questions.respond(networks, errand.kind, errand.arguments, advance))
        except StoreError:
            raise
        except LabError as error:
            store.questions.fail(errand_id, str(error))
    except _UnwantedError:
        log.info("errand %d is not wanted any more", errand_id)


def _networks(url: str) -> "Networks":
    with _loading:
        return _opened(url)


@functools.lru_cache(maxsize=2)
def _opened(url: str) -> "Networks":
    from mnist_lab.inspection.network import Networks

    return Networks(Store(url))
