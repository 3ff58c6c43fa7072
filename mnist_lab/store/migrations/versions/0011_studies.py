"""Adds studies, and which runs belong to which cell of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False, index=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("cells", sa.Text, nullable=False),
        sa.Column("frozen", sa.Float, nullable=False),
        sa.Column("looked", sa.Float),
        sa.Column("why_looked", sa.Text, nullable=False),
        sa.Column("reused", sa.Integer, nullable=False),
        sa.Column("version_of", sa.Integer),
        sa.Column("repeats", sa.Text),
        sa.Column("deleted", sa.Float),
        sqlite_autoincrement=True,  # a number that somebody wrote down is never another study's
    )
    op.create_table(
        "study_runs",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("cell", sa.Integer, primary_key=True),
        sa.Column("seed", sa.Integer, primary_key=True),
        # A run that is removed for good with its class stays a planned run, without a result.
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="SET NULL"), index=True),
        sa.Column("is_reused", sa.Boolean, nullable=False),
    )
