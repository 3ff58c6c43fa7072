"""Adds classes and their people, turns between people, secrets, and designs that each person names for themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "classes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("opened", sa.Float, nullable=False),
        sa.Column("closed", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("class_id", sa.Integer, sa.ForeignKey("classes.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("key", sa.String(40), nullable=False, unique=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("joined", sa.Float, nullable=False),
        sa.Column("removed", sa.Float),
        sqlite_autoincrement=True,  # no pseudonym is ever reused, or old runs would get another owner
    )
    op.create_table(
        "requests",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("asked", sa.Float, nullable=False),
        sa.Column("admitted", sa.Float),
    )
    op.create_table(
        "turns",
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("served", sa.Float, nullable=False),
    )
    op.rename_table("designs", "designs_of_all")
    op.create_table(
        "designs",
        sa.Column("owner", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    columns = ["owner", "name", "experiment", "created"]
    old = sa.table("designs_of_all", *map(sa.column, columns))
    new = sa.table("designs", *map(sa.column, columns))
    op.execute(sa.insert(new).from_select(columns, sa.select(old)))
    op.drop_table("designs_of_all")
    op.create_index("runs_owner", "runs", ["owner", "status"])
