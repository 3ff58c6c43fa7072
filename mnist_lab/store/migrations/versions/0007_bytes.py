"""Adds the number of bytes that a run may write, so that it is started only where the disk has room."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("runs", sa.Column("predicted_bytes", sa.Integer))
