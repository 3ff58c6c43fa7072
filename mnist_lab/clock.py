"""Times in the time zone of whoever reads them, by the zone's name, since its offset from UTC changes with summer time."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import tzlocal


def zone(name: str | None, minutes_west: int | None = None) -> tzinfo:
    """The time zone that a browser names, such as `Europe/Berlin`.

    Where the name is missing or not known here: this machine's zone if its offset from UTC is now that of the browser, else
    the browser's present offset, which will be wrong when summer time begins or ends.

    Args:
        minutes_west: by how many minutes the browser's clock is now behind UTC (JavaScript's `getTimezoneOffset`).
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
    """This machine's time zone; UTC where it has no name."""
    try:
        return _named(tzlocal.get_localzone_name()) or UTC
    except (LookupError, ValueError, OSError):  # such as TZ="EST5EDT,M3.2.0,M11.1.0", a rule without a name
        return UTC


def _named(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):  # not known, not a valid name, or the name of a folder of zones
        return None


def text(seconds: float, where: tzinfo | None = None) -> str:
    """A time, in seconds since 1970 (UTC), as local date and time with the zone's abbreviation; by default in this
    machine's zone."""
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(where)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
