"""Who is there, and what they do now: kept in the server's memory, for it changes every few seconds and is worth nothing
later. All sessions of a server share it; when the server is killed it begins anew, as browsers come back."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

MOST = 1000  # people who are remembered; of more, those who were seen last


@dataclass(frozen=True)
class Seat:
    """Somebody with an open page. Times are in seconds since 1970 (UTC).

    Attributes:
        seen: when a browser of theirs last asked for something.
        changed: when they last opened another page, or changed their design.
        page: the path of the page that they opened last.
        design: the name of the design that they draw; empty where they have drawn none.
        mark: what makes it another design.
        wrong: why it cannot be trained, in a sentence; empty where it can.
        wrong_since: when it became impossible.
        refused: why a run could not be started last, in a sentence; empty where none was refused since the design changed.
        refused_at: when.
    """

    seen: float
    changed: float
    page: str = ""
    design: str = ""
    mark: Hashable = None
    wrong: str = ""
    wrong_since: float = 0.0
    refused: str = ""
    refused_at: float = 0.0


class Presence:
    """The seats of this server, by their people's keys.

    Whoever calls it has checked who they are: it holds no rights and nothing that is stored.

    Args:
        clock: the time in seconds since 1970 (UTC).

    Attributes:
        began: since when it has been kept.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seats: dict[str, Seat] = {}
        self.began = clock()

    def seats(self) -> dict[str, Seat]:
        """Everybody's, as they are now."""
        with self._lock:
            return dict(self._seats)

    def seen(self, key: str) -> None:
        """A browser of theirs asked for something."""
        self._update(key, lambda seat, _: seat)

    def opened(self, key: str, page: str) -> None:
        """They see a page."""
        self._update(key, lambda seat, now: seat if seat.page == page else replace(seat, page=page, changed=now))

    def designs(self, key: str, name: str, mark: Hashable, wrong: str = "") -> None:
        """They see a design, by its name and what makes it another one; with why it cannot be trained."""

        def drawn(seat: Seat, now: float) -> Seat:
            since = (seat.wrong_since if seat.wrong else now) if wrong else 0.0
            if (seat.design, seat.mark, seat.wrong) == (name, mark, wrong):
                return seat
            is_first = not seat.design  # arriving at a design changes nothing of it
            return replace(
                seat,
                changed=seat.changed if is_first else now,
                design=name,
                mark=mark,
                wrong=wrong,
                wrong_since=since,
                refused="",
            )

        self._update(key, drawn)

    def refused(self, key: str, why: str) -> None:
        """They were refused a run."""
        self._update(key, lambda seat, now: replace(seat, refused=why, refused_at=now, changed=now))

    def _update(self, key: str, change: Callable[[Seat, float], Seat]) -> None:
        now = self._clock()
        with self._lock:
            seat = self._seats.pop(key, None) or Seat(now, now)  # the one seen last comes last
            self._seats[key] = replace(change(seat, now), seen=now)
            if len(self._seats) > MOST:
                del self._seats[next(iter(self._seats))]
