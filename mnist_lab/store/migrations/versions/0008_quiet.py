"""Adds to calibrations whether nothing else used the machine's processors; false for earlier ones, where it is unknown."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("calibrations", sa.Column("is_quiet", sa.Boolean, nullable=False, server_default=sa.false()))
