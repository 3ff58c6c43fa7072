"""Curves as a picture to print: without a browser's chart, of which a class would need thirty on one page."""

from collections.abc import Sequence

from mnist_lab.charts.style import Look

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 640, 200, 56, 26, 10
_INK = "#333333"


def curves(lines: Sequence[tuple[Look, Sequence[float]]]) -> str:
    """Accuracies after each epoch, from 0 to 1, a line for each run in the look of its design (SVG); empty where there is none.

    As a picture it does not know the page's colours: it is to be laid on white.
    """
    lines = [(look, values) for look, values in lines if values]
    if not lines:
        return ""
    every = [value for _, values in lines for value in values]
    low, high = min(every), max(every)
    low, high = max(0.0, low - 0.05 * (high - low) - 0.001), min(1.0, high + 0.05 * (high - low) + 0.001)
    epochs = max(len(values) for _, values in lines)

    def x(epoch: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * ((epoch - 1) / (epochs - 1) if epochs > 1 else 0.5)

    def y(value: float) -> float:
        return _ABOVE + (_HEIGHT - _ABOVE - _BELOW) * (high - value) / (high - low)

    drawn = "".join(_line(look, [(x(i), y(value)) for i, value in enumerate(values, 1)]) for look, values in lines)
    marks = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#80808055"/>'
        f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{100 * value:.1f} %</text>'
        for value in (low, (low + high) / 2, high)
    )
    ends = "".join(
        f'<text x="{x(epoch):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{epoch}</text>'
        for epoch in sorted({1, epochs})
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Validation accuracy of {len(lines)} runs after each epoch, from {100 * min(every):.1f} % to '
        f'{100 * max(every):.1f} %" font-size="13" fill="{_INK}" font-family="sans-serif">{marks}{ends}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">epoch</text>{drawn}</svg>'
    )


def _line(look: Look, points: Sequence[tuple[float, float]]) -> str:
    dash = f' stroke-dasharray="{" ".join(map(str, look.dash))}"' if look.dash else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{look.colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{look.colour}" stroke-width="2"{dash}/>{dots}'
