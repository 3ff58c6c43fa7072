import pandas as pd
import pytest

from mnist_lab.charts import inspection, results


def domains(spec: dict, axis: str) -> list:
    encodings = [layer["encoding"].get(axis, {}) for layer in spec["layer"]]
    return [encoding["scale"]["domain"] for encoding in encodings if "scale" in encoding]


def test_the_axis_of_seeds_has_room_for_their_intervals_and_ends_where_a_share_does() -> None:
    seeds = pd.DataFrame({"side": ["A: x", "A: x", "B: y"], "seed": [1, 2, 1], "value": [0.42, 0.46, 0.99]}).assign(
        mean=[0.44, 0.44, 0.99], low=[0.0, 0.0, float("nan")], high=[0.936, 0.936, float("nan")]
    )
    ((low, high),) = {tuple(domain) for domain in domains(results.spreads(seeds, "test accuracy").to_dict(), "x")}
    assert low == 0.0
    assert 0.99 < high <= 1.0


def test_every_side_of_a_verdict_has_its_label_and_room_for_its_seeds_on_a_small_screen() -> None:
    sides = [f"{letter}: {'a' * 60}" for letter in "ABCDEF"]
    seeds = pd.DataFrame({"side": sides, "seed": 1, "value": 0.5, "mean": 0.5, "low": 0.4, "high": 0.6})
    drawn = results.spreads(seeds, "test accuracy").to_dict()
    axis = drawn["layer"][0]["encoding"]["y"]["axis"]
    assert not axis["labelOverlap"], "Vega would leave out every second one"
    assert axis["labelLimit"] <= 120
    assert drawn["height"] >= 60 + 30 * len(sides), "Streamlit counts the axis into the height"


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.0, 0.95)])
def test_the_axis_of_accuracy_against_cost_stays_within_0_and_100_percent(low: float, high: float) -> None:
    points = pd.DataFrame(
        {"run": [1], "name": ["a"], "n": [2], "seconds": [0.0], "accuracy": [0.93], "low": [low], "high": [high]}
    ).assign(front=True)
    spec = results.costs(points, "seconds", "seconds", "accuracy", None).to_dict()
    for domain in domains(spec, "y"):
        assert 0 <= domain[0] <= low < high <= domain[1] <= 1
    scales = [layer["encoding"]["x"]["scale"]["type"] for layer in spec["layer"]]
    assert set(scales) == {"linear"}, "nothing is 0 on a logarithmic axis"


def test_curves_of_accuracy_end_at_100_percent() -> None:
    points = pd.DataFrame({"side": ["a", "a"], "run": 1, "seed": 1, "x": [1, 2], "validation_accuracy": [0.98, 1.0]})
    spec = results.compared(points, "epochs", "validation_accuracy", "accuracy", ["a"]).to_dict()
    assert {tuple(domain) for domain in domains(spec, "y")} == {(0.979, 1.0)}


def test_a_filter_that_is_better_off_stays_in_the_frame() -> None:
    points = pd.DataFrame({"channel": [0, 1], "accuracy": [0.5, 0.7]})
    spec = inspection.alone(points, 0.6).to_dict()
    assert all(domain[0] <= 0.5 and domain[1] >= 0.7 for domain in domains(spec, "y"))
