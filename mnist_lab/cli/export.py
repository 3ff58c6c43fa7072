"""`export`: a run's receipt, and its network as stock Keras files."""

import argparse
import os
from pathlib import Path

from mnist_lab.classroom.cookies import command_line
from mnist_lab.engine import stderr_filter
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results import receipt

HELP = "a run as a receipt, with its network as stock Keras files"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("run_id", type=int, metavar="RUN", help="the run's number, as runs lists it")
    parser.add_argument(
        "--to", type=Path, default=Path(), metavar="FOLDER", help="the files' folder (default: this one)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the files, and print where each is."""
    lab = Lab()
    run = lab.reader(command_line(lab.store)).run(options.run_id)
    found = receipt.make(run, lab.store.runs.epochs([run.id]), lab.store.runs.probabilities(run.id))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr_filter.install()
    from mnist_lab.inspection.export import export
    from mnist_lab.inspection.network import Network

    files = {name: data.tobytes() for name, data in export(Network(lab.store, run.id), lambda share: None).items()}
    files[receipt.NAME] = receipt.written(found)
    try:
        options.to.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            path = options.to / f"mnist-lab-run-{run.id}-{name}"
            path.write_bytes(data)
            print(path)
    except OSError as error:
        raise InputError(f"To: {options.to} cannot be written to ({error.strerror}); choose another folder.") from None
    return 0
