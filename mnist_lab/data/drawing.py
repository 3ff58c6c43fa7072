"""Drawings on the pad, and their conversion to images like MNIST's.

MNIST's digits were size-normalised to fit 20×20 pixels, anti-aliased in the process, and centred in 28×28 pixels by
their centre of mass (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
1998). A network trained on them recognises drawings that have been preprocessed in the same way.
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
PEN = 0.085  # width of the pen, as a share of the pad's side
MAX_POINTS = 20_000
_SUPERSAMPLING = 2
_INK_THRESHOLD = 0.1  # of the brightest pixel
_CENTRE = SIDE // 2
Strokes = list[list[tuple[float, float]]]


def strokes(value: Any) -> Strokes:
    """Validate strokes from a browser: `[[[x, y], …], …]`, from the upper left corner, in units of the pad's side.

    Raises:
        InputError: the value has another form, or more than `MAX_POINTS` points.
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
        if points > MAX_POINTS:
            raise InputError(f"Drawing: at most {MAX_POINTS:,} points; clear the pad and draw again.")
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
    """Strokes drawn with a round pen on an empty pad, anti-aliased, uint8 `(280, 280)`."""
    side = PAD_SIDE * _SUPERSAMPLING
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
    """An image, uint8 `(n, n)`, scaled down to uint8 `(28, 28)` without centring."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))


def prepared(image: np.ndarray) -> np.ndarray:
    """A bright digit on a dark background, uint8 `(height, width)`, preprocessed as MNIST's were: uint8 `(28, 28)`.

    The bounding box of the ink is scaled so that its longer side has 20 pixels, then placed with its centre of mass at
    the centre of the image. An image without ink stays empty.
    """
    result = np.zeros((SIDE, SIDE), np.uint8)
    ink = image > _INK_THRESHOLD * max(int(image.max()), 1)
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
    """An image, uint8 `(28, 28)`, as base64 text; the inverse of `from_text`."""
    return base64.b64encode(np.ascontiguousarray(image, np.uint8).tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    """An image, uint8 `(28, 28)`, from the text of `as_text`. Raises InputError where the text is not such an image."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if len(data) != SIDE * SIDE:
        raise InputError(f"Image: should be {SIDE}×{SIDE} bytes as base64; received {text[:40]!r}.")
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)
