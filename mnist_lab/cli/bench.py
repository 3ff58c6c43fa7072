"""`bench`: how fast training is here beside Keras `fit` and PyTorch, and how long people wait."""

import argparse
import json

from mnist_lab.cli import console

HELP = "measure training beside Keras fit and PyTorch, and how long people wait"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("--quick", action="store_true", help="measure less, within ten minutes on two cores")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Measure, and print the tables."""
    from mnist_lab.bench import report

    with console.err.status("bench") as status:
        figures = report.run(options.quick, lambda words: status.update(f"bench: {words}"))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        console.print_table(report.tables(figures))
    return 0
