"""Numbers the claims of a run, so that a worker that has lost its run writes to it no more; more room for names and states."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("runs", sa.Column("claims", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "sqlite":
        return  # which heeds no lengths
    for table, column in (("lease", "state"), ("runs", "owner"), ("designs", "owner"), ("choices", "owner")):
        op.alter_column(table, column, type_=sa.Text)
