import numpy as np
import pandas as pd

from mnist_lab import charts, notebook
from mnist_lab.architecture import Architecture, ConvBlock, trace
from mnist_lab.presets import PRESETS


def test_the_notebooks_log_stands_beside_our_runs() -> None:
    ours = pd.DataFrame({"name": ["3x3"], "run_id": [7], "epoch": [1], "validation_accuracy": [0.94]})
    points = charts.reproduction_points("3x3", notebook.epochs(), ours)
    assert points.groupby("line")["value"].count().to_dict() == {"notebook": 12, "run 7": 1}
    charts.reproduction("3x3", points).to_dict()


def test_a_line_for_each_seed() -> None:
    points = pd.DataFrame({"run_id": [1, 2], "seed": [1, 2], "epoch": [1, 1], "validation_accuracy": [0.9, 0.91]})
    charts.seeds(points, 3).to_dict()


def test_the_diagram_is_to_scale_and_marks_the_open_block() -> None:
    table = charts.stages(trace(PRESETS["3x3"].architecture), chosen=1)
    assert list(table["stage"].unique()) == ["Image", "Block 1", "Block 2", "Block 3", "Vector", "Dense 1", "Output"]
    first = table[table["stage"] == "Block 1"]
    assert len(first) == 5  # 16 channels are four doublings of one
    assert set(first["x2"] - first["x"]) == set(first["y2"] - first["y"]) == {26.0}
    assert set(table.loc[table["kind"] == "open", "stage"]) == {"Block 2"}
    spec = charts.diagram(100.0, crowded=False)
    scales = {axis: spec["layer"][0]["encoding"][axis]["scale"] for axis in "xy"}
    # A range is a count of the image's pixels times what one of them measures on the screen.
    (across, pixel), (down, same) = (
        next(end for end in scales[axis]["range"] if end)["expr"].split(" * ") for axis in "xy"
    )
    assert pixel == same
    lengths = [high - low for low, high in (scales[axis]["domain"] for axis in "xy")]
    assert lengths == [float(across), float(down)]
    assert "data" not in spec


def test_the_diagram_marks_the_first_block_that_sees_the_whole_image() -> None:
    network = Architecture(blocks=tuple(ConvBlock(filters=1, kernel_size=7, padding="same") for _ in range(6)))
    table = charts.stages(trace(network), chosen=None)
    assert set(table.loc[table["mark"] != "", "stage"]) == {"Block 5"}


def test_a_digit_is_drawn_with_its_frame() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 5] = 200
    points = charts.seen_points(image, ((0, 2), (23, 25))).set_index("kind")
    assert points.loc["ink", ["x", "y", "ink"]].tolist() == [5, 3, 200]
    assert points.loc["frame", ["x", "y", "x2", "y2"]].tolist() == [2, 0, 25, 23]
    assert charts.seen()["width"] == charts.seen()["height"]


def test_the_learning_rate_is_drawn_over_all_epochs() -> None:
    assert charts.schedule(7)["encoding"]["x"]["scale"]["domain"] == [0, 7]
