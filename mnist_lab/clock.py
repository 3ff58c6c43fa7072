"""Moments as a person's clock showed them: by the zone's name, since its offset is another in summer."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import tzlocal


def zone(name: str | None, minutes_west: int | None = None) -> tzinfo:
    """The zone that a browser names, such as `Europe/Berlin`.

    Of a name that is unknown here, or none, this machine's zone where its clock agrees with the browser's now; else
    the browser's offset as it is now, which half a year later may be wrong.

    Args:
        minutes_west: how many minutes the browser's clock is behind UTC now (JavaScript's `getTimezoneOffset`).
    """
    if found := _named(name):
        return found
    here = machine()
    if minutes_west is None or abs(minutes_west) >= 24 * 60:
        return here
    there = timezone(timedelta(minutes=-minutes_west))
    now = datetime.now(UTC)
    return here if now.astimezone(here).utcoffset() == there.utcoffset(None) else there


def machine() -> tzinfo:
    """This machine's own zone; UTC where it has none with a name."""
    try:
        return _named(tzlocal.get_localzone_name()) or UTC
    except (LookupError, ValueError, OSError):  # such as TZ="EST5EDT,M3.2.0,M11.1.0", which names none
        return UTC


def _named(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):  # unknown, no name of a zone at all, or the name of a folder
        return None


def text(seconds: float, where: tzinfo | None = None) -> str:
    """A moment (seconds since 1970) as the clock showed it, with its zone; on this machine where none is given."""
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(where)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
