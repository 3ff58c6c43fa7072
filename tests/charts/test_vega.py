"""What the charts that Altair makes have in common."""

import altair as alt
import pandas as pd
import pytest

from mnist_lab.charts import style, vega


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ([0.97, 0.99], [0.969, 0.991]),
        ([-0.05, 0.94], [0.0, 0.9776]),
        ([0.9, 1.04], [0.896, 1.0]),
        ([1.0], [0.999, 1.0]),
        ([float("nan")], [0, 1]),
        ([], [0, 1]),
    ],
)
def test_an_axis_of_shares_stays_within_0_and_100_percent(values: list[float], domain: list[float]) -> None:
    shown = vega.shares(pd.Series(values, dtype=float))
    assert shown == pytest.approx(domain)
    axis = vega.accuracy(alt.Y, "accuracy", "test accuracy", shown).to_dict()
    assert axis["scale"] == {"domain": list(shown), "nice": False}, "rounded ends would lie outside"


def test_a_specification_leaves_its_data_beside_it() -> None:
    chart = alt.Chart(alt.NamedData("points")).mark_point().encode(x="x:Q")
    spec = vega.without_data(chart)
    assert "data" not in spec
    assert spec["encoding"] == {"x": {"field": "x", "type": "quantitative"}}


def test_a_chart_of_altair_is_styled_as_a_specification_is() -> None:
    points = pd.DataFrame({"x": [1, 2]})
    base = alt.Chart(points).encode(x="x:Q")
    chosen = alt.selection_point(name="chosen")
    one = base.mark_point(size=60).add_params(chosen).properties(height=200)
    two = (base.mark_line(strokeWidth=3) + base.mark_tick(size=36) + base.mark_rule()).properties(height=200)
    for chart in (one, two):
        before = chart.to_dict()
        expected = style.enlarged(before, 1.5)
        found = vega.styled(chart, 1.5).to_dict()
        assert found["height"] == 300
        assert found.get("mark") == expected.get("mark")
        assert found.get("layer") == expected.get("layer")
        assert {"name": style.SCALE, "value": 1.5} in found["params"]
        assert expected["config"].items() <= found["config"].items()
