"""Questions to trained networks: handed to workers, which answer beside what they train."""

import logging
import time

from mnist_lab.engine.cluster import LONG_QUESTION, QUESTION
from mnist_lab.engine.pool import Pool, Task
from mnist_lab.engine.worker.question import answer
from mnist_lab.inspection.questions import is_long
from mnist_lab.store.store import Store

log = logging.getLogger(__name__)

ASKING_SECONDS = 60.0  # since the last question, somebody still asks


class Questions:
    """Takes new questions from the store to workers.

    Args:
        engine: the engine's name.
    """

    def __init__(self, store: Store, pool: Pool, engine: str) -> None:
        self._store = store
        self._pool = pool
        self._engine = engine
        self._tasks: dict[int, Task] = {}  # by the question's id
        self._asked = -ASKING_SECONDS  # when there was last a question

    @property
    def are_asked(self) -> bool:
        """Whether somebody is asking these minutes."""
        return time.monotonic() - self._asked < ASKING_SECONDS

    def serve(self) -> None:
        """Hand new questions to workers; where one crashed with a question, say so."""
        for question_id, task in [(i, task) for i, task in self._tasks.items() if task.job.is_done]:
            if task.job.has_succeeded:
                self._pool.finish(task, task.job.result)
            else:
                log.error("question %d: %r", question_id, task.job.error)
                self._pool.finish(task)
                self._store.questions.fail(
                    question_id, "The worker could not answer; try again, and see the engine's log."
                )
            del self._tasks[question_id]
        if self._pool.takes_tasks:
            for question in self._store.questions.claim(self._engine):
                self._asked = time.monotonic()
                slot = LONG_QUESTION if is_long(question.kind) else QUESTION
                worker = self._pool.least_busy(slot)
                arguments = self._store.url, question, self._pool.threads
                self._tasks[question.id] = self._pool.give(worker, slot, answer, *arguments)
