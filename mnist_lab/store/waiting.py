"""New runs at the end of the queue, written within the caller's transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.network import totals, trace
from mnist_lab.errors import InputError
from mnist_lab.store import disk
from mnist_lab.store.database import time_of
from mnist_lab.store.run import Status
from mnist_lab.store.schema import CHALLENGES, RUN

Range = tuple[float | None, float | None]  # of a predicted training time in seconds


def add(
    connection: sa.Connection, experiments: Sequence[Experiment], owner: str, predicted: Sequence[Range] | None = None
) -> list[int]:
    """Queue experiments; returns the ids of the runs, in the same order.

    Args:
        predicted: lower and upper bound of the predicted training time of each.

    Raises:
        InputError: as `must_spare_test_images`.
    """
    must_spare_test_images(connection, experiments)
    now, ids = time_of(connection), []
    for experiment, (low, high) in zip(experiments, predicted or [(None, None)] * len(experiments), strict=True):
        values = row(experiment, owner, now) | {"predicted_low": low, "predicted_high": high}
        ids.append(int(connection.execute(sa.insert(RUN).values(values).returning(RUN.c.id)).scalar_one()))
    return ids


def must_spare_test_images(connection: sa.Connection, experiments: Iterable[Experiment]) -> None:
    """Raises InputError where a run would be validated on the test images while a challenge keeps their results from everybody."""
    if all(experiment.protocol is not Protocol.NOTEBOOK for experiment in experiments):
        return
    if connection.execute(sa.select(CHALLENGES.c.id).where(CHALLENGES.c.revealed.is_(None))).first():
        raise InputError(
            "Protocol: until the challenge is revealed nobody looks at the test images, on which the notebook protocol validates; "
            "choose holdout. Received notebook."
        )


def row(experiment: Experiment, owner: str, now: float) -> dict[str, Any]:
    """The row of a new run at the end of the queue."""
    return {
        "name": experiment.name,
        "owner": owner,
        "status": Status.QUEUED,
        "experiment": experiment.model_dump_json(),
        "seed": experiment.seed,
        "design_key": experiment.design_key,
        "parameters": totals(trace(experiment.architecture)).parameters,
        "predicted_bytes": disk.footprint(experiment).most,
        "created": now,
        "position": sa.select(sa.func.coalesce(sa.func.max(RUN.c.position), 0.0) + 1.0).scalar_subquery(),
    }
