"""Errands: small questions of pages to a trained network, answered by a worker beside what it trains.

An answer follows from its question alone, for a run that has ended never changes: who asks the same again, in another
browser perhaps, is given the same answer for as long as it is kept.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from mnist_lab.store.database import among
from mnist_lab.store.labels import Catalogue
from mnist_lab.store.schema import ERRANDS, packed, unpacked

KEPT_SECONDS, LONG_KEPT_SECONDS = 60.0, 900.0  # since somebody asked last; unanswered ones are abandoned then
LONG = frozenset(
    {"export", "tested", "hidden", "robustness", "ablation", "each alone"}
)  # seconds rather than a moment: they never keep the others waiting


@dataclass(frozen=True)
class Errand:
    """A question and how far its answer is.

    Attributes:
        progress: share of the work done, from 0 to 1.
        error: one sentence where there will be no answer.
    """

    id: int
    kind: str
    arguments: dict[str, Any]
    progress: float
    is_done: bool
    error: str | None


_COLUMNS = [ERRANDS.c[name] for name in ("id", "kind", "arguments", "progress", "is_done", "error")]


def _as_errand(row: sa.Row[Any]) -> Errand:
    return Errand(row.id, row.kind, json.loads(row.arguments), row.progress, bool(row.is_done), row.error)


class Errands(Catalogue):
    """The errands in an open database; arguments and errors as of `Database`."""

    def ask(self, kind: str, arguments: dict[str, Any]) -> int:
        """Ask something, or find that it was asked already; the errand's id."""
        text = json.dumps(arguments, sort_keys=True)
        digest = hashlib.sha256(f"{kind} {text}".encode()).hexdigest()
        now = time.time()
        until = now + (LONG_KEPT_SECONDS if kind in LONG else KEPT_SECONDS)
        same = sa.and_(ERRANDS.c.digest == digest, ERRANDS.c.error.is_(None))
        with self._write() as connection:
            found = connection.execute(sa.select(ERRANDS.c.id).where(same).limit(1)).scalar_one_or_none()
            if found is not None:
                connection.execute(
                    sa.update(ERRANDS).where(ERRANDS.c.id == found).values(until=until, askers=ERRANDS.c.askers + 1)
                )
                return int(found)
            connection.execute(sa.delete(ERRANDS).where(ERRANDS.c.until < now))
            row = {"digest": digest, "kind": kind, "arguments": text, "until": until}
            row |= {"askers": 1, "progress": 0.0, "is_done": False}
            return int(connection.execute(sa.insert(ERRANDS).values(row).returning(ERRANDS.c.id)).scalar_one())

    def errand(self, errand_id: int) -> Errand | None:
        """An errand as it is now; None where it is gone."""
        with self._read() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(ERRANDS.c.id == errand_id)).first()
        return None if row is None else _as_errand(row)

    def answer(self, errand_id: int) -> dict[str, np.ndarray] | None:
        """An errand's answer, arrays by name; None while there is none."""
        with self._read() as connection:
            data = connection.execute(sa.select(ERRANDS.c.answer).where(ERRANDS.c.id == errand_id)).scalar_one_or_none()
        return None if data is None else unpacked(data)

    def forget(self, errand_id: int) -> None:
        """One of those who asked has gone; where nobody is left and it is not done, it is given up."""
        mine = ERRANDS.c.id == errand_id
        with self._write() as connection:
            connection.execute(sa.update(ERRANDS).where(mine).values(askers=ERRANDS.c.askers - 1))
            connection.execute(sa.delete(ERRANDS).where(mine, ERRANDS.c.askers <= 0, ERRANDS.c.is_done.is_(False)))

    def claim_errands(self, engine: str) -> list[Errand]:
        """All errands that no worker has yet, oldest first; an engine that is gone has none."""
        open_ = sa.and_(
            ERRANDS.c.is_done.is_(False),
            ERRANDS.c.error.is_(None),
            ERRANDS.c.until > time.time(),
            sa.or_(ERRANDS.c.engine.is_(None), ERRANDS.c.engine != engine),
        )
        with self._read() as connection:
            rows = connection.execute(sa.select(*_COLUMNS).where(open_).order_by(ERRANDS.c.id)).all()
        if not rows:
            return []
        with self._write() as connection:
            ids = [row.id for row in rows]
            connection.execute(sa.update(ERRANDS).where(among(ERRANDS.c.id, ids)).values(engine=engine))
        return [_as_errand(row) for row in rows]

    def advance(self, errand_id: int, progress: float) -> bool:
        """Tell how far an errand is; whether anybody still wants it."""
        with self._write() as connection:
            found = connection.execute(
                sa.update(ERRANDS).where(ERRANDS.c.id == errand_id).values(progress=progress)
            ).rowcount
        return bool(found)

    def respond(self, errand_id: int, answer: dict[str, np.ndarray]) -> None:
        """Give an errand its answer."""
        values = {"is_done": True, "progress": 1.0, "answer": packed(**answer)}
        with self._write() as connection:
            connection.execute(sa.update(ERRANDS).where(ERRANDS.c.id == errand_id).values(values))

    def decline(self, errand_id: int, error: str) -> None:
        """Say in a sentence why there will be no answer."""
        with self._write() as connection:
            connection.execute(sa.update(ERRANDS).where(ERRANDS.c.id == errand_id).values(is_done=True, error=error))
