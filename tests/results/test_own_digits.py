"""A set of people's own digits, its files, and how well networks read it."""

import io

import numpy as np
from PIL import Image

from mnist_lab.results import own_digits
from mnist_lab.results.own_digits import DigitSet, next_label, npz, score, sheet
from mnist_lab.store.digits import Digit


def digit(number: int, label: int, person: str = "pupil 1", thrown_out: float | None = None) -> Digit:
    return Digit(number, 1, person, label, bytes([number % 256]) * 784, 1.0, thrown_out)


SET = DigitSet((digit(1, 3), digit(2, 3, "pupil 2"), digit(3, 7, "pupil 2"), digit(4, 7, "pupil 3", 2.0)))


def test_the_count_says_by_how_many_and_how_many_were_thrown_out() -> None:
    assert SET.words == "3 digits by 2 people, 1 thrown out"
    assert DigitSet((digit(1, 3),)).words == "1 digit by 1 person"
    assert DigitSet(()).words == "0 digits"
    assert SET.labels.tolist() == [3, 3, 7]
    assert DigitSet(()).images.shape == (0, 28, 28)


def test_each_digit_is_asked_for_in_turn_so_that_the_set_is_balanced() -> None:
    drawn: list[Digit] = []
    asked = []
    for number in range(12):
        asked.append(next_label(drawn))
        drawn.append(digit(number, asked[-1]))
    assert asked == [*range(10), 0, 1]
    assert next_label([digit(1, 0), digit(2, 1, thrown_out=2.0)]) == 1, "one that was thrown out is asked for again"


def test_the_mean_images_are_those_of_what_counts() -> None:
    means = SET.means()
    assert means[3].max() == means[3].min() == 2  # 1.5, rounded to even
    assert means[7].max() == 3
    assert not means[0].any()


def test_the_file_is_read_back_with_the_drawers_as_they_are_to_be_called() -> None:
    with np.load(io.BytesIO(npz(SET, {"pupil 2": "Béa"})), allow_pickle=False) as file:
        assert file["images"].shape == (3, 28, 28)
        assert file["images"].dtype == file["labels"].dtype == np.uint8
        assert (file["images"] == SET.images).all()
        assert file["labels"].tolist() == [3, 3, 7]
        assert file["drawers"].tolist() == ["teacher", "Béa", "Béa"]
    with np.load(io.BytesIO(npz(DigitSet(()), {})), allow_pickle=False) as file:
        assert {name: file[name].shape for name in file.files} == {
            "images": (0, 28, 28),
            "labels": (0,),
            "drawers": (0,),
        }


def test_the_sheet_has_a_row_for_each_label_and_more_where_one_is_full() -> None:
    def size(found: DigitSet) -> tuple[int, int]:
        return Image.open(io.BytesIO(sheet(found))).size

    width = own_digits.MARGIN + own_digits.ACROSS * own_digits.CELL
    assert size(SET) == (width, own_digits.HEAD + 2 * own_digits.CELL)
    many = DigitSet(tuple(digit(number, 5) for number in range(own_digits.ACROSS + 1)))
    assert size(many) == (width, own_digits.HEAD + 2 * own_digits.CELL)
    assert size(DigitSet(())) == (width, own_digits.HEAD + own_digits.CELL)
    shown = np.asarray(Image.open(io.BytesIO(sheet(SET))))
    assert (shown[own_digits.HEAD + 30, own_digits.MARGIN + 30], shown[-20, own_digits.MARGIN + 30]) == (254, 252)


def test_a_score_says_how_many_are_right_by_digit_and_which_are_wrong() -> None:
    probabilities = np.zeros((3, 10))
    probabilities[0, 3], probabilities[1, 8], probabilities[2, 1] = 0.9, 0.6, 0.8
    found = score(SET.kept, probabilities)
    assert (found.whole.right, found.whole.of, found.whole.people) == (1, 3, 2)
    assert (found.by_digit[3].right, found.by_digit[3].of) == (1, 2)
    assert (found.by_digit[7].right, found.by_digit[7].of, found.by_digit[7].people) == (0, 1, 1)
    assert found.by_digit[0] is None
    assert [(wrong.digit.id, wrong.says, wrong.sure) for wrong in found.mistakes] == [(3, 1, 0.8), (2, 8, 0.6)]
