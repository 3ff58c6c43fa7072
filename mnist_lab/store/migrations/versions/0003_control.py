"""Adds the order of the queue, pausing, states of checkpoints, snapshots, and runs that continue others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("position", sa.Float, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("pause_requested", sa.Float))
    op.add_column("runs", sa.Column("deaths", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("parent_id", sa.Integer))
    op.add_column("runs", sa.Column("parent_epoch", sa.Integer))
    op.add_column("runs", sa.Column("caveat", sa.Text))
    op.execute("UPDATE runs SET position = id")
    op.create_index("runs_position", "runs", ["position"])
    op.add_column("checkpoints", sa.Column("step", sa.Integer))
    op.add_column("checkpoints", sa.Column("state", sa.LargeBinary))
    run = sa.ForeignKey("runs.id", ondelete="CASCADE")
    op.create_table(
        "states",
        sa.Column("run_id", sa.Integer, run, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "snapshots",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("arrays", sa.LargeBinary, nullable=False),
    )
