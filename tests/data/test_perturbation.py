"""What can happen to a digit."""

import numpy as np
import pytest
from scipy import ndimage

from mnist_lab.data import mnist
from mnist_lab.data.perturbation import KINDS, perturbed

IMAGES = mnist.load()[1].x[:20]


@pytest.mark.parametrize("name", KINDS)
def test_the_neutral_strength_changes_nothing_and_any_other_something(name: str) -> None:
    kind = KINDS[name]
    assert np.array_equal(perturbed(IMAGES, {name: kind.neutral}), IMAGES)
    for strength in kind.strengths:
        found = perturbed(IMAGES, {name: strength})
        assert (found.shape, found.dtype) == (IMAGES.shape, np.uint8)
        assert (strength == kind.neutral) == np.array_equal(found, IMAGES)
    assert {kind.low, kind.high, kind.neutral} <= set(kind.strengths)


def test_shifts_are_of_whole_images() -> None:
    right = perturbed(IMAGES, {"shift right": 3})
    assert np.array_equal(right[:, :, 3:], IMAGES[:, :, :-3])
    assert not right[:, :, :3].any()
    up = perturbed(IMAGES, {"shift down": -2})
    assert np.array_equal(up[:, :-2], IMAGES[:, 2:])


def middle(image: np.ndarray) -> np.ndarray:
    return image[4:24, 4:24].astype(float)


@pytest.mark.parametrize("degrees", [-40, 15, 60])
def test_turning_is_as_scipy_turns(degrees: float) -> None:
    found = perturbed(IMAGES, {"rotate": degrees})
    for image, turned in zip(IMAGES, found, strict=True):
        expected = ndimage.rotate(image.astype(float), -degrees, reshape=False, order=1)
        assert np.abs(middle(turned) - middle(expected)).max() <= 1


@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_scaling_is_as_scipy_scales_about_the_middle(factor: float) -> None:
    found = perturbed(IMAGES, {"scale": factor})
    offset = 13.5 - 13.5 / factor
    for image, scaled in zip(IMAGES, found, strict=True):
        expected = ndimage.affine_transform(image.astype(float), [1 / factor] * 2, offset, order=1)
        assert np.abs(middle(scaled) - middle(expected)).max() <= 1


def test_blur_thickness_contrast_and_noise_do_what_they_say() -> None:
    blurred = perturbed(IMAGES, {"blur": 1.5})
    expected = ndimage.gaussian_filter(IMAGES[0].astype(float), 1.5)
    assert np.abs(blurred[0] - expected).max() <= 1
    ink = IMAGES.mean()
    assert perturbed(IMAGES, {"thicken": 1}).mean() > perturbed(IMAGES, {"thicken": 0.5}).mean() > ink
    assert perturbed(IMAGES, {"thicken": -0.5}).mean() < ink
    assert np.unique(perturbed(IMAGES, {"contrast": 0})).tolist() == [128]
    noisy = perturbed(IMAGES, {"noise": 0.2})
    assert np.array_equal(noisy, perturbed(IMAGES, {"noise": 0.2}))
    grey = np.full((50, 28, 28), 128, np.uint8)
    assert perturbed(grey, {"noise": 0.1}).std() == pytest.approx(25.5, rel=0.03)


def test_changes_go_together() -> None:
    both = perturbed(IMAGES, {"rotate": 20, "shift right": 2})
    assert np.array_equal(both[:, :, 2:], perturbed(IMAGES, {"rotate": 20})[:, :, :-2])
