"""Which pixels matter, against blanking by hand, small changes of a pixel, and the sum that they should have."""

import keras
import numpy as np
import pytest

from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Attribution
from tests.builders.inspected import IMAGE, TEXT, as_x, ask, logits


def test_occlusion_is_what_blanking_by_hand_gives(network: Network, stock: keras.Model) -> None:
    found = ask(network, Attribution, image=TEXT, digit=5, method="occlusion")["importance"]
    whole = stock.predict(as_x(IMAGE[None]), verbose=0)[0, 5]
    for row, column in ((0, 0), (5, 20), (14, 14), (27, 27), (13, 9)):
        blank = IMAGE.copy()
        for r in range(28):
            for c in range(28):
                if abs(r - row) <= 2 and abs(c - column) <= 2:
                    blank[r, c] = 0
        expected = whole - stock.predict(as_x(blank[None]), verbose=0)[0, 5]
        assert found[row, column] == pytest.approx(expected, abs=1e-5)


def test_gradients_are_what_small_changes_of_a_pixel_give(network: Network, stock: keras.Model) -> None:
    found = ask(network, Attribution, image=TEXT, digit=6, method="gradient")["importance"]
    x = as_x(IMAGE[None])
    size = 2e-3
    places = np.argwhere(np.abs(found) > np.quantile(np.abs(found), 0.97))
    steps = np.zeros((len(places), 28, 28, 1), x.dtype)
    steps[range(len(places)), places[:, 0], places[:, 1], 0] = size
    middle, up, down = (logits(stock, images)[:, 6] for images in (x, x + steps, x - steps))
    checked = 0
    for (row, column), right, left in zip(places, (up - middle) / size, (middle - down) / size, strict=True):
        if right == pytest.approx(left, rel=0.02):  # else a rectifier's corner lies between, and there is no gradient
            assert found[row, column] == pytest.approx((right + left) / 2, rel=0.05, abs=0.01)
            checked += 1
    assert checked >= 5


def test_integrated_gradients_add_up_to_the_difference_from_an_empty_image(
    network: Network, stock: keras.Model
) -> None:
    image, empty = logits(stock, as_x(np.stack([IMAGE, np.zeros_like(IMAGE)])))
    for digit, difference in enumerate(image - empty):
        question = {"image": TEXT, "digit": digit, "method": "integrated gradients"}
        found = ask(network, Attribution, **question)["importance"]
        assert found.sum() == pytest.approx(difference, rel=0.05, abs=0.15)
        assert not found[IMAGE == 0].any()
