"""Numbers as small pictures: maps, kernels, digits, importance. Blue is positive, orange negative, white zero; light is
little and dark is much, so that the colours are told apart without seeing them."""

import base64
import io

import numpy as np
from PIL import Image

_POSITIVE, _NEGATIVE, _GAP = np.array([0, 114, 178]), np.array([213, 94, 0]), 205


def tinted(values: np.ndarray, most: float | None = None) -> np.ndarray:
    """Numbers as colours, uint8 `(…, 3)`; `most` in size is full colour, missing ones are grey.

    Args:
        most: the largest size among them where None.
    """
    if most is None:
        most = float(np.nanmax(np.abs(values), initial=0.0))
    share = np.clip(values / (most or 1.0), -1, 1)[..., np.newaxis]
    full = np.where(share > 0, _POSITIVE, _NEGATIVE)
    colours = 255 + np.abs(share) * (full - 255)
    return np.where(np.isnan(share), _GAP, colours).round().astype(np.uint8)


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    """A picture `(height, width)` or `(height, width, 3)` with each pixel so many times as large."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def digit(image: np.ndarray, times: int = 3) -> np.ndarray:
    """An image, uint8 `(28, 28)`, as ink on paper."""
    return enlarged(255 - image, times)


def montage(maps: np.ndarray, across: int | None = None) -> np.ndarray:
    """Maps `(height, width, n)` beside each other in rows, grey lines between them: numbers, for `tinted`.

    Args:
        across: how many in a row; about as many as there are rows of them where None.
    """
    height, width, count = maps.shape
    across = min(count, across or int(np.ceil(np.sqrt(count))))
    picture = np.full((-(-count // across) * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for i in range(count):
        top, left = i // across * (height + 1), i % across * (width + 1)
        picture[top : top + height, left : left + width] = maps[:, :, i]
    return picture


def strip(values: np.ndarray, across: int = 64) -> np.ndarray:
    """Numbers in rows, one after the other, the last row filled up with missing ones: for `tinted`."""
    across = min(across, len(values))
    rows = -(-len(values) // across)
    return np.pad(values.astype(float), (0, rows * across - len(values)), constant_values=np.nan).reshape(rows, across)


def framed(picture: np.ndarray) -> np.ndarray:
    """A picture with a thin grey frame, so that paper is seen on paper."""
    return np.pad(picture, [(1, 1), (1, 1)] + [(0, 0)] * (picture.ndim - 2), constant_values=_GAP)


def marked(values: np.ndarray, times: int, corner: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Numbers `(height, width)` as a picture, enlarged, with a black and white frame around a part of it.

    Args:
        corner: row and column where the part begins; size: its height and width.
    """
    picture = framed(enlarged(tinted(values), times))
    (top, left), (bottom, right) = (
        (1 + times * (corner[0] + row), 1 + times * (corner[1] + column)) for row, column in ((0, 0), size)
    )
    part = picture[top:bottom, left:right].copy()
    picture[top - 1 : bottom + 1, left - 1 : right + 1] = 0
    picture[top + 1 : bottom - 1, left + 1 : right - 1] = 255
    picture[top + 2 : bottom - 2, left + 2 : right - 2] = part[2:-2, 2:-2]
    return picture


def overlay(image: np.ndarray, importance: np.ndarray, times: int = 8) -> np.ndarray:
    """What matters, over a pale digit: uint8 `(28 · times, 28 · times, 3)`."""
    colours = tinted(importance).astype(float)
    paper = 255 - 0.35 * image.astype(float)[..., np.newaxis]
    return enlarged((colours * paper / 255).round().astype(np.uint8), times)


def url(picture: np.ndarray) -> str:
    """A picture, uint8 `(height, width)` or `(height, width, 3)`, as an address that holds all of it.

    A file that the page named could be gone when a browser comes to fetch it, for the page may have been redrawn meanwhile.
    """
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
