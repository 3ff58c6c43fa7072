"""Perturbations of digits, such as shift, rotation and blur, each with a strength."""

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
    """A kind of perturbation.

    Attributes:
        title: its name on the pages.
        unit: of its strength.
        low, high, step: range and step of the strengths offered.
        neutral: the strength that changes nothing.
        apply: maps images, float `(n, 28, 28)` in 0 to 255, and a strength to perturbed images.
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
        """Nine evenly spaced strengths from the lowest to the highest, and the neutral one where it is not among them."""
        found = [float(x) for x in np.linspace(self.low, self.high, 9)]
        return sorted({*found, self.neutral})


def perturbed(images: np.ndarray, strengths: dict[str, float]) -> np.ndarray:
    """Images, uint8 `(n, 28, 28)`, perturbed by kinds of given strengths, one after the other in the order of `KINDS`."""
    given = images.astype(float)
    for name, kind in KINDS.items():
        strength = strengths.get(name, kind.neutral)
        if strength != kind.neutral:
            given = kind.apply(given, float(strength))
    return np.clip(np.round(given), 0, 255).astype(np.uint8)


def _moved(images: np.ndarray, matrix: tuple[float, ...]) -> np.ndarray:
    """Images under an affine transform, bilinear, with background outside the image.

    Args:
        matrix: (rr, rc, cr, cc, row offset, column offset). Relative to the centre of the image, pixel (row, column) is
            taken from (rr row + rc column + row offset, cr row + cc column + column offset).
    """
    flat = images.reshape(len(images), -1)
    result: np.ndarray = (_sampling(matrix) @ flat.T).T.reshape(images.shape)
    return result


@functools.lru_cache(maxsize=64)
def _sampling(matrix: tuple[float, ...]) -> sparse.csr_matrix:
    """Bilinear interpolation as a sparse matrix `(784, 784)`, from source pixels to target pixels."""
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
    """Rotates clockwise about the centre."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return _moved(images, (c, -s, s, c, 0, 0))


def _scale(images: np.ndarray, factor: float) -> np.ndarray:
    return _moved(images, (1 / factor, 0, 0, 1 / factor, 0, 0))


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    found: np.ndarray = ndimage.gaussian_filter(images, (0, sigma, sigma))
    return found


def _thicken(images: np.ndarray, pixels: float) -> np.ndarray:
    """Dilates by `pixels`, or erodes where negative; a fraction interpolates between whole numbers of steps."""
    step = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    whole, part = floor(abs(pixels)), abs(pixels) % 1
    found = images
    for _ in range(whole):
        found = step(found, footprint=_CROSS)
    return found + part * (step(found, footprint=_CROSS) - found) if part else found


def _noise(images: np.ndarray, sd: float) -> np.ndarray:
    """Adds normal noise of a fixed seed: equal for equal images at the same index."""
    noise = np.random.default_rng(0).normal(0, 255 * sd, images.shape)
    return np.clip(images + noise, 0, 255)


def _contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Scales the difference to mid-grey."""
    return np.clip(127.5 + factor * (images - 127.5), 0, 255)


KINDS: dict[str, Perturbation] = {
    "thicken": Perturbation("Thicken", "pixels on each side; below 0: thinner", -1, 2, 0.25, 0, _thicken),
    "scale": Perturbation("Scale", "times the size", 0.5, 1.5, 0.05, 1, _scale),
    "rotate": Perturbation("Rotate", "degrees clockwise", -60, 60, 5, 0, _rotate),
    "shift right": Perturbation("Shift right", "pixels; below 0: left", -8, 8, 1, 0, _shift_right),
    "shift down": Perturbation("Shift down", "pixels; below 0: up", -8, 8, 1, 0, _shift_down),
    "blur": Perturbation("Blur", "standard deviation in pixels", 0, 4, 0.25, 0, _blur),
    "contrast": Perturbation("Contrast", "times the contrast", 0, 2, 0.1, 1, _contrast),
    "noise": Perturbation("Noise", "standard deviation as a share of full ink", 0, 1, 0.05, 0, _noise),
}
