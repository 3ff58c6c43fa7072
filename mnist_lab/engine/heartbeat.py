"""By its heartbeat in the store an engine is known to live: one at a time serves a store."""

import time

from mnist_lab.store.store import Store

SECONDS = 1.0


class Heartbeat:
    """Takes the store's lease for an engine and renews it.

    Args:
        engine: a name that no other engine has.
    """

    def __init__(self, store: Store, engine: str) -> None:
        self._store = store
        self._engine = engine
        self._state: str | None = None  # as the store has it
        self._last = 0.0

    def begin(self, state: str) -> bool:
        """Take the lease; whether no other engine has it. `state` is the engine's, in a word, for the pages."""
        return self._store.lease.take(self._engine, state)

    def is_due(self, state: str) -> bool:
        """Whether to `beat`: a second has gone by, or the state is another one, which is said at once."""
        return state != self._state or time.monotonic() - self._last >= SECONDS

    def beat(self, state: str) -> bool:
        """Renew the lease; False where another engine has taken it."""
        if not self._store.lease.renew(self._engine, state) and not self._store.lease.take(self._engine, state):
            return False
        self._state, self._last = state, time.monotonic()
        return True

    def end(self) -> None:
        """Give the lease back."""
        self._store.lease.release(self._engine)
