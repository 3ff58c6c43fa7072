"""URLs of databases, as they may be shown."""

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

MOST_SHOWN = 120


def without_password(url: str) -> str:
    """A URL without its password, cut to what a sentence has room for; of one that cannot be read, what follows the `@`."""
    try:
        shown = sa.make_url(url).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        shown = repr(url.rpartition("@")[2][:80])
    return shown[:MOST_SHOWN]
