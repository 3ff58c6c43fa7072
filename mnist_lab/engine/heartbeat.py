"""The heartbeat by which an engine holds the store's lease."""

import time

from mnist_lab.store.store import Store

SECONDS = 1.0


class Heartbeat:
    """Takes the store's lease for an engine, and renews it.

    Args:
        engine: the engine's unique name.
    """

    def __init__(self, store: Store, engine: str) -> None:
        self._store = store
        self._engine = engine
        self._state: str | None = None  # as last written to the store
        self._last = 0.0

    def begin(self, state: str) -> bool:
        """Take the lease; False where another engine that is alive holds it. `state` is as of `Lease.state`."""
        return self._store.lease.take(self._engine, state)

    def is_due(self, state: str) -> bool:
        """Whether to call `beat`: a second has passed, or the state has changed."""
        return state != self._state or time.monotonic() - self._last >= SECONDS

    def beat(self, state: str) -> bool:
        """Renew the lease; False where another engine has taken it."""
        if not self._store.lease.renew(self._engine, state) and not self._store.lease.take(self._engine, state):
            return False
        self._state, self._last = state, time.monotonic()
        return True

    def end(self) -> None:
        """Release the lease."""
        self._store.lease.release(self._engine)
