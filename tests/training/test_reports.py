"""What of a training's figures is kept with fewer digits."""

import numpy as np

from mnist_lab.training.reports import rounded


def test_rounded_probabilities_are_half_as_large_and_give_the_same_answers() -> None:
    logits = np.random.default_rng(1).normal(size=(5000, 10)) * 0.01  # hardly any image is sure
    exact = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    found = rounded(exact)
    assert found.dtype == np.float16
    assert (exact.astype(np.float16).argmax(axis=1) != exact.argmax(axis=1)).any(), "else this test would see nothing"
    assert np.array_equal(found.argmax(axis=1), exact.argmax(axis=1))
    assert np.abs(found - exact).max() < 2e-4


def test_of_two_that_rounding_makes_equal_the_larger_goes_up_by_one_step_alone() -> None:
    exact = np.array([[0.4, 0.40001, 0.19999], [0.5, 0.25, 0.25]], np.float32)
    found = rounded(exact)
    plain = exact.astype(np.float16)
    assert found[0].tolist() == [plain[0, 0], np.nextafter(plain[0, 0], np.float16(2)), plain[0, 2]]
    assert found[1].tolist() == plain[1].tolist()


def test_what_is_given_stays_as_it_is() -> None:
    exact = np.array([[0.4, 0.40001, 0.19999]], np.float32)
    before = exact.copy()
    rounded(exact)
    assert np.array_equal(exact, before)
