"""Figures of the Inspect page that are neither charts nor single pictures, as HTML: bars that follow a drawing, maps that
fill their row, numbers side by side. `style.css` says what they look like."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from mnist_lab.charts import swatch, tiles
from mnist_lab.charts.style import Look

_MIDDLE_GREY = 0.179  # relative luminance
_PER_CENT_SHOWN = 0.0005  # a smaller share is said to be 0 %
NO_ANSWER = "·"


def name(title: str, look: Look) -> str:
    """What a network is called, with the look of its design."""
    return f'<span class="network"><img src="{swatch.url(look)}" alt=""> {escape(title)}</span>'


def headline(title: str, look: Look, digit: str, words: str) -> str:
    """What a network says: the digit large, or quietly that there is none yet; beside it the network and a sentence."""
    kind = "no digit" if digit == NO_ANSWER else "digit"
    return (
        f'<div class="headline"><span class="{kind}" aria-hidden="true">{escape(digit)}</span>'
        f"<div>{name(title, look)}<p>{escape(words)}</p></div></div>"
    )


def bars(probabilities: np.ndarray | None, caption: str, look: Look) -> str:
    """The probabilities of the ten digits, `(10,)`, each with its number behind its bar; dashes where none are known."""
    if probabilities is None:
        rows = "".join(f'<tr><th scope="row">{digit}</th><td></td><td>–</td></tr>' for digit in range(10))
    else:
        rows = "".join(
            f'<tr{" class=most" if digit == probabilities.argmax() else ""}><th scope="row">{digit}</th>'
            f'<td><span class="bar" style="width:{100 * p:.1f}%;background:{look.colour}"></span></td>'
            f"<td>{percent(p, over='&gt;')}</td></tr>"
            for digit, p in enumerate(probabilities.astype(float))
        )
    return f'<table class="bars"><caption>{escape(caption)}</caption>{rows}</table>'


def side_by_side(figures: Iterable[str]) -> str:
    """Figures of several networks beside each other, as many in a row as there is room for."""
    return f'<div class="side-by-side">{"".join(f"<div>{figure}</div>" for figure in figures)}</div>'


def is_shown(share: float) -> bool:
    """Whether a probability is said to be more than 0 %."""
    return share >= _PER_CENT_SHOWN


def percent(share: float, over: str = "over ") -> str:
    """A probability, with a decimal where it is neither nothing nor all; what is all but for a little is `over` 99.9 %."""
    if share >= 1 or not is_shown(share):
        words = f"{share:.0%}"
    else:
        words = f"{share:.1%}" if share < 1 - _PER_CENT_SHOWN else f"{over}99.9%"
    return words.replace("%", "\u00a0%")  # never apart at the end of a line


def maps(values: np.ndarray, words: str, most: float | None = None, names: Sequence[object] | None = None) -> str:
    """Maps `(height, width, n)`, each a picture of its own with its number below it.

    Args:
        words: what one of them is, in a word for the pictures' text alternatives: what stands above is read once, not with each.
        most: what is full colour; the largest of them all where None.
        names: what to call each in place of its number.
    """
    most = float(np.abs(values).max()) if most is None else most
    figures = [
        f'<figure><img src="{tiles.url(tiles.tinted(values[:, :, i], most))}" '
        f'alt="{escape(words)} {called}: at most {minus(f"{values[:, :, i].max():.3g}")}"><figcaption>{called}</figcaption></figure>'
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
    return minus(text) if float(text) else text.removeprefix("-")


def minus(number: str) -> str:
    """A written number with the minus sign that books print."""
    return number.replace("-", "−", 1) if number.startswith("-") else number


def _cell(value: float, colour: np.ndarray) -> str:
    red, green, blue = (int(part) for part in colour)
    light = np.where(colour > 10, ((colour / 255 + 0.055) / 1.055) ** 2.4, colour / 3295) @ [0.2126, 0.7152, 0.0722]
    ink = "#000" if light > _MIDDLE_GREY else "#fff"  # whichever has more contrast, as WCAG computes it
    return f'<td style="background:rgb({red},{green},{blue});color:{ink}">{signed(value)}</td>'
