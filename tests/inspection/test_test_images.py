"""Test images in portions and evenly chosen."""

import numpy as np
import pytest

from mnist_lab.inspection import test_images
from tests.builders.inspected import TEST


@pytest.mark.parametrize(("wanted", "found"), [(-3, 1), (1, 1), (500, 500), (10_000, 10_000), (20_000, 10_000)])
def test_so_many_images_are_chosen_as_there_are(wanted: int, found: int) -> None:
    chosen = test_images.evenly_chosen(wanted)
    assert len(chosen.x) == len(chosen.y) == found


def test_they_come_evenly_from_all_the_test_images() -> None:
    chosen = test_images.evenly_chosen(2000)
    places = np.linspace(0, 9999, 2000).round().astype(int)
    assert np.array_equal(chosen.x, TEST.x[places])
    assert np.array_equal(chosen.y, TEST.y[places])
    assert len(np.unique(places)) == 2000


@pytest.mark.parametrize("count", [1, 500, 2600])
def test_portions_are_all_the_images_in_order_and_say_how_far_they_are(count: int) -> None:
    shares: list[float] = []
    portions = list(test_images.portions(TEST.x[:count], shares.append))
    assert np.array_equal(np.concatenate(portions), TEST.x[:count])
    assert shares == sorted(shares)
    assert len(shares) == len(portions)
    assert shares[-1] == 1.0
