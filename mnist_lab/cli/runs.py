"""`runs`: the table of results."""

import argparse
import json
from typing import Any

from rich import box
from rich.table import Column, Table

from mnist_lab import clock
from mnist_lab.classroom.cookies import command_line
from mnist_lab.cli import console
from mnist_lab.design.architecture import filters, kernel_sizes
from mnist_lab.lab import Lab
from mnist_lab.results import table as results_table
from mnist_lab.store.run import Run

HELP = "the table of results"
LEAST_NEEDED = ("when", "filters", "layers", "s", "parameters", "kernels")  # columns that a narrow window goes without


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print it, and once what a migration of the store has to say."""
    lab = Lab()
    by = command_line(lab.store)
    runs = lab.reader(by).runs.all()
    for notice, text in lab.store.notices.all().items():
        console.err.print(text, soft_wrap=True)
        lab.dismiss(notice, by=by)
    if options.json:
        print(json.dumps([as_json(run) for run in runs], indent=2))
    elif runs:
        _print(runs)
    else:
        console.out.print("No runs yet; try: python -m mnist_lab train --preset fast")
    return 0


def as_json(run: Run) -> dict[str, Any]:
    """A run as `--json` prints it."""
    experiment = run.experiment
    return {
        "run": run.id,
        "id": run.id,  # its name until 0.6
        "name": run.name,
        "status": run.status,
        "kernel_sizes": kernel_sizes(experiment.architecture),
        "conv_layers": len(experiment.architecture.blocks),
        "parameters": run.parameters,
        "epochs": experiment.recipe.epochs,
        "epochs_done": run.epochs_done,
        "seed": experiment.seed,
        "protocol": experiment.protocol,
        "train_images": experiment.train_images,
        "kept_epoch": run.kept_epoch,
        "validation_accuracy": run.validation_accuracy,
        "validation_loss": run.validation_loss,
        "best_validation_accuracy": run.best_validation_accuracy,
        "best_epoch": run.best_epoch,
        "last_validation_accuracy": run.last_validation_accuracy,
        "test_accuracy": run.test_accuracy,
        "test_loss": run.test_loss,
        "seconds": run.seconds,
        "created": run.created,
        "ended": run.ended,
        "owner": run.owner,
        "error": run.error,
        "design": results_table.fields(run.experiment_json),
    }


def _print(runs: list[Run]) -> None:
    columns = {
        "run": [str(run.id) for run in runs],
        "name": [run.name for run in runs],
        "kernels": [kernel_sizes(run.experiment.architecture) for run in runs],
        "layers": [str(len(run.experiment.architecture.blocks)) for run in runs],
        "filters": [filters(run.experiment.architecture) for run in runs],
        "parameters": [f"{run.parameters:,}" for run in runs],
        "status": [str(run.status) for run in runs],
        "seed": [str(run.experiment.seed) for run in runs],
        "validation": [_percent(run.validation_accuracy) for run in runs],
        "test": [_percent(run.test_accuracy) for run in runs],
        "s": [f"{run.seconds:.1f}" if run.seconds else "–" for run in runs],
        "when": [clock.text(run.ended or run.created) for run in runs],
    }
    left_out = []
    table = _table(columns)
    for name in LEAST_NEEDED:
        if not console.out.is_terminal or console.width(table) <= console.out.width:
            break
        left_out.append(name)
        del columns[name]
        table = _table(columns)
    console.print_table(table)
    if left_out:
        console.out.print(
            f"This window is too narrow for: {', '.join(left_out)}. A wider window, or a file, shows every column."
        )


def _table(columns: dict[str, list[str]]) -> Table:
    """A table of columns, a text a row; only names may take several lines."""
    name = Column("name", overflow="fold", max_width=30 if console.out.is_terminal else None)
    others = {
        title: Column(title, no_wrap=True, justify="right" if title == "parameters" else "left") for title in columns
    }
    table = Table(*(others | {"name": name}).values(), box=box.SIMPLE_HEAD, pad_edge=False)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"
