"""A number for each design, from which its colour, dash and shape follow wherever it is drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("design_key", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
    )
