"""What a run writes to the disk: how many bytes, how many of its checkpoints stay while it trains, and whether there is room."""

from dataclasses import dataclass

from mnist_lab import settings
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.layers import CLASSES
from mnist_lab.design.network import totals, trace
from mnist_lab.design.recipe import SGD, AnyOptimizer, RMSprop
from mnist_lab.errors import InputError

RESERVE = 32_000_000  # bytes that are left free for whatever else the machine does
LARGEST_VALUE = 1_000_000_000  # bytes that SQLite takes for one value
MOST_WHILE_TRAINING = 16
_SHARES = 4  # runs in training at a time, each with a share of the budget
_PREDICTIONS = 200_000
_FLOAT = 4
# Arrays of a weight's shape that an optimizer keeps; momentum is one more.
_REMEMBERED = {"sgd": 0, "rmsprop": 1, "adagrad": 1, "lion": 1}


def budget() -> int:
    """Bytes that the checkpoints of all runs may have together. Raises SettingError where the setting is no number."""
    return settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000


def share(of: int | None = None) -> int:
    """Bytes that the checkpoints of a run in training may have, of the budget or of `of` bytes."""
    return (budget() if of is None else of) // _SHARES


@dataclass(frozen=True)
class Footprint:
    """Bytes that a run writes.

    Attributes:
        weights: of its network's weights once; state: of all else that training needs to go on.
        most: at most at any time, with what the database needs while it writes.
    """

    weights: int
    state: int
    most: int


def footprint(experiment: Experiment) -> Footprint:
    """What a run will write, as the number of its parameters and what its optimizer remembers of each have it."""
    counts = totals(trace(experiment.architecture))
    recipe = experiment.recipe
    weights = _FLOAT * counts.parameters
    averages = int(recipe.moving_average > 0)
    # The network's variables, the optimizer's, and the best weights so far.
    state = 2 * weights + _FLOAT * counts.trainable * (remembered(recipe.optimizer) + averages)
    whole = weights + state
    checkpoints = min(min(recipe.epochs, MOST_WHILE_TRAINING + 2) * whole, max(share(), whole + weights))
    pictures = recipe.epochs * experiment.protocol.validation_images * CLASSES
    # Beside them the state of the clock's last checkpoint and the kept weights; the journal has what is being written.
    most = checkpoints + state + weights + pictures + _PREDICTIONS + 2 * whole
    return Footprint(weights, state, most)


def remembered(optimizer: AnyOptimizer) -> int:
    """How many numbers an optimizer keeps of each weight."""
    momentum = isinstance(optimizer, SGD | RMSprop) and optimizer.momentum > 0
    return _REMEMBERED.get(optimizer.name, 2) + momentum


def refusal(experiment: Experiment, free: int) -> InputError | None:
    """Why a run cannot be kept where `free` bytes are left, or None where it can."""
    found = footprint(experiment)
    if found.state > LARGEST_VALUE:
        return InputError(
            f"Network: a checkpoint of it would have {size_text(found.state)}, and at most {size_text(LARGEST_VALUE)} can be "
            "stored; choose a smaller network."
        )
    if sentence := shortage(found.most, free):
        return InputError(f"Disk: {sentence}")
    return None


def shortage(needed: int, free: int) -> str | None:
    """A sentence where `needed` bytes do not fit into what is free, else None."""
    if needed + RESERVE <= free:
        return None
    return (
        f"the run may write up to {size_text(needed)}, and of the {size_text(max(free, 0))} free where the results are, "
        f"{size_text(RESERVE)} stay free; make room there, or choose a smaller network or fewer epochs."
    )


def size_text(size: int) -> str:
    """Bytes as a person says them: `12 MB`, `1.6 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)) if size else 0} MB"
