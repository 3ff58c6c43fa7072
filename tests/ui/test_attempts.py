"""How often somebody may guess wrong."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mnist_lab.ui.attempts import Attempts, TooManyError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def wrong(attempts: Attempts, address: str = "10.0.0.1") -> bool:
    """Whether a wrong attempt was looked at."""
    try:
        return not attempts.check(address, lambda: False)
    except TooManyError:
        return False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock=clock)


def test_ten_are_wrong_and_then_even_a_right_one_waits(attempts: Attempts, clock: Clock) -> None:
    assert all(wrong(attempts) for _ in range(10))
    clock.now += 18.5
    for is_right in (True, False):
        with pytest.raises(TooManyError, match=r"try again in 42 seconds\.") as refused:
            attempts.check("10.0.0.1", lambda is_right=is_right: is_right)
        assert refused.value.seconds == 42
    clock.now += 41.4
    with pytest.raises(TooManyError, match=r"in 1 second\."):
        attempts.check("10.0.0.1", lambda: True)
    clock.now += 0.1
    assert attempts.check("10.0.0.1", lambda: True)


def test_a_minute_is_any_minute(attempts: Attempts, clock: Clock) -> None:
    """Not one that begins with the first attempt, in which twenty would fit around its end."""
    looked = []
    for _ in range(200):
        looked += [clock.now] * wrong(attempts)
        clock.now += 3.3
    assert all(sum(start <= at < start + 60 for at in looked) <= 10 for start in looked)
    assert len(looked) > 100, "and whoever waits has ten again"


def test_what_was_not_looked_at_and_what_was_right_does_not_count(attempts: Attempts, clock: Clock) -> None:
    for _ in range(50):
        assert attempts.check("10.0.0.1", lambda: True)
    for _ in range(50):
        wrong(attempts)
    clock.now += 60
    assert sum(wrong(attempts) for _ in range(20)) == 10


def test_what_cannot_be_looked_at_is_not_wrong(attempts: Attempts) -> None:
    def fails() -> bool:
        raise OSError

    for _ in range(20):
        with pytest.raises(OSError):  # noqa: PT011, its own
            attempts.check("10.0.0.1", fails)
    assert wrong(attempts)


def test_others_do_not_wait(attempts: Attempts) -> None:
    while wrong(attempts):
        pass
    assert attempts.check("10.0.0.2", lambda: True)
    assert wrong(attempts, "")
    assert wrong(attempts, "no address")


def test_a_device_of_many_addresses_is_one(attempts: Attempts) -> None:
    """Of IPv6 it chooses the second half itself."""
    assert sum(wrong(attempts, f"2001:db8::{number:x}") for number in range(20)) == 10
    assert wrong(attempts, "2001:db8:0:1::1")
    assert sum(wrong(attempts, f"fe80::{number:x}%eth0") for number in range(20)) == 10
    assert sum(wrong(attempts, f"{mapped}10.0.0.1") for mapped in ("", "::ffff:") * 10) == 10


def test_only_so_many_addresses_are_remembered_and_the_last_ones_are(clock: Clock) -> None:
    attempts = Attempts(addresses=100, clock=clock)
    for number in range(1000):
        wrong(attempts, f"10.0.{number // 250}.{number % 250}")
    for _ in range(9):
        wrong(attempts, "10.0.3.249")
    assert not wrong(attempts, "10.0.3.249")
    assert len(attempts._wrong) == 100


def test_many_at_once_are_not_more(attempts: Attempts) -> None:
    looked, barrier = [], threading.Barrier(20)

    def guess(_: int) -> None:
        def is_right() -> bool:
            looked.append(1)
            return False

        barrier.wait()
        try:
            attempts.check("10.0.0.1", is_right)
        except TooManyError:
            return

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(guess, range(20)))
    assert len(looked) == 10
