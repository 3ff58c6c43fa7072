"""The trained networks that can be looked into, by their numbers: those of runs, and the ready-made one."""

from collections.abc import Iterable

import numpy as np

from mnist_lab.store import ready_made
from mnist_lab.store.checkpoints import Checkpoints
from mnist_lab.store.run import Run
from mnist_lab.store.runs import Runs


class Trained:
    """Looks a network up in the database, or in the file of the ready-made one. Errors as `Database` and `ready_made.load`."""

    def __init__(self, runs: Runs, checkpoints: Checkpoints) -> None:
        self._runs = runs
        self._checkpoints = checkpoints

    def get(self, run_id: int) -> Run | None:
        """As `Runs.get`."""
        return ready_made.load().run if run_id == ready_made.ID else self._runs.get(run_id)

    def some(self, run_ids: Iterable[int]) -> dict[int, Run]:
        """As `Runs.some`."""
        wanted = list(run_ids)
        found = self._runs.some(run_id for run_id in wanted if run_id != ready_made.ID)
        return found | ({ready_made.ID: ready_made.load().run} if ready_made.ID in wanted else {})

    def weights(self, run_id: int, epoch: int | None = None) -> dict[str, np.ndarray] | None:
        """As `Checkpoints.weights`; of the ready-made network those after its kept epoch alone are there."""
        if run_id != ready_made.ID:
            return self._checkpoints.weights(run_id, epoch)
        found = ready_made.load()
        return found.weights if epoch in (None, found.run.kept_epoch) else None

    def probabilities(self, run_id: int) -> np.ndarray | None:
        """As `Runs.probabilities`."""
        return ready_made.load().probabilities if run_id == ready_made.ID else self._runs.probabilities(run_id)
