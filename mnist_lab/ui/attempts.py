"""How often somebody may guess wrong: what is short enough to be typed could else be found by trying."""

import ipaddress
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from mnist_lab.errors import InputError

MOST, SECONDS, ADDRESSES = 10, 60.0, 10_000


class TooManyError(InputError):
    """Too many wrong attempts came from one address.

    Attributes:
        seconds: after how many the next attempt may be made, at least 1.
    """

    def __init__(self, seconds: int) -> None:
        unit = "second" if seconds == 1 else "seconds"
        super().__init__(f"Too many attempts from this network address: try again in {seconds} {unit}.")
        self.seconds = seconds


class Attempts:
    """Wrong attempts of the last minute by the network address that they came from.

    Args:
        most: wrong ones from one address in `seconds`; whoever has made as many has to wait.
        addresses: how many are remembered; beyond, the one that was wrong longest ago is forgotten.
        clock: seconds that never run backwards.
    """

    def __init__(
        self,
        most: int = MOST,
        seconds: float = SECONDS,
        addresses: int = ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._addresses, self._clock = most, seconds, addresses, clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()  # when, oldest first; last wrong address last
        self._lock = threading.Lock()

    def count(self, address: str) -> None:
        """Count what is no wrong attempt, but should not be done without end from one address either.

        Raises:
            TooManyError: it may not be done now.
        """
        self.check(address, lambda: False)

    def check(self, address: str, is_right: Callable[[], bool]) -> bool:
        """Whether an attempt is right. One at a time, so that many at once are not more than are allowed.

        Raises:
            TooManyError: it is not looked at.
        """
        with self._lock:
            network, now = _network(address), self._clock()
            times = self._wrong.get(network, deque())
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                raise TooManyError(max(1, math.ceil(times[0] + self._seconds - now)))
            if is_right():
                return True
            times.append(now)
            self._wrong[network] = times
            self._wrong.move_to_end(network)
            while len(self._wrong) > self._addresses:
                self._wrong.popitem(last=False)
            return False


def _network(address: str) -> str:
    """What counts as one address: of IPv6 its first half, since a device chooses the other one as it likes."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
