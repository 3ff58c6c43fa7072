"""In a worker: answer a question about trained networks, beside what this process trains."""

import functools
import logging
import threading
from typing import TYPE_CHECKING

from mnist_lab.engine.worker.process import memory, warm_up
from mnist_lab.errors import LabError, StoreError
from mnist_lab.inspection.questions import read
from mnist_lab.store.questions import Question
from mnist_lab.store.store import Store

if TYPE_CHECKING:
    from mnist_lab.inspection.network import Networks

log = logging.getLogger(__name__)
_opening = threading.Lock()


class _CancelledError(Exception):
    """Whoever asked has gone."""


def answer(url: str, question: Question, threads: int) -> int:
    """Answer a question of the store, or say in a sentence why there will be no answer; it never disturbs a training in this
    process. The memory of this process after it, in bytes.

    Raises:
        StoreError: the database cannot be used.
    """
    warm_up(threads)
    _answer(url, question)
    return memory()


def _answer(url: str, question: Question) -> None:
    from mnist_lab.inspection.answers import respond

    networks = _networks(url)
    store = networks.store

    def advance(progress: float) -> None:
        if not store.questions.advance(question.id, progress):
            raise _CancelledError

    try:
        found = respond(networks, read(question.kind, question.arguments), advance)
        store.questions.complete(question.id, found)
    except StoreError:
        raise
    except LabError as error:
        store.questions.fail(question.id, str(error))
    except _CancelledError:
        log.info("question %d was cancelled", question.id)


def _networks(url: str) -> "Networks":
    with _opening:
        return _opened(url)


@functools.lru_cache(maxsize=2)
def _opened(url: str) -> "Networks":
    from mnist_lab.inspection.network import Networks

    return Networks(Store(url))
