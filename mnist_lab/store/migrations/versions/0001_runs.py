"""Creates runs, with logs, curves, checkpoints and predictions, and the engine's lease."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("design_key", sa.String(64), nullable=False),
        sa.Column("parameters", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("started", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("engine", sa.String(64)),
        sa.Column("stop_requested", sa.Float),
        sa.Column("steps_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("epochs_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("best_validation_accuracy", sa.Float),
        sa.Column("best_epoch", sa.Integer),
        sa.Column("last_validation_accuracy", sa.Float),
        sa.Column("kept_epoch", sa.Integer),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("validation_loss", sa.Float),
        sa.Column("test_accuracy", sa.Float),
        sa.Column("test_loss", sa.Float),
        sa.Column("seconds", sa.Float),
        sa.Column("reporting_seconds", sa.Float),
        sa.Column("environment", sa.Text),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_status", "runs", ["status"])
    run = sa.ForeignKey("runs.id", ondelete="CASCADE")
    op.create_table(
        "epochs",
        sa.Column("run_id", sa.Integer, run, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("loss", sa.Float, nullable=False),
        sa.Column("accuracy", sa.Float, nullable=False),
        sa.Column("validation_loss", sa.Float, nullable=False),
        sa.Column("validation_accuracy", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("point", sa.Integer, primary_key=True),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("loss", sa.Float, nullable=False),
        sa.Column("accuracy", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("weights", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "predictions",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("probabilities", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_created", sa.Float, nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
    )
