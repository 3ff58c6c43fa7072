"""Training of a run in a worker, recorded in the store."""

from mnist_lab.engine.recorder import Recorder
from mnist_lab.engine.worker.process import release_memory, warm_up
from mnist_lab.errors import EngineError, TrainingError
from mnist_lab.store import disk
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store


def train_run(url: str, run_id: int, claim: int, threads: int) -> int:
    """Train a claimed run, from its newest checkpoint if it has one, and record its reports and its end in the store.

    Args:
        claim: the number under which it is recorded: where another worker has it by now, nothing is.

    Returns:
        The memory of this process afterwards, in bytes.

    Raises:
        StoreError: the database could not be used for too long, or the disk is full; the run can be resumed.
        LabError: the run cannot be trained or recorded.
    """
    warm_up(threads)
    _train(url, run_id, claim)
    return release_memory()


def _train(url: str, run_id: int, claim: int) -> None:
    from mnist_lab.training import runtime, trainer

    store = Store(url)
    try:
        run = store.runs.get(run_id)
        if run is None:
            raise EngineError(f"Run {run_id} is not in the store.")
        if run.claims != claim:
            raise EngineError(f"Run {run_id} was taken from this worker before it began.")
        recorder = Recorder(store, run)
    except BaseException:
        store.close()
        raise
    try:
        environment = runtime.environment()
        checkpoint = recorder.retry(lambda: store.recording.begin(run_id, environment, claim))
        recorder.retry(lambda: store.checkpoints.make_room(disk.budget()))
        try:
            outcome = trainer.train(
                run.experiment, recorder.report, recorder.command, checkpoint, continues_from=run.parent_epoch or 0
            )
        except TrainingError as error:
            sentence = str(error)
            recorder.retry(lambda: store.recording.end(run_id, Status.FAILED, sentence, claim))
            return
        if outcome is None:
            recorder.retry(lambda: store.recording.pause(run_id, claim))
        else:
            recorder.retry(lambda: store.recording.finish(run_id, outcome, claim))
    finally:
        recorder.close()
        store.close()
