"""What can happen to a digit on its way to a network: moved, turned, blurred, and by how much."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, floor, radians, sin

import numpy as np
from scipy import ndimage, sparse

SIDE = 28
_CENTRE = (SIDE - 1) / 2
_CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)


@dataclass(frozen=True)
class Perturbation:
    """One way to change images.

    Attributes:
        title: for people; unit: of its strength.
        low, high, step: of the strengths that are offered; neutral: the one that changes nothing.
        apply: from float images `(n, 28, 28)`, 0 to 255, and a strength to such images.
    """

    title: str
    unit: str
    low: float
    high: float
    step: float
    neutral: float
    apply: Callable[[np.ndarray, float], np.ndarray]

    @property
    def strengths(self) -> list[float]:
        """Nine strengths from the lowest to the highest, the neutral one among them."""
        found = [float(x) for x in np.linspace(self.low, self.high, 9)]
        return sorted({*found, self.neutral})


def perturbed(images: np.ndarray, strengths: dict[str, float]) -> np.ndarray:
    """Images, uint8 `(n, 28, 28)`, changed in several ways, one after the other in the order of `KINDS`."""
    given = images.astype(float)
    for name, kind in KINDS.items():
        strength = strengths.get(name, kind.neutral)
        if strength != kind.neutral:
            given = kind.apply(given, float(strength))
    return np.clip(np.round(given), 0, 255).astype(np.uint8)


def _moved(images: np.ndarray, matrix: tuple[float, ...]) -> np.ndarray:
    """Images whose pixel (row, column) is what lay at `matrix` times it, bilinear; ink from outside is none.

    `matrix` is (rr, rc, cr, cc, row offset, column offset), about the middle of the image.
    """
    flat = images.reshape(len(images), -1)
    found: np.ndarray = (_sampling(matrix) @ flat.T).T.reshape(images.shape)
    return found


@functools.lru_cache(maxsize=64)
def _sampling(matrix: tuple[float, ...]) -> sparse.csr_matrix:
    """Each target pixel as a weighted mean of up to four source pixels, `(784, 784)`."""
    rr, rc, cr, cc, down, right = matrix
    row, column = (axis.ravel() - _CENTRE for axis in np.mgrid[0:SIDE, 0:SIDE])
    source = (rr * row + rc * column + down + _CENTRE, cr * row + cc * column + right + _CENTRE)
    lowest = [np.floor(axis).astype(int) for axis in source]
    targets, sources, weights = [], [], []
    for i in (0, 1):
        for j in (0, 1):
            r, c = lowest[0] + i, lowest[1] + j
            weight = (1 - np.abs(source[0] - r)) * (1 - np.abs(source[1] - c))
            inside = (r >= 0) & (r < SIDE) & (c >= 0) & (c < SIDE) & (weight > 0)
            targets.append(np.flatnonzero(inside))
            sources.append((r * SIDE + c)[inside])
            weights.append(weight[inside])
    places = np.concatenate(targets), np.concatenate(sources)
    return sparse.csr_matrix((np.concatenate(weights), places), shape=(SIDE**2, SIDE**2))


def _shift_right(images: np.ndarray, pixels: float) -> np.ndarray:
    return _moved(images, (1, 0, 0, 1, 0, -pixels))


def _shift_down(images: np.ndarray, pixels: float) -> np.ndarray:
    return _moved(images, (1, 0, 0, 1, -pixels, 0))


def _rotate(images: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return _moved(images, (c, -s, s, c, 0, 0))


def _scale(images: np.ndarray, factor: float) -> np.ndarray:
    return _moved(images, (1 / factor, 0, 0, 1 / factor, 0, 0))


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    found: np.ndarray = ndimage.gaussian_filter(images, (0, sigma, sigma))
    return found


def _thicken(images: np.ndarray, pixels: float) -> np.ndarray:
    """Each pixel the maximum of its neighbours so many times over (thinner: the minimum); parts of a time are mixed."""
    step = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    whole, part = floor(abs(pixels)), abs(pixels) % 1
    found = images
    for _ in range(whole):
        found = step(found, footprint=_CROSS)
    return found + part * (step(found, footprint=_CROSS) - found) if part else found


def _noise(images: np.ndarray, sd: float) -> np.ndarray:
    """Normal noise; the same for the same image in the same place of a series."""
    noise = np.random.default_rng(0).normal(0, 255 * sd, images.shape)
    return np.clip(images + noise, 0, 255)


def _contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """About the middle grey."""
    return np.clip(127.5 + factor * (images - 127.5), 0, 255)


KINDS: dict[str, Perturbation] = {
    "thicken": Perturbation("Thicken", "pixels a side; below 0: thinner", -1, 2, 0.25, 0, _thicken),
    "scale": Perturbation("Scale", "times the size", 0.5, 1.5, 0.05, 1, _scale),
    "rotate": Perturbation("Rotate", "degrees clockwise", -60, 60, 5, 0, _rotate),
    "shift right": Perturbation("Shift right", "pixels; below 0: left", -8, 8, 1, 0, _shift_right),
    "shift down": Perturbation("Shift down", "pixels; below 0: up", -8, 8, 1, 0, _shift_down),
    "blur": Perturbation("Blur", "standard deviation in pixels", 0, 4, 0.25, 0, _blur),
    "contrast": Perturbation("Contrast", "times the contrast", 0, 2, 0.1, 1, _contrast),
    "noise": Perturbation("Noise", "standard deviation, share of full ink", 0, 1, 0.05, 0, _noise),
}
