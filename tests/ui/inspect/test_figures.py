"""Figures of the Inspect page as HTML."""

import re

import numpy as np
import pytest

from mnist_lab.charts.style import look
from mnist_lab.ui.inspect import figures

LOOK = look(0)


def test_each_digit_has_a_bar_as_long_as_its_probability_and_a_whole_label() -> None:
    probabilities = np.array([0.0, 0.25, 0, 0, 0, 0.7496, 0.0002, 0, 0, 0.0002])
    drawn = figures.bars(probabilities, "a <b> & c", LOOK)
    assert re.findall(r"width:([\d.]+)%", drawn) == ["0.0", "25.0", "0.0", "0.0", "0.0", "75.0", *["0.0"] * 4]
    assert re.findall(r"<td>([\d.]+)\u00a0%</td>", drawn)[5] == "75.0"
    assert drawn.count("<tr class=most>") == 1
    assert '<tr class=most><th scope="row">5<' in drawn
    assert "a &lt;b&gt; &amp; c" in drawn
    assert LOOK.colour in drawn


def test_before_anything_is_drawn_no_digit_is_the_answer_and_none_has_a_probability() -> None:
    drawn = figures.bars(None, "x", LOOK)
    assert drawn.count("<td>–</td>") == drawn.count("<tr>") == 10
    assert "most" not in drawn
    assert 'bar"' not in drawn
    assert "%" not in drawn
    assert '<span class="no digit" aria-hidden="true">·</span>' in figures.headline("x", LOOK, figures.NO_ANSWER, "y")


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.0004, "0 %"), (0.001, "0.1 %"), (0.5, "50.0 %"), (0.9996, "over 99.9 %"), (1, "100 %")],
)
def test_a_probability_has_a_decimal_where_it_is_neither_nothing_nor_all(share: float, words: str) -> None:
    assert figures.percent(share) == words.replace(" %", "\u00a0%")


def test_a_bar_of_all_but_a_little_does_not_say_all() -> None:
    nearly = np.array([0.99964, *[0.00004] * 9])
    assert "<td>&gt;99.9\u00a0%</td>" in figures.bars(nearly, "x", LOOK)
    assert "100\u00a0%" not in figures.bars(nearly, "x", LOOK)


def test_what_a_network_says_stands_beside_its_look_and_name() -> None:
    drawn = figures.headline("run 1: <b>", LOOK, "7", "It says 7")
    assert '<span class="digit" aria-hidden="true">7</span>' in drawn
    assert "run 1: &lt;b&gt;" in drawn
    assert "data:image/svg+xml," in drawn
    assert "<p>It says 7</p>" in drawn


def test_each_map_is_a_picture_with_its_number_and_a_text_alternative() -> None:
    values = np.zeros((4, 5, 24))
    values[1, 2, 7] = 2.5
    drawn = figures.maps(values, "Map", most=5)
    assert drawn.count("<img ") == drawn.count("<figcaption>") == 24
    assert 'alt="Map 7: at most 2.5"' in drawn
    assert 'alt="Map 0: at most −1"' in figures.maps(np.full((1, 1, 1), -1.0), "Map")
    assert "--across:12" in drawn, "two full rows"
    assert "--across:3" in figures.maps(values[:, :, :3], "x")


def test_patch_times_kernel_is_written_out_with_the_sum() -> None:
    patch, kernel = np.array([[1.0, 0.5], [0.0, -1.0]]), np.array([[2.0, -1.0], [3.0, 0.25]])
    drawn = figures.arithmetic(patch, kernel)
    assert re.findall(r"<caption>(\w+)", drawn) == ["patch", "kernel", "products"]
    cells = re.findall(r">([−\d.]+)</td>", drawn)
    assert cells[8:] == ["2.00", "−0.50", "0.00", "−0.25"]
    assert "<strong>1.2500</strong>" in drawn


def test_a_number_in_a_cell_is_read_on_its_colour() -> None:
    drawn = figures.numbers(np.array([[1.0, -1.0, 0.0]]), "x")
    assert re.findall(r"background:rgb\(([\d,]+)\);color:(#\w+)", drawn) == [
        ("0,114,178", "#fff"),
        ("213,94,0", "#000"),
        ("255,255,255", "#000"),
    ]


def test_a_minus_sign_is_as_books_print_it() -> None:
    assert [figures.minus(number) for number in ("-45", "+1.20", "0.5", "-1e-05")] == ["−45", "+1.20", "0.5", "−1e-05"]


def test_zero_has_no_sign() -> None:
    assert (figures.signed(-0.001), figures.signed(-0.01), figures.signed(0.5, 1)) == ("0.00", "−0.01", "0.5")
