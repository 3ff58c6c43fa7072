"""Corrects the status of runs stopped within their last epoch, which were recorded as finished; adds notices, to say so."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
_NAMED = 10


def upgrade() -> None:
    op.create_table(
        "notices", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text, nullable=False)
    )
    connection = op.get_bind()
    runs = sa.table("runs", *map(sa.column, ("id", "status", "experiment", "parent_epoch")))
    epochs = sa.table("epochs", *map(sa.column, ("run_id", "epoch", "steps")))
    newest = sa.select(epochs.c.run_id, sa.func.max(epochs.c.epoch).label("epoch")).group_by(epochs.c.run_id).subquery()
    # The lines up to `parent_epoch` are those of the run that it continues, whose batch size may have been another.
    last = (
        sa.select(runs.c.id, runs.c.experiment, epochs.c.steps)
        .join(newest, newest.c.run_id == runs.c.id)
        .join(epochs, sa.and_(epochs.c.run_id == runs.c.id, epochs.c.epoch == newest.c.epoch))
        .where(runs.c.status == "finished", epochs.c.epoch > sa.func.coalesce(runs.c.parent_epoch, 0))
    )
    stopped = [line.id for line in connection.execute(last.order_by(runs.c.id)) if line.steps < _steps(line.experiment)]
    for run_id in stopped:
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(status="stopped"))
    if stopped:
        named = [str(run_id) for run_id in stopped[:_NAMED]]
        if len(stopped) > _NAMED:
            named.append(f"{len(stopped) - _NAMED} more")
        one = len(stopped) == 1
        which = f"Run {named[0]} was" if one else f"Runs {', '.join(named[:-1])} and {named[-1]} were"
        text = (
            f"{which} stopped within the last epoch, and an earlier version of the lab recorded "
            f"{'it' if one else 'them'} as finished: now {'it is' if one else 'they are'} stopped, and no longer "
            f"{'enters' if one else 'enter'} means, verdicts or the Pareto front."
        )
        connection.execute(sa.insert(sa.table("notices", sa.column("text"))).values(text=text))


def _steps(experiment: str) -> int:
    """Batches per epoch of an experiment, given as JSON of any version before this migration."""
    fields = json.loads(experiment)
    return -(-int(fields["train_images"]) // int(fields["recipe"]["batch_size"]))
