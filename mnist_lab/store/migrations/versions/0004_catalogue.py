"""Adds labels of runs, choices, receipts and questions (`errands`), and columns of runs for seed and curve."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("seed", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("curve", sa.Text, nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("tags", sa.Text, nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("note", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("archived", sa.Float))
    op.add_column("runs", sa.Column("deleted", sa.Float))
    op.add_column("runs", sa.Column("edited", sa.Float))
    op.create_index("runs_design", "runs", ["design_key"])
    op.create_table(
        "choices",
        sa.Column("owner", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "receipts",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("receipt", sa.Text, nullable=False),
    )
    op.create_table(
        "errands",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("askers", sa.Integer, nullable=False),
        sa.Column("engine", sa.String(64)),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("answer", sa.LargeBinary),
        sqlite_autoincrement=True,  # an id is never reused
    )
    # A class that draws asks a hundred questions per second, and the engine looks for new ones fifty times per second.
    for column in ("digest", "is_done", "until"):
        op.create_index(f"errands_{column}", "errands", [column])
    connection = op.get_bind()
    runs = sa.table("runs", *map(sa.column, ("id", "experiment", "seed", "curve")))
    epochs = sa.table("epochs", *map(sa.column, ("run_id", "epoch", "validation_accuracy")))
    curves: dict[int, list[float]] = {}
    for line in connection.execute(sa.select(epochs).order_by(epochs.c.run_id, epochs.c.epoch)):
        curves.setdefault(line.run_id, []).append(line.validation_accuracy)
    for run in connection.execute(sa.select(runs.c.id, runs.c.experiment)).all():
        values = {"seed": json.loads(run.experiment)["seed"], "curve": json.dumps(curves.get(run.id, []))}
        connection.execute(sa.update(runs).where(runs.c.id == run.id).values(values))
