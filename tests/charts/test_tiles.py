"""Numbers as small pictures."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mnist_lab.charts import tiles


def test_blue_where_positive_orange_where_negative_white_at_zero_grey_where_missing() -> None:
    picture = tiles.tinted(np.array([[2.0, -1.0], [0.0, np.nan]]))
    assert picture.tolist() == [[[0, 114, 178], [234, 174, 128]], [[255, 255, 255], [205, 205, 205]]]
    assert tiles.tinted(np.zeros((1, 1))).tolist() == [[[255, 255, 255]]]
    assert tiles.tinted(np.array([[1.0]]), most=2).tolist() == [[[128, 184, 216]]]


def test_a_montage_has_every_map_and_lines_between_them() -> None:
    maps = np.stack([np.full((2, 3), i, float) for i in range(5)], axis=-1)
    picture = tiles.montage(maps, across=3)
    assert picture.shape == (5, 11)
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[:, 3]).all()
    assert (picture[0, 0], picture[0, 4], picture[0, 8], picture[3, 0], picture[3, 4]) == (0, 1, 2, 3, 4)
    assert np.isnan(picture[3, 8])
    assert tiles.montage(maps).shape == (5, 11)


def test_digits_and_overlays_keep_their_shape() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 4] = 255
    assert tiles.digit(image, 2).shape == (56, 56)
    assert tiles.digit(image, 1)[3, 4] == 0
    importance = np.zeros((28, 28))
    importance[0, 0] = 1
    over = tiles.overlay(image, importance, times=1)
    assert over[0, 0].tolist() == [0, 114, 178]
    assert over[3, 4].max() < 200
    assert over[10, 10].tolist() == [255, 255, 255]


def test_a_strip_is_filled_up_and_a_frame_goes_around() -> None:
    found = tiles.strip(np.arange(5), across=3)
    assert found[0].tolist() == [0, 1, 2]
    assert np.isnan(found[1, 2])
    assert tiles.strip(np.arange(5)).shape == (1, 5)
    assert tiles.framed(np.zeros((2, 2, 3), np.uint8)).shape == (4, 4, 3)
    assert tiles.framed(np.zeros((2, 2), np.uint8))[0].tolist() == [205] * 4


def test_a_part_of_a_picture_is_framed_in_black_and_white_and_stays_readable() -> None:
    values = np.arange(20.0).reshape(4, 5)
    picture = tiles.marked(values, 10, corner=(1, 2), size=(2, 3))
    assert picture.shape == (42, 52, 3)
    plain = tiles.framed(tiles.enlarged(tiles.tinted(values), 10))
    rows, columns = np.nonzero((picture != plain).any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 31, 20, 51)
    assert picture[10, 30].tolist() == [0, 0, 0]
    assert picture[12, 30].tolist() == [255, 255, 255]
    assert picture[15, 25].tolist() == plain[15, 25].tolist()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_an_address_holds_the_whole_picture(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    kind, data = tiles.url(picture).split(",", 1)
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), picture)
