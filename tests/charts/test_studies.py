"""The charts of a study's answer."""

from itertools import pairwise, product

import pandas as pd
import pytest

from mnist_lab.charts import studies
from mnist_lab.charts.style import look
from mnist_lab.charts.vega import apart, styled

LEVELS = ["2×2", "3×3", "5×5"]


def cells(**changes: list) -> pd.DataFrame:
    found = {"level": LEVELS, "mean": [0.985, 0.99, 0.991], "low": [0.984, 0.989, 0.99], "high": [0.986, 0.991, 0.992]}
    return pd.DataFrame(found | {"n": 3, "note": ""} | changes)


def seeds(*missing: tuple[str, int]) -> pd.DataFrame:
    rows = [
        {"level": level, "seed": seed, "value": None if (level, seed) in missing else 0.98 + i / 200 + seed / 10_000}
        for (i, level), seed in product(enumerate(LEVELS), (1, 2, 3))
    ]
    return pd.DataFrame(rows).astype({"value": float})


def layer(spec: dict, mark: str, number: int = 0) -> dict:
    return [one for one in spec["layer"] if one["mark"]["type"] == mark][number]


def rows(spec: dict, one: dict) -> list[dict]:
    return spec["datasets"][one.get("data", spec.get("data"))["name"]]


def below(spec: dict) -> str:
    """What stands below the levels where there is room."""
    return spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"].split(" : ", 1)[1]


def domains(spec: dict) -> set[tuple[float, ...]]:
    return {tuple(one["encoding"]["y"]["scale"]["domain"]) for one in spec["layer"] if "field" in one["encoding"]["y"]}


def test_levels_stand_in_their_order_with_a_thin_line_a_seed_and_a_bar_a_mean() -> None:
    drawn = studies.levels(seeds(), cells(), "Kernel size", "test accuracy").to_dict()
    for one in drawn["layer"]:
        assert one["encoding"]["x"]["scale"]["domain"] == LEVELS
        assert one["encoding"]["x"]["title"] == "Kernel size"
    line, interval, mean = (
        layer(drawn, "line"),
        layer(drawn, "rule"),
        layer(drawn, "point", 1),
    )
    assert line["encoding"]["detail"]["field"] == "seed"
    assert line["mark"]["strokeWidth"] < 1.5 < interval["mark"]["strokeWidth"]
    assert (interval["encoding"]["y"]["field"], interval["encoding"]["y2"]["field"]) == ("low", "high")
    assert mean["encoding"]["y"]["field"] == "mean"
    assert '"3×3": ["3×3", "99.00%"]' in below(drawn)


def test_the_axis_shows_the_part_of_the_scale_where_the_results_are_in_every_layer() -> None:
    (domain,) = domains(studies.levels(seeds(), cells(), "Kernel size", "test accuracy").to_dict())
    assert 0.97 < domain[0] <= 0.9801
    assert 0.992 <= domain[1] < 1


def test_a_run_without_a_result_breaks_the_line_of_its_seed_and_is_counted_below_its_level() -> None:
    drawn = studies.levels(
        seeds(("3×3", 2)), cells(note=["", "1 diverged", ""]), "Kernel size", "test accuracy"
    ).to_dict()
    its = [row for row in rows(drawn, layer(drawn, "line")) if row["seed"] == 2]
    assert [row["level"] for row in its] == LEVELS, "else the line would go straight on to the next level"
    assert its[1]["value"] is None
    assert '"3×3": ["3×3", "99.00%", "1 diverged"]' in below(drawn)


def test_where_there_are_too_few_seeds_for_an_interval_the_rest_is_drawn() -> None:
    none = [float("nan")] * 3
    drawn = studies.levels(seeds(), cells(low=none, high=none), "Kernel size", "test accuracy").to_dict()
    ((low, high),) = domains(drawn)
    assert 0.97 < low < high < 1
    empty = studies.levels(seeds(), cells(mean=none, low=none, high=none), "Kernel size", "test accuracy").to_dict()
    assert '"3×3": ["3×3"]' in below(empty)


def test_a_name_of_several_parts_is_written_in_lines() -> None:
    names = ["3x3 · kernel 2", 'a "b" \\']
    found = cells().head(2).assign(level=names)
    drawn = studies.levels(seeds().head(0), found, "Design", "test accuracy").to_dict()
    assert '{"3x3 · kernel 2": ["3x3", "kernel 2", "98.50%"], "a \\"b\\" \\\\": ["a \\"b\\" \\\\", "99.00%"]}' in below(
        drawn
    )


def both(count: int = 2, mean: float = 0.98) -> pd.DataFrame:
    found = [
        {"first": a, "second": b, "mean": mean + i / 1000 + j / 500}
        for (i, a), (j, b) in product(enumerate(LEVELS), enumerate([f"0.{n}" for n in range(count)]))
    ]
    return pd.DataFrame(found).assign(low=lambda t: t["mean"] - 0.001, high=lambda t: t["mean"] + 0.001, n=5)


def test_lines_of_an_interaction_differ_in_colour_dash_and_shape_and_no_interval_hides_another() -> None:
    drawn = studies.interaction(both(3), ("Kernel size", "Dropout"), "test accuracy").to_dict()
    lines = [one["mark"] for one in drawn["layer"] if one["mark"]["type"] == "line"]
    points = [one["mark"] for one in drawn["layer"] if one["mark"]["type"] == "point"][:3]
    assert [mark["color"] for mark in lines] == [look(number).colour for number in range(3)]
    assert [mark.get("strokeDash", []) for mark in lines] == [list(look(number).dash) for number in range(3)]
    assert [mark["shape"] for mark in points] == [look(number).shape for number in range(3)]
    shifts = [one["mark"]["xOffset"] for one in drawn["layer"] if one["mark"]["type"] == "rule"]
    assert len(set(shifts)) == 3
    assert sum(shifts) == pytest.approx(0), "the middle one stands on its level"
    assert not [one for one in drawn["layer"] if (one["encoding"].get("color") or {}).get("legend")]


def test_the_name_of_each_line_stands_at_its_end_and_on_no_other() -> None:
    same = both(3).assign(mean=0.98)
    drawn = studies.interaction(same, ("Kernel size", "Dropout"), "test accuracy").to_dict()
    names = rows(drawn, layer(drawn, "text"))
    assert {row["label"] for row in names} == {"Dropout 0.0", "Dropout 0.1", "Dropout 0.2"}
    (low, high), places = domains(drawn).pop(), sorted(row["place"] for row in names)
    assert min(b - a for a, b in pairwise(places)) >= 0.05 * (high - low)
    assert low <= places[0] < places[-1] <= high


def test_every_layer_of_an_interaction_has_the_same_scale() -> None:
    assert len(domains(studies.interaction(both(), ("Kernel size", "Dropout"), "test accuracy").to_dict())) == 1


def test_a_level_without_a_result_leaves_its_line_and_its_name_where_there_is_one() -> None:
    found = both()
    found.loc[found["second"] == "0.1", ["mean", "low", "high"]] = None
    drawn = studies.interaction(found, ("Kernel size", "Dropout"), "test accuracy").to_dict()
    assert {row["label"] for row in rows(drawn, layer(drawn, "text"))} == {"Dropout 0.0"}


def test_in_a_presentation_everything_is_larger_also_the_distance_between_intervals() -> None:
    def shift(scale: float) -> float:
        chart = styled(studies.interaction(both(), ("Kernel size", "Dropout"), "test accuracy"), scale).to_dict()
        return layer(chart, "rule")["mark"]["xOffset"]

    assert shift(1.5) == 1.5 * shift(1.0)
    large = styled(studies.levels(seeds(), cells(), "Kernel size", "test accuracy"), 1.5).to_dict()
    assert large["height"] == 630


def test_words_at_the_ends_of_lines_stay_on_the_scale_in_their_order() -> None:
    assert apart([], (0.0, 1.0)) == []
    assert apart([0.2, 0.8], (0.0, 1.0)) == [0.2, 0.8]
    top = apart([0.99, 0.99, 1.0], (0.0, 1.0))
    assert top == sorted(top)
    assert top[-1] == 1.0
    assert top[1] - top[0] == pytest.approx(0.06)


def test_intervals_may_leave_the_part_of_the_scale_that_is_drawn() -> None:
    """One level that varies widely would else make all others a line."""
    cells = pd.DataFrame(
        {
            "first": ["2", "3"],
            "second": ["a", "a"],
            "mean": [0.95, 0.99],
            "low": [0.5, 0.98],
            "high": [1, 0.995],
            "n": 10,
        }
    )
    drawn = studies.interaction(cells, ("Kernel size", ""), "test accuracy", (0.94, 1.0)).to_dict()
    scales = [layer["encoding"]["y"]["scale"]["domain"] for layer in drawn["layer"]]
    assert scales == [[0.94, 1.0]] * len(scales)
    assert [layer["mark"]["clip"] for layer in drawn["layer"] if layer["mark"]["type"] == "rule"] == [True]
