"""Figures of the Inspect page that are neither charts nor single pictures, as HTML: bars that follow a drawing, maps that
fill their row, numbers side by side. `style.css` says what they look like."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from mnist_lab.charts import swatch, tiles
from mnist_lab.charts.style import Look

_MIDDLE_GREY = 0.179  # relative luminance
_PER_CENT_SHOWN = 0.0005  # below this share a bar says 0 %


def name(title: str, look: Look) -> str:
    """What a network is called, with the look of its design."""
    return f'<span class="network"><img src="{swatch.url(look)}" alt=""> {escape(title)}</span>'


def headline(title: str, look: Look, digit: str, words: str) -> str:
    """What a network says: the digit large, beside it the network and a sentence."""
    return (
        f'<div class="headline"><span class="digit" aria-hidden="true">{escape(digit)}</span>'
        f"<div>{name(title, look)}<p>{escape(words)}</p></div></div>"
    )


def bars(probabilities: np.ndarray, caption: str, look: Look) -> str:
    """The probabilities of the ten digits, `(10,)`, each with its number behind its bar."""
    rows = "".join(
        f'<tr{" class=most" if digit == probabilities.argmax() and p > 0 else ""}><th scope="row">{digit}</th>'
        f'<td><span class="bar" style="width:{100 * p:.1f}%;background:{look.colour}"></span></td><td>{percent(p)}</td></tr>'
        for digit, p in enumerate(probabilities.astype(float))
    )
    return f'<table class="bars"><caption>{escape(caption)}</caption>{rows}</table>'


def side_by_side(figures: Iterable[str]) -> str:
    """Figures of several networks beside each other, as many in a row as there is room for."""
    return f'<div class="side-by-side">{"".join(f"<div>{figure}</div>" for figure in figures)}</div>'


def percent(share: float) -> str:
    """A probability, with a decimal where it is neither nothing nor all."""
    if share < _PER_CENT_SHOWN or share >= 1 - _PER_CENT_SHOWN:
        return f"{share:.0%}".replace("%", "\u00a0%")  # never apart at the end of a line
    return f"{share:.1%}".replace("%", "\u00a0%")


def maps(values: np.ndarray, words: str, most: float | None = None, names: Sequence[object] | None = None) -> str:
    """Maps `(height, width, n)`, each a picture of its own with its number below it.

    Args:
        words: what they are, for the pictures' text alternatives.
        most: what is full colour; the largest of them all where None.
        names: what to call each in place of its number.
    """
    most = float(np.abs(values).max()) if most is None else most
    figures = [
        f'<figure><img src="{tiles.url(tiles.tinted(values[:, :, i], most))}" '
        f'alt="{escape(words)}, {called}: at most {values[:, :, i].max():.3g}"><figcaption>{called}</figcaption></figure>'
        for i, called in enumerate(names or range(values.shape[2]))
    ]
    return f'<div class="maps" style="--across:{_across(len(figures))}">{"".join(figures)}</div>'


def _across(count: int) -> int:
    """How many maps in a row where there is room for them, so that rows are full where that can be."""
    return next((n for n in range(min(count, 16), 7, -1) if count % n == 0), min(count, 16))


def arithmetic(patch: np.ndarray, kernel: np.ndarray) -> str:
    """Patch × kernel = products, number by number, each `(height, width)`, and their sum."""
    total = float((patch * kernel).sum())
    return (
        '<div class="arithmetic">'
        f"{numbers(patch, 'patch')}<span>×</span>{numbers(kernel, 'kernel')}<span>=</span>{numbers(patch * kernel, 'products')}"
        f"<span>→</span><p><strong>{signed(total, 4)}</strong>their sum</p></div>"
    )


def numbers(values: np.ndarray, words: str) -> str:
    """Numbers `(height, width)` in cells as the pictures tint them."""
    colours = tiles.tinted(values)
    rows = "".join(
        "<tr>" + "".join(_cell(value, colour) for value, colour in zip(*row, strict=True)) + "</tr>"
        for row in zip(values, colours, strict=True)
    )
    return f'<table class="numbers"><caption>{words}</caption>{rows}</table>'


def signed(value: float, digits: int = 2) -> str:
    """A number with a minus sign as books print it, and none before a zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if not float(text) else "−")


def _cell(value: float, colour: np.ndarray) -> str:
    red, green, blue = (int(part) for part in colour)
    light = np.where(colour > 10, ((colour / 255 + 0.055) / 1.055) ** 2.4, colour / 3295) @ [0.2126, 0.7152, 0.0722]
    ink = "#000" if light > _MIDDLE_GREY else "#fff"  # whichever has more contrast, as WCAG computes it
    return f'<td style="background:rgb({red},{green},{blue});color:{ink}">{signed(value)}</td>'
