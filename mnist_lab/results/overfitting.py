"""Detection of overfitting from the log of a run."""

import pandas as pd

from mnist_lab.design.experiment import Experiment
from mnist_lab.numerals import written

_RISE = 1.05  # of the validation loss over its minimum
_EPOCHS = 2  # for which it must have lasted
_SETTLED = 500  # steps after which the initial value has a weight below 1 % in the running statistics


def gap(epochs: pd.DataFrame, experiment: Experiment) -> str | None:
    """A sentence about a gap between training and validation, where one has opened, else None.

    There is a gap where the validation loss has been more than 5 % above its minimum for at least two epochs while the
    training loss kept falling: what has been learnt since then helps only on training images.

    Batch normalisation can open a gap of another kind: validation uses running statistics, to which each batch contributes
    1 % with Keras' momentum of 0.99. Without bias correction they lag behind in a short training.

    Args:
        epochs: the log, with epoch, steps, loss and validation_loss.
        experiment: what was trained.
    """
    if len(epochs) <= _EPOCHS:
        return None
    lowest = epochs.iloc[int(epochs["validation_loss"].to_numpy().argmin())]
    since = epochs[epochs["epoch"] > lowest["epoch"]]
    if len(since) < _EPOCHS:
        return None
    last = since.iloc[-1]
    has_risen = (since["validation_loss"].tail(_EPOCHS) > _RISE * lowest["validation_loss"]).all()
    if not has_risen or last["loss"] >= lowest["loss"] or last["loss"] >= last["validation_loss"]:
        return None
    steps = int(epochs["steps"].sum())
    is_corrected = experiment.recipe.bias_corrected_statistics
    if experiment.architecture.normalizes and not is_corrected and steps < _SETTLED:
        return (
            f"Validation is far behind training after {steps} batches: in validation, batch normalisation uses running means, "
            "which take some hundred batches to settle. More epochs, more images or smaller batches help."
        )
    return (
        f"A gap has opened since epoch {lowest['epoch']:.0f}: the loss on training images kept falling, to "
        f"{last['loss']:.4f}, while on validation images it rose from {lowest['validation_loss']:.4f} to "
        f"{last['validation_loss']:.4f}. The network has begun to overfit{_remedies(experiment)}."
    )


def _remedies(experiment: Experiment) -> str:
    """The regularisation that an experiment has already, and what else would help."""
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
