"""Drawings as HTML."""

from mnist_lab.results.own_digits import Mistake
from mnist_lab.store.digits import Digit
from mnist_lab.ui.lesson import digit_pictures


def digit(number: int, label: int, thrown_out: float | None = None) -> Digit:
    return Digit(number, 1, "pupil 1", label, bytes(784), 1.0, thrown_out)


def test_what_people_are_called_is_text_whatever_it_is() -> None:
    name = "<script>alert(1)</script>"
    assert name not in digit_pictures.gallery([digit(1, 3)], {1: name})
    shown = digit_pictures.wrong([Mistake(digit(1, 8), 3, 0.9)], {"pupil 1": name})
    assert name not in shown
    assert "&lt;script&gt;" in shown
    assert "<strong>says 3</strong><br>it is an 8" in shown
    assert "by " not in digit_pictures.wrong([Mistake(digit(1, 8), 3, 0.9)], {})


def test_what_was_thrown_out_is_crossed_out_and_said_to_be() -> None:
    shown = digit_pictures.gallery([digit(1, 3), digit(2, 8, 2.0)], {1: "1", 2: "2"})
    assert shown.count('class="out"') == 1
    assert 'alt="an 8, thrown out"' in shown
    assert 'alt="a 3"' in shown


def test_rows_are_by_label_and_on_the_stage_all_ten_are_there() -> None:
    found = [digit(1, 3), digit(2, 3), digit(3, 8)]
    assert digit_pictures.rows(found).count("<tr>") == 2
    staged = digit_pictures.rows(found, is_stage=True)
    assert staged.count("<tr>") == 10
    assert "--most:2" in staged
