"""Both sides of a change to summer time, zones of half an hour, and zones that nobody knows."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from mnist_lab import clock


def seconds(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "when", "words"),
    [
        ("Europe/Berlin", (2026, 1, 15, 12), "2026-01-15 13:00:00 CET"),
        ("Europe/Berlin", (2026, 7, 15, 12), "2026-07-15 14:00:00 CEST"),
        ("Europe/Berlin", (2026, 10, 25, 0, 30), "2026-10-25 02:30:00 CEST"),
        ("Europe/Berlin", (2026, 10, 25, 1, 30), "2026-10-25 02:30:00 CET"),
        ("America/New_York", (2026, 7, 1, 3), "2026-06-30 23:00:00 EDT"),
        ("America/New_York", (2026, 12, 1, 4), "2026-11-30 23:00:00 EST"),
        ("Asia/Kolkata", (2026, 7, 1, 18, 30), "2026-07-02 00:00:00 IST"),
        ("Asia/Kathmandu", (2026, 7, 1, 18, 15), "2026-07-02 00:00:00 +0545"),
        ("Australia/Lord_Howe", (2026, 1, 1, 0), "2026-01-01 11:00:00 +11"),
        ("Australia/Lord_Howe", (2026, 7, 1, 0), "2026-07-01 10:30:00 +1030"),
        ("UTC", (2026, 7, 1, 0), "2026-07-01 00:00:00 UTC"),
    ],
)
def test_a_moment_is_shown_by_the_offset_of_its_own_day(name: str, when: tuple[int, ...], words: str) -> None:
    assert clock.text(seconds(*when), clock.zone(name, 0)) == words


@pytest.mark.parametrize(
    "name", [None, "", "Mars/Olympus", "Europe", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000, "\ud800"]
)
def test_of_a_zone_that_nobody_knows_the_browser_s_offset_is_taken(name: str | None, monkeypatch) -> None:
    monkeypatch.setattr(clock, "machine", lambda: UTC)
    assert clock.zone(name, -345).utcoffset(None) == timedelta(hours=5, minutes=45)
    assert clock.zone(name, 210).utcoffset(None) == timedelta(hours=-3, minutes=-30)
    for nothing in (None, 10**6, -(10**6)):
        assert clock.zone(name, nothing) is UTC


def test_where_the_machine_s_clock_agrees_its_zone_is_better_than_an_offset(monkeypatch) -> None:
    berlin = clock.zone("Europe/Berlin")
    monkeypatch.setattr(clock, "machine", lambda: berlin)
    offset = datetime.now(berlin).utcoffset()
    assert clock.zone("Europe/Nowhere", int(-offset.total_seconds() // 60)) is berlin
    assert clock.zone("Europe/Nowhere", 300) is not berlin


def test_a_column_of_moments_has_the_day_of_each(monkeypatch) -> None:
    column = pd.Series(pd.to_datetime([seconds(2026, 1, 1, 4, 30), seconds(2026, 7, 1, 4, 30)], unit="s", utc=True))
    days = column.dt.tz_convert(clock.zone("America/New_York")).dt.date.tolist()
    assert days == [date(2025, 12, 31), date(2026, 7, 1)]
