"""Whether a network has begun to overfit its training images, from its log."""

import pandas as pd

from mnist_lab.design.experiment import Experiment
from mnist_lab.numerals import written

_WORSE = 1.05
_WAIT = 2
_SETTLED = 500  # batches after which less than a hundredth of a running mean is its first value


def gap(epochs: pd.DataFrame, experiment: Experiment) -> str | None:
    """A sentence where the gap between training and validation has opened, else None.

    It has where the validation loss has been more than 5 % over its lowest for two epochs or more while the training
    loss went on falling: what is learnt since then helps on training images alone.

    Batch normalisation can open one of another kind: it validates with running means, of which each batch is one
    hundredth (the momentum of 0.99 that Keras has), and in short training those are not there yet unless they are
    corrected for their beginning.

    Args:
        epochs: the log, with epoch, steps, loss and validation_loss; experiment: what was trained.
    """
    if len(epochs) <= _WAIT:
        return None
    lowest = epochs.iloc[int(epochs["validation_loss"].to_numpy().argmin())]
    since = epochs[epochs["epoch"] > lowest["epoch"]]
    if len(since) < _WAIT:
        return None
    last = since.iloc[-1]
    is_worse = (since["validation_loss"].tail(_WAIT) > _WORSE * lowest["validation_loss"]).all()
    if not is_worse or last["loss"] >= lowest["loss"] or last["loss"] >= last["validation_loss"]:
        return None
    steps = int(epochs["steps"].sum())
    is_corrected = experiment.recipe.bias_corrected_statistics
    if experiment.architecture.normalizes and not is_corrected and steps < _SETTLED:
        return (
            f"Validation is far behind training after {steps} batches: batch normalisation validates with running means, "
            "which take some hundred batches to follow. More epochs, more images or smaller batches bring it up."
        )
    return (
        f"A gap has opened since epoch {lowest['epoch']:.0f}: the loss on training images went on falling to "
        f"{last['loss']:.4f}, on validation images it rose from {lowest['validation_loss']:.4f} to "
        f"{last['validation_loss']:.4f}. The network begins to overfit{_against(experiment)}."
    )


def _against(experiment: Experiment) -> str:
    """What a network has against it already, and what else would help."""
    network, recipe = experiment.architecture, experiment.recipe
    rates = sorted(({block.dropout for block in network.blocks} | {dense.dropout for dense in network.head}) - {0.0})
    has = [f"dropout of {' to '.join(map(written, sorted({rates[0], rates[-1]})))}"] if rates else []
    has += ["augmentation"] if recipe.augmentation.moves_images else []
    has += [f"weight decay of {written(recipe.weight_decay)}"] if recipe.weight_decay else []
    has += [f"label smoothing of {written(recipe.label_smoothing)}"] if recipe.label_smoothing else []
    more = [] if rates else ["dropout"]
    more += [] if recipe.augmentation.moves_images else ["augmentation"]
    more += ["fewer parameters"] if rates else []
    return (f", although it has {' and '.join(has)}" if has else "") + f"; {', '.join(more)} or fewer epochs help"
