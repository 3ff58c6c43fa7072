"""The pictures of guesses beside their outcome."""

import pandas as pd
import pytest

from mnist_lab.charts import guesses


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 30, 200])
def test_every_guess_is_one_dot_or_is_named_as_outside(count: int) -> None:
    numbers = [0.97 + 0.0001 * (7 * i % 40) for i in range(count)]
    frame = guesses.shown(numbers, 0.9897)
    points = guesses.dots(numbers, None, frame)
    assert len(points) + len(guesses.outside(numbers, frame)) == count
    assert not points.duplicated(["at", "level"]).any(), "none lies on another"
    assert frame[0] < 0.9897 < frame[1]


def test_far_guesses_do_not_press_the_others_together_and_are_not_lost() -> None:
    numbers = [0.1, 0.5, *(0.98 + 0.001 * i for i in range(10))]
    frame = guesses.shown(numbers, 0.985)
    assert frame[0] > 0.9
    assert guesses.outside(numbers, frame) == [0.1, 0.5]
    assert guesses.shown(numbers, 0.985, 0.1)[0] < 0.1, "one's own is always there"
    assert guesses.shown([0.1, 0.98])[0] < 0.1, "nor is one of few left out"


def test_equal_guesses_are_a_pile_with_ones_own_at_its_foot() -> None:
    points = guesses.dots([0.9] * 5, 0.9, (0.8, 1.0))
    assert points["level"].tolist() == [1, 2, 3, 4, 5]
    assert points["who"].tolist() == ["your guess"] + ["a guess"] * 4
    assert points["at"].iloc[0] == pytest.approx(0.9, abs=0.2 / guesses.BINS)


def test_equal_numbers_still_have_an_axis() -> None:
    low, high = guesses.shown([60.0, 60.0], 60.0)
    assert low < 60 < high


def words(spec: dict) -> list[str]:
    return [
        row["words"] for rows in spec["datasets"].values() for row in rows if isinstance(row, dict) and "words" in row
    ]


def test_the_outcome_is_a_line_with_its_value_and_ones_own_has_another_shape() -> None:
    spec = guesses.numbers([0.97, 0.98], 0.9897, 0.98, "validation accuracy", is_share=True).to_dict()
    assert words(spec) == ["it was 98.97 %", "you"]
    shapes = [layer["mark"]["shape"] for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    assert shapes == ["circle", "diamond"], "never told apart by colour alone"
    domains = {tuple(layer["encoding"]["x"]["scale"]["domain"]) for layer in spec["layer"]}
    assert len(domains) == 1
    assert spec["layer"][0]["encoding"]["x"]["axis"]["format"].endswith("%")


def test_without_an_outcome_no_line_is_drawn() -> None:
    spec = guesses.numbers([10, 20], None, None, "seconds", is_share=False).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["point", "point"]
    assert words(guesses.numbers([10, 20], 74.2, None, "seconds", is_share=False).to_dict()) == ["it was 74.2 s"]


def test_options_have_their_names_and_numbers_and_say_which_came_out() -> None:
    names = ["A: 3x3", "B: 7x7", "no real difference"]
    spec = guesses.options(names, [12, 5, 3], 1, 0).to_dict()
    (rows,) = (pd.DataFrame(rows) for rows in spec["datasets"].values())
    assert rows["label"].tolist() == ["A: 3x3 · your guess", "B: 7x7 · came out", "no real difference"]
    assert rows["count"].tolist() == [12, 5, 3]
    assert "came out" not in str(guesses.options(names, [0, 0, 0], None, None).to_dict()["datasets"])
