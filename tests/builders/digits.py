"""Digits on the pad."""

import numpy as np
from PIL import Image

from mnist_lab.data import drawing


def placed(image: np.ndarray, times: float, top: float, left: float) -> np.ndarray:
    """A digit of MNIST's on the pad: so many times as large, its upper left corner at a share of the room that is left."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    cut = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    size = tuple(round(times * side) for side in cut.size)
    large = np.asarray(cut.resize((size[0], size[1]), Image.Resampling.BICUBIC))
    pad = np.zeros((drawing.PAD_SIDE, drawing.PAD_SIDE), np.uint8)
    y, x = (int(share * (drawing.PAD_SIDE - side)) for share, side in zip((top, left), large.shape, strict=True))
    pad[y : y + large.shape[0], x : x + large.shape[1]] = large
    return pad
