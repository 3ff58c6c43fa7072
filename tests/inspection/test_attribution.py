"""Which pixels matter, against blanking by hand, small changes of a pixel, and the sum that they should have."""

import keras
import numpy as np
import pytest

from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Attribution
from tests.builders.inspected import IMAGE, TEXT, as_x, ask, logit


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
    checked = 0
    for row, column in np.argwhere(np.abs(found) > np.quantile(np.abs(found), 0.97)):
        up, down = x.copy(), x.copy()
        up[0, row, column, 0] += size
        down[0, row, column, 0] -= size
        right = (logit(stock, up, 6) - logit(stock, x, 6)) / size
        left = (logit(stock, x, 6) - logit(stock, down, 6)) / size
        if right == pytest.approx(left, rel=0.02):  # else a rectifier's corner lies between, and there is no gradient
            assert found[row, column] == pytest.approx((right + left) / 2, rel=0.05, abs=0.01)
            checked += 1
    assert checked >= 5


def test_integrated_gradients_add_up_to_the_difference_from_an_empty_image(
    network: Network, stock: keras.Model
) -> None:
    for digit in range(10):
        question = {"image": TEXT, "digit": digit, "method": "integrated gradients"}
        found = ask(network, Attribution, **question)["importance"]
        difference = logit(stock, as_x(IMAGE[None]), digit) - logit(stock, as_x(np.zeros((1, 28, 28), np.uint8)), digit)
        assert found.sum() == pytest.approx(difference, rel=0.05, abs=0.15)
        assert not found[IMAGE == 0].any()
