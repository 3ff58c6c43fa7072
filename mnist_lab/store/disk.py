"""Disk space: how many bytes a run may write, and whether there is room for them."""

from dataclasses import dataclass

from mnist_lab import settings
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.layers import CLASSES
from mnist_lab.design.network import totals, trace
from mnist_lab.errors import InputError

RESERVE = 32_000_000  # bytes that stay free for other programs
MAX_VALUE = 1_000_000_000  # bytes that SQLite can store as one value
MAX_WHILE_TRAINING = 16  # checkpoints of a run in training
_SHARES = 4  # of the budget, one for each of the runs that train at the same time
_PREDICTIONS = 200_000  # bytes of the predictions on the test images
_FLOAT = 4


def budget() -> int:
    """Bytes that the checkpoints of all runs may have together. Raises SettingError where the setting is invalid."""
    return settings.number(settings.CHECKPOINT_MB, 2000) * 1_000_000


def share(of: int | None = None) -> int:
    """Bytes that the checkpoints of one run in training may have: a share of `of` bytes, by default of the budget."""
    return (budget() if of is None else of) // _SHARES


@dataclass(frozen=True)
class Footprint:
    """Sizes in bytes of what a run writes.

    Attributes:
        weights: of the network's weights.
        state: of the state of a checkpoint.
        most: of everything at once, at most, including what the database needs while it writes.
    """

    weights: int
    state: int
    most: int


def footprint(experiment: Experiment) -> Footprint:
    """What a run will write, computed from the number of parameters and the slots of the optimizer."""
    counts = totals(trace(experiment.architecture))
    recipe = experiment.recipe
    weights = _FLOAT * counts.parameters
    averages = int(recipe.moving_average > 0)
    # The network's variables, the optimizer's, and the best weights so far.
    state = 2 * weights + _FLOAT * counts.trainable * (recipe.optimizer.slots + averages)
    whole = weights + state
    checkpoints = min(min(recipe.epochs, MAX_WHILE_TRAINING + 2) * whole, max(share(), whole + weights))
    snapshots = recipe.epochs * experiment.protocol.validation_images * CLASSES
    # In addition: the state of the last checkpoint within an epoch, the kept weights, and the journal's copies.
    most = checkpoints + state + weights + snapshots + _PREDICTIONS + 2 * whole
    return Footprint(weights, state, most)


def refusal(experiment: Experiment, free: int) -> InputError | None:
    """Why a run cannot be stored where `free` bytes are free; None where it can."""
    found = footprint(experiment)
    if found.state > MAX_VALUE:
        return InputError(
            f"Network: its checkpoints would have {size_text(found.state)} each, and at most {size_text(MAX_VALUE)} can be "
            "stored; choose a smaller network."
        )
    if sentence := shortage(found.most, free):
        return InputError(f"Disk: {sentence}")
    return None


def shortage(needed: int, free: int) -> str | None:
    """A sentence where `needed` bytes and the reserve do not fit into `free` bytes, else None."""
    if needed + RESERVE <= free:
        return None
    return (
        f"the run may write up to {size_text(needed)}, but the disk with the results has {size_text(max(free, 0))} free, of which "
        f"{size_text(RESERVE)} are kept free; make room there, or choose a smaller network or fewer epochs."
    )


def size_text(size: int) -> str:
    """A number of bytes as text: `12 MB`, `1.6 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)) if size else 0} MB"
