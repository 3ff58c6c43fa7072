"""What the charts that Altair makes have in common."""

import altair as alt
import pandas as pd
import pytest

from mnist_lab.charts import vega


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
