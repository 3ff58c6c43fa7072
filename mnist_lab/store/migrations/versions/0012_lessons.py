"""Adds what a lesson needs: rounds with their time, messages, the stage, guesses, challenges, and the class's own digits."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def _class_id(*, nullable: bool = False) -> sa.Column[int]:
    its = sa.ForeignKey("classes.id", ondelete="CASCADE")
    return sa.Column("class_id", sa.Integer, its, nullable=nullable, index=True)


def upgrade() -> None:
    op.add_column("people", sa.Column("is_pretended", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "rounds",
        sa.Column("id", sa.Integer, primary_key=True),
        _class_id(),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("planned", sa.Float, nullable=False),
        sa.Column("begun", sa.Float),
        sa.Column("ends", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("lifted", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.Integer, primary_key=True),
        _class_id(),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("begun", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sa.Column("report", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        _class_id(),
        sa.Column("person", sa.String(40)),  # a pseudonym; NULL: for everybody
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("sent", sa.Float, nullable=False),
        sa.Column("withdrawn", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "messages_read",
        sa.Column("message_id", sa.Integer, sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("shown", sa.Float, nullable=False),
        sa.Column("read", sa.Float),  # dismissed, or what it leads to opened
    )
    op.create_table(
        "stages",
        sa.Column("class_id", sa.Integer, sa.ForeignKey("classes.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("scene", sa.Text, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
    )
    op.create_table(
        "guess_questions",
        sa.Column("id", sa.Integer, primary_key=True),
        # NULL: of somebody who is in no class, or of the teacher to themselves
        sa.Column("class_id", sa.Integer, sa.ForeignKey("classes.id", ondelete="CASCADE"), index=True),
        sa.Column("is_for_class", sa.Boolean, nullable=False),
        sa.Column("asked_by", sa.String(100), nullable=False, index=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("asked", sa.Float, nullable=False),
        sa.Column("closed", sa.Float),
        sa.Column("outcome", sa.Text),
        sa.Column("shown", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "guesses",
        sa.Column("question_id", sa.Integer, sa.ForeignKey("guess_questions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person", sa.String(100), primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("given", sa.Float, nullable=False),
    )
    op.create_table(
        "challenges",
        sa.Column("id", sa.Integer, primary_key=True),
        _class_id(),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("after_run", sa.Integer, nullable=False),  # the id of the last run before it
        sa.Column("begun", sa.Float, nullable=False),
        sa.Column("closed", sa.Float),
        sa.Column("revealed", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "challenge_runs",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "challenge_id", sa.Integer, sa.ForeignKey("challenges.id", ondelete="CASCADE"), nullable=False, index=True
        ),
    )
    op.create_table(
        "digits",
        sa.Column("id", sa.Integer, primary_key=True),
        _class_id(nullable=True),  # NULL: of whoever has the lab alone
        sa.Column("person", sa.String(100), nullable=False),
        sa.Column("label", sa.Integer, nullable=False),
        sa.Column("image", sa.LargeBinary, nullable=False),
        sa.Column("drawn", sa.Float, nullable=False),
        sa.Column("thrown_out", sa.Float),
        sqlite_autoincrement=True,
    )
