"""`copy`: a whole store into another database, from SQLite to PostgreSQL or back."""

import argparse

from rich.table import Column, Table

from mnist_lab.cli import console
from mnist_lab.numerals import counted
from mnist_lab.store import copying
from mnist_lab.store.database import Database

HELP = "copy all results into another database"


def declare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "--to", required=True, metavar="URL", help="of the database to copy into, as MNIST_LAB_DATABASE_URL"
    )
    parser.add_argument("--from", dest="source", metavar="URL", help="of the one to copy (default: the lab's own)")


def run(options: argparse.Namespace) -> int:
    """Copy, say how far it is, and compare."""
    source, target = Database(options.source), Database(options.to)
    try:
        with console.err.status("Copying…") as status:
            done = copying.copy(
                source, target, lambda table, n: status.update(f"Copying {table}: {counted(n, 'row')} more")
            )
    finally:
        source.close()
        target.close()
    table = Table(
        Column("table"), Column("rows", justify="right"), Column("copied now", justify="right"), Column("SHA-256, sum")
    )
    for one in done:
        table.add_row(one.table, f"{one.rows:,}", f"{one.added:,}", one.digest[:16])
    console.print_table(table)
    console.out.print("Both hold the same. Set MNIST_LAB_DATABASE_URL to the copy to go on there.")
    return 0
