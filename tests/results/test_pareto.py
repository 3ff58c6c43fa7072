"""Which designs no other beats at less cost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import pareto
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, finished


@given(
    st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.0, np.nan]), st.sampled_from([0.1, 0.2, 0.3, np.nan])), max_size=12)
)
def test_the_front_is_what_nothing_beats(points: list[tuple[float, float]]) -> None:
    cost, accuracy = np.array(points, float).reshape(-1, 2).T
    found = pareto.front(cost, accuracy)
    for i, (c, a) in enumerate(points):
        beaten = any(
            (oc <= c and oa > a) or (oc < c and oa >= a) for oc, oa in points if not (np.isnan(oc) or np.isnan(oa))
        )
        assert found[i] == (not (np.isnan(c) or np.isnan(a)) and not beaten)


def test_every_cost_is_a_column_of_the_table(store: Store) -> None:
    finished(store, PRESETS["3x3"], 0.99)
    rows = pareto.with_bytes(Lab(store.url).reader(ADA).table())
    assert set(pareto.COSTS) <= set(rows.columns)
    assert rows["bytes"].tolist() == [4 * 13_338]  # float32
