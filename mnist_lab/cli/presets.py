"""`presets`: the networks to start from."""

import argparse
import json

from rich.table import Table

from mnist_lab.cli import console
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import DESCRIPTIONS, PRESETS

HELP = "the networks to start from"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print them."""
    rows = []
    for name, preset in PRESETS.items():
        counts = totals(trace(preset.architecture))
        rows.append(
            {
                "name": name,
                "conv_layers": len(preset.architecture.blocks),
                "parameters": counts.parameters,
                "trainable_parameters": counts.trainable,
                "non_trainable_parameters": counts.non_trainable,
            }
        )
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table("preset", "conv layers", "parameters", "trainable", "description")
    for row in rows:
        cells = (row["conv_layers"], f"{row['parameters']:,}", f"{row['trainable_parameters']:,}")
        table.add_row(str(row["name"]), *map(str, cells), DESCRIPTIONS[str(row["name"])])
    console.print_table(table)
    return 0
