"""Drawings, and how they are prepared."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnist_lab.data import drawing, mnist
from mnist_lab.errors import InputError
from tests.builders.digits import placed


def apart(found: np.ndarray, image: np.ndarray) -> float:
    """The mean difference of two images, of 255, with one moved by up to a pixel to where they are closest.

    Where the centre of mass lies between two pixels, it may go to either.
    """
    return min(
        float(np.abs(np.roll(found, (r, c), (0, 1)).astype(int) - image).mean()) for r in (-1, 0, 1) for c in (-1, 0, 1)
    )


# A digit with an edge so faint that it counts as ground comes out a pixel or two larger: of the 10,000 test images at 3,
# 3.7, 5 and 13 times their size, 402 differs most (16.7); two images of different digits are about 40 apart.
@given(st.integers(0, 9999), st.floats(3, 13), st.floats(0, 1), st.floats(0, 1))
@example(402, 3.0, 0.0, 0.0)
def test_a_digit_that_was_moved_and_scaled_is_prepared_to_what_it_was(
    number: int, times: float, top: float, left: float
) -> None:
    image = mnist.load()[1].x[number]
    found = drawing.prepared(placed(image, times, top, left))
    assert apart(found, image) < 20
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 <= drawing.DIGIT_SIDE


def test_most_digits_are_prepared_to_almost_what_they_were() -> None:
    images = mnist.load()[1].x[:200]
    far = [apart(drawing.prepared(placed(image, 5.0, 0.3, 0.6)), image) for image in images]
    assert np.median(far) < 4  # of 255
    assert np.quantile(far, 0.95) < 10


@given(st.lists(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=5), max_size=4))
def test_any_drawing_is_prepared_within_its_frame(strokes: list[list[tuple[float, float]]]) -> None:
    ink = drawing.rendered(drawing.strokes([[list(p) for p in s] for s in strokes]))
    found = drawing.prepared(ink)
    assert (found.shape, found.dtype) == ((28, 28), np.uint8)
    assert found.any() == ink.any()
    if found.any():
        total = found.sum(dtype=float)
        centre = [(found.sum(axis=1 - axis) * np.arange(28)).sum() / total for axis in (0, 1)]
        for axis, x in enumerate(
            centre
        ):  # in the middle, unless all its mass is at one end and the frame is in the way
            edges = found.take([0, 27], axis=axis)
            assert abs(x - 14) <= 1.0 or edges.any()
    assert drawing.shrunk(ink).shape == (28, 28)


def test_a_stroke_is_as_wide_as_the_pen_and_where_it_was_drawn() -> None:
    ink = drawing.rendered([[(0.5, 0.2), (0.5, 0.8)]])
    middle = np.flatnonzero(ink[140] > 127)
    assert len(middle) == pytest.approx(drawing.PEN * 280, abs=2)
    assert middle.mean() == pytest.approx(139.5, abs=1)
    assert ink[:40].max() == 0
    dot = drawing.rendered([[(0.25, 0.75)]])
    assert np.argwhere(dot > 127).mean(axis=0) == pytest.approx([0.75 * 280, 0.25 * 280], abs=1)
    assert not drawing.rendered([]).any()


@pytest.mark.parametrize(
    "value",
    [
        None,
        "draw",
        [1],
        [[1, 2]],
        [[[1]]],
        [[["a", "b"]]],
        [[[0.5, float("nan")]]],
        [[[0.5, 99]]],
        [[[True, False]]],
        [[[0.1, 0.1]] * 20_001],
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(value: object) -> None:
    with pytest.raises(InputError, match=r"^Drawing: "):
        drawing.strokes(value)


@given(st.binary(min_size=784, max_size=784))
def test_images_travel_as_text(data: bytes) -> None:
    image = np.frombuffer(data, np.uint8).reshape(28, 28)
    assert np.array_equal(drawing.from_text(drawing.as_text(image)), image)


@pytest.mark.parametrize("text", ["", "abc", "!!!!", "AAAA"])
def test_other_text_is_no_image(text: str) -> None:
    with pytest.raises(InputError, match=r"^Image: "):
        drawing.from_text(text)
