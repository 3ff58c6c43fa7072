"""`reproduce`: the notebook's three networks, trained here, beside the notebook's own figures."""

import argparse

from rich.table import Table

from mnist_lab.classroom.cookies import command_line
from mnist_lab.cli import console, progress
from mnist_lab.design.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import table as results_table

HELP = "train the notebook's three networks and compare"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="runs of each network (default 1)")


def run(options: argparse.Namespace) -> int:
    """Train them, and print both tables side by side."""
    lab = Lab()
    by = command_line(lab.store)
    ids = [i for name in NOTEBOOK_PRESETS for i in lab.start(PRESETS[name], options.seeds, by=by)]
    runs = progress.wait(lab, ids, by)
    table = Table(
        "kernel", "conv layers", "notebook: test accuracy", "test loss", "ours: test accuracy", "test loss", "n"
    )
    for _, row in results_table.beside_notebook(lab.reader(by).table(ids)).iterrows():
        ours = ["–", "–"]
        if row["n"]:
            spread = [f" ± {row['our_test_sd']:.4f}", f" ± {row['our_test_loss_sd']:.4f}"] if row["n"] > 1 else ["", ""]
            ours = [f"{row['our_test_accuracy']:.4f}{spread[0]}", f"{row['our_test_loss']:.4f}{spread[1]}"]
        theirs = (f"{row['test_accuracy']:.4f}", f"{row['test_loss']:.4f}")
        table.add_row(row["kernel_sizes"], str(row["conv_layers"]), *theirs, *ours, str(row["n"]))
    console.print_table(table)
    console.out.print(
        "Ours: mean ± standard deviation over n seeds. The notebook's: one run each, which proves little."
    )
    return progress.exit_status(runs)
