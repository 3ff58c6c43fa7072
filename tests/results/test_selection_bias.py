"""How much of a first place is luck."""

import numpy as np
import pytest

from mnist_lab.results.selection_bias import expected_maximum, luck


@pytest.mark.parametrize(
    ("entries", "images", "accuracy"), [(1, 5000, 0.98), (2, 5000, 0.98), (14, 5000, 0.985), (60, 500, 0.9)]
)
def test_the_expected_maximum_is_that_of_simulated_entries(entries: int, images: int, accuracy: float) -> None:
    drawn = np.random.default_rng(1).binomial(images, accuracy, (20_000, entries)).max(axis=1) / images
    error = drawn.std() / np.sqrt(len(drawn))
    assert expected_maximum(entries, images, accuracy) == pytest.approx(drawn.mean(), abs=4 * error)


def test_one_entry_is_not_lucky_on_average_and_more_are_luckier() -> None:
    assert expected_maximum(1, 5000, 0.97) == pytest.approx(0.97)
    grows = [expected_maximum(entries, 5000, 0.97) for entries in (1, 2, 5, 20, 100)]
    assert grows == sorted(grows)
    assert expected_maximum(50, 5000, 1.0) == pytest.approx(1.0)


def test_the_luck_of_the_first_stands_beside_the_mean_of_all() -> None:
    found = luck([0.98, 0.99, 0.97], [0.98, 0.985, 0.975], 5000)
    assert found is not None
    assert (found.validation, found.test) == (0.99, 0.985)
    assert found.gap == pytest.approx(0.005)
    assert found.mean_gap == pytest.approx(0.0)
    first, second = found.words
    assert "99.00% on the validation images that ranked it, 98.50% on the test images, 0.50 points less" in first
    assert "Over all 3 entries it is the same on average" in first
    assert f"{100 * found.by_chance:.2f} points better than it is, by luck on 5,000 images" in second
    assert 0 < found.by_chance < 0.005


def test_a_single_entry_was_first_among_nobody() -> None:
    assert luck([0.99], [0.98], 5000) is None
