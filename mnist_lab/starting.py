"""What has to be passed by whoever queues runs, one by one or for a study: room on the disk, and a pupil's limits."""

from collections.abc import Iterable, Sequence

from mnist_lab.classroom.recipe import held
from mnist_lab.classroom.rights import Rights
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import problem
from mnist_lab.errors import NotAllowedError
from mnist_lab.numerals import counted
from mnist_lab.results import prediction
from mnist_lab.results.prediction import Prediction, duration_text
from mnist_lab.store import disk
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store


def admitted(store: Store, who: Rights, experiments: Sequence[Experiment]) -> list[Prediction]:
    """The predicted times of experiments that somebody may queue.

    How many may wait is checked where they are queued, in one transaction.

    Raises:
        InputError: a network has too many parameters, the disk has no room for what a run would write, or a limit of the
            class is exceeded.
    """
    must_follow(store, who, experiments)
    free = store.database.free_bytes()
    for experiment in experiments:
        if wrong := problem(experiment.architecture) or disk.refusal(experiment, free):
            raise wrong
    predict = prediction.predictor(*measured(store))
    predicted = [predict(experiment) for experiment in experiments]
    must_be_short(who, predicted)
    designs = [experiment.design_key for experiment in experiments]
    most = max(map(designs.count, set(designs)), default=0)
    if not who.are_all and most > who.settings.seeds:
        raise NotAllowedError(
            f"Seeds: your teacher allows at most {counted(who.settings.seeds, 'seed')} at a time; you asked for {most}."
        )
    return predicted


def must_follow(store: Store, who: Rights, experiments: Iterable[Experiment]) -> None:
    """Raises NotAllowedError where a pupil's experiment is not in the lesson recipe that holds."""
    if who.are_all or who.room is None or (recipe := held(store, who.room.id)) is None:
        return
    for experiment in experiments:
        if wrong := recipe.refusal(experiment):
            raise NotAllowedError(wrong)


def must_be_short(who: Rights, predicted: Iterable[Prediction]) -> None:
    """Raises NotAllowedError where a pupil's training would be longer than the teacher allows, or the class is closed."""
    if who.are_all:
        return
    who.must_be_open()
    most, longest = who.settings.seconds, max((one.seconds for one in predicted), default=0.0)
    if most is not None and longest > most:
        raise NotAllowedError(
            f"Training: your teacher allows {duration_text(most)} a run; this one is predicted to take "
            f"{duration_text(longest)}. "
            "Choose fewer epochs or images, or a smaller network."
        )


def measured(store: Store) -> tuple[list[Run], list[float]]:
    """What predictions are based on: the newest finished runs, without those of a rehearsal, and this machine's calibration."""
    past = store.runs.unrehearsed().all(Status.FINISHED, limit=prediction.RECENT)
    return past, store.calibrations.get() or []
