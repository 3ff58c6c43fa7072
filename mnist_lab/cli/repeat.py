"""`repeat`: the training that a receipt describes, once more, and how close it came."""

import argparse
from pathlib import Path

from mnist_lab.classroom.cookies import command_line
from mnist_lab.cli import console, progress
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results import receipt

HELP = "train what a receipt describes again, and compare"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a receipt from this lab or another, JSON or zip")


def run(options: argparse.Namespace) -> int:
    """Train it, and print the comparison."""
    try:
        with options.file.open("rb") as file:
            found = receipt.read_open(file)
    except OSError as error:
        raise InputError(f"File: {options.file} cannot be read ({error.strerror}); name a receipt.") from None
    lab = Lab()
    by = command_line(lab.store)
    (run,) = progress.wait(lab, [lab.repeat(found, by=by)], by)
    reader = lab.reader(by)
    console.out.print(f"Run {run.id}: {reader.repeated(run, reader.table())}", soft_wrap=True)
    return progress.exit_status([run])
