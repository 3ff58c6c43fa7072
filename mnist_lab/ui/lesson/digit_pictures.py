"""Drawings as HTML: small with numbers, in rows by their labels, large with what a network takes them for. `style.css` says
what they look like."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape

import numpy as np

from mnist_lab.charts import tiles
from mnist_lab.results.own_digits import CLASSES, Mistake, named
from mnist_lab.store.digits import Digit
from mnist_lab.ui.inspect import figures


@lru_cache(maxsize=4_000)
def _url(pixels: bytes) -> str:
    return tiles.url(255 - np.frombuffer(pixels, np.uint8).reshape(28, 28))


def picture(digit: Digit) -> str:
    """A drawing; crossed out where it was thrown out."""
    out = ' class="out"' if digit.thrown_out is not None else ""
    words = f"{named(digit.label)}, thrown out" if out else named(digit.label)
    return f'<span{out}><img src="{_url(digit.pixels)}" alt="{words}"></span>'


def gallery(digits: Iterable[Digit], captions: Mapping[int, str]) -> str:
    """Drawings small, one after the other, each with a caption by its id."""
    shown = "".join(
        f"<figure>{picture(digit)}<figcaption>{escape(captions[digit.id])}</figcaption></figure>" for digit in digits
    )
    return f'<div class="drawn">{shown}</div>'


def rows(digits: Sequence[Digit], *, is_stage: bool = False) -> str:
    """Drawings in a row for each label; on the stage each row is a line, and all rows fill the screen."""
    by_label = [[digit for digit in digits if digit.label == label] for label in range(CLASSES)]
    most = max(map(len, by_label))
    lines = "".join(
        f'<tr><th scope="row">{label}</th><td>{"".join(map(picture, those))}</td></tr>'
        for label, those in enumerate(by_label)
        if those or is_stage
    )
    kind = f'drawn-rows stage" style="--most:{max(most, 1)}' if is_stage else "drawn-rows"
    return f'<table class="{kind}">{lines}</table>'


def wrong(mistakes: Sequence[Mistake], names: Mapping[str, str], *, is_stage: bool = False) -> str:
    """Drawings that a network takes for other digits, each with what it says, how sure it is, and the label.

    Args:
        names: of drawers who are to be named, by their pseudonyms.
    """
    shown = "".join(
        f"<figure>{picture(one.digit)}<figcaption><strong>says {one.says}</strong><br>it is {named(one.digit.label)}<br>"
        f"<small>{figures.percent(one.sure)} sure{_by(names.get(one.digit.person))}</small></figcaption></figure>"
        for one in mistakes
    )
    kind = "drawn wrong stage" if is_stage else "drawn wrong"
    return f'<div class="{kind}">{shown}</div>'


def _by(name: str | None) -> str:
    return f"<br>by {escape(name)}" if name else ""
