"""A drawing on the pad, and how it is made into an image such as MNIST's.

MNIST's digits were size-normalised to fit 20×20 pixels, anti-aliased on the way, and centred in 28×28 by their centre of
mass (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998). A network
that has seen nothing else reads drawings that were treated alike.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mnist_lab.errors import InputError

SIDE = 28
DIGIT_SIDE = 20
PAD_SIDE = 280
PEN = 0.085
MOST_POINTS = 20_000
_FINER = 2
_INK = 0.1
_CENTRE = SIDE // 2
Strokes = list[list[tuple[float, float]]]


def strokes(value: Any) -> Strokes:
    """Strokes as they came from a browser, `[[[x, y], …], …]` with shares of the pad's side from its upper left corner.

    Raises:
        InputError: they are something else, or too many.
    """
    found: Strokes = []
    points = 0
    if not isinstance(value, list):
        raise InputError(f"Drawing: should be a list of strokes; received {str(value)[:40]!r}.")
    for stroke in value:
        if not isinstance(stroke, list) or not all(_is_point(point) for point in stroke):
            raise InputError(
                f"Drawing: a stroke should be a list of points from 0 to 1; received {str(stroke)[:40]!r}."
            )
        points += len(stroke)
        if points > MOST_POINTS:
            raise InputError(f"Drawing: at most {MOST_POINTS:,} points; clear the pad and draw again.")
        if stroke:
            found.append([(float(x), float(y)) for x, y in stroke])
    return found


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list | tuple)
        and len(point) == 2
        and all(isinstance(x, int | float) and not isinstance(x, bool) and -1 <= x <= 2 for x in point)
    )


def rendered(drawn: Sequence[Sequence[tuple[float, float]]]) -> np.ndarray:
    """Strokes as ink of a round pen on an empty pad, uint8 `(280, 280)`, anti-aliased."""
    side = PAD_SIDE * _FINER
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    width = round(PEN * side)
    for stroke in drawn:
        points = [(x * side, y * side) for x, y in stroke]
        if len(points) > 1:
            draw.line(points, fill=255, width=width)
        for x, y in points:
            draw.circle((x, y), width / 2, fill=255)
    return np.asarray(canvas.resize((PAD_SIDE, PAD_SIDE), Image.Resampling.BOX))


def shrunk(image: np.ndarray) -> np.ndarray:
    """An image, uint8 `(n, n)`, made smaller and nothing else: uint8 `(28, 28)`."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))


def prepared(image: np.ndarray) -> np.ndarray:
    """A bright digit on dark ground, uint8 `(height, width)`, as MNIST's were prepared: uint8 `(28, 28)`.

    The part with ink is scaled so that its longer side is 20 pixels and put where its centre of mass is in the middle.
    An image without ink stays empty.
    """
    result = np.zeros((SIDE, SIDE), np.uint8)
    ink = image > _INK * max(int(image.max()), 1)
    if not ink.any():
        return result
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    share = DIGIT_SIDE / max(cut.size)
    size = tuple(max(1, round(share * side)) for side in cut.size)
    small = np.asarray(cut.resize((size[0], size[1]), Image.Resampling.LANCZOS), float)
    total = small.sum()
    top, left = (
        round(_CENTRE - float((small.sum(axis=1 - axis) * np.arange(small.shape[axis])).sum() / total))
        for axis in (0, 1)
    )
    top, left = (min(max(at, 0), SIDE - length) for at, length in zip((top, left), small.shape, strict=True))
    result[top : top + small.shape[0], left : left + small.shape[1]] = np.clip(np.round(small), 0, 255)
    return result


def as_text(image: np.ndarray) -> str:
    """An image, uint8 `(28, 28)`, as text that `from_text` reads."""
    return base64.b64encode(np.ascontiguousarray(image, np.uint8).tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    """The image of `as_text`, uint8 `(28, 28)`. Raises InputError where it is none."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if len(data) != SIDE * SIDE:
        raise InputError(f"Image: should be {SIDE}×{SIDE} bytes as base64; received {text[:40]!r}.")
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)
