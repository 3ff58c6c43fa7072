"""`train`: a design, with one seed or several, until its result is there."""

import argparse
import json
from pathlib import Path
from typing import Any

from mnist_lab.classroom.cookies import command_line
from mnist_lab.cli import console, progress
from mnist_lab.cli.runs import as_json
from mnist_lab.design.experiment import MAX_DESIGN, Experiment, Protocol, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results import anytime
from mnist_lab.results.spread import of_shares
from mnist_lab.store.run import Run, Status

HELP = "train a network and wait for its result"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    design = parser.add_mutually_exclusive_group(required=True)
    design.add_argument("--preset", help=f"a network with its training recipe: {', '.join(PRESETS)}")
    design.add_argument(
        "--design",
        type=Path,
        metavar="FILE",
        help="a design from a file, as Export design on the Design page writes it",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the training images (default: the design's)"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of the random number generators (default: the design's, 1)"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="K",
        help="train K runs with consecutive seeds from --seed on (default 1)",
    )
    parser.add_argument(
        "--train-images", type=int, metavar="N", help="train on the first N training images (default: all)"
    )
    parser.add_argument(
        "--protocol",
        help=f"{' or '.join(Protocol)}: which images validate, and when the test images are used (default: the design's)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Train it, and print the result."""
    wanted = experiment(options)
    lab = Lab()
    by = command_line(lab.store)
    runs = progress.wait(lab, lab.start(wanted, options.seeds, by=by), by)
    if options.json:
        found = [as_json(run) for run in runs]
        print(json.dumps(found if options.seeds > 1 else found[0], indent=2))
        return progress.exit_status(runs)
    for run in runs:
        if run.test_accuracy is not None:
            console.out.print(
                f"Run {run.id} {run.status}: test accuracy {run.test_accuracy:.2%}, test loss {run.test_loss:.4f}, "
                f"validation accuracy {run.validation_accuracy:.2%} (epoch {run.kept_epoch}), {run.seconds:.1f} s.",
                soft_wrap=True,
            )
    if finished := [run for run in runs if run.status is Status.FINISHED]:
        console.out.print(summary(finished), soft_wrap=True)
    return progress.exit_status(runs)


def experiment(options: argparse.Namespace) -> Experiment:
    """The design that is named, with what is to be different.

    Raises:
        InputError: there is no such preset, the file holds no design, or a value is impossible.
    """
    if options.design:
        design = _read(options.design)
    elif options.preset in PRESETS:
        design = PRESETS[options.preset]
    else:
        raise InputError(f"Preset: should be one of {', '.join(PRESETS)}; received {options.preset!r}.")
    changes: dict[str, Any] = {}
    if options.protocol is not None:
        changes["protocol"] = options.protocol
    if options.epochs is not None:
        changes["recipe"] = design.recipe.model_dump(mode="json") | {"epochs": options.epochs}
    if options.seed is not None:
        changes["seed"] = options.seed
    if options.train_images is not None:
        changes["train_images"] = options.train_images
    return design.with_changes(**changes)


def _read(path: Path) -> Experiment:
    try:
        with path.open("rb") as file:
            return read_design(file.read(4 * MAX_DESIGN + 1))
    except OSError as error:
        raise InputError(f"Design: {path} cannot be read ({error.strerror}); name a design's file.") from None
    except InputError as error:
        raise InputError(f"Design {path.name}: {error}") from None


def summary(runs: list[Run]) -> str:
    """Mean, spread and interval of several seeds' test accuracies; of a single run, that it is one sample."""
    if len(runs) < 2:
        return "One run is one sample: another seed gives other figures."
    known = [run.test_accuracy for run in runs if run.test_accuracy is not None]
    if not known:
        return "Their test results can be seen after the teacher's reveal of the challenge."
    test = anytime.spread(known)
    low, high = of_shares(test.low, test.high)
    interval = f"95 % interval of the mean {low:.3%} to {high:.3%}, however often you look"
    if test.n < anytime.least():
        interval = f"for an interval at least {anytime.least()} seeds are needed"
    seconds = [run.seconds or 0.0 for run in runs]
    return (
        f"{len(runs)} seeds: test accuracy {test.mean:.3%} ± {test.sd:.3%} (mean and standard deviation; {interval}); "
        f"{min(seconds):.1f} to {max(seconds):.1f} s a run."
    )
