"""Adds predicted times of runs, calibrations of machines, and designs kept by name."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("predicted_low", sa.Float))
    op.add_column("runs", sa.Column("predicted_high", sa.Float))
    op.create_table(
        "calibrations",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("ratios", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "designs",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
