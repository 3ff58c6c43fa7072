"""The pictures of a design."""

import subprocess
import sys

import altair as alt
import numpy as np

from mnist_lab.charts import design
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.network import trace
from mnist_lab.design.presets import PRESETS
from tests.builders.processes import ROOT


def test_the_diagram_is_to_scale_and_marks_the_open_block() -> None:
    table = design.stages(trace(PRESETS["3x3"].architecture), chosen=1)
    assert list(table["stage"].unique()) == ["Image", "Block 1", "Block 2", "Block 3", "Vector", "Dense 1", "Output"]
    first = table[table["stage"] == "Block 1"]
    assert len(first) == 5  # 16 channels are four doublings of one
    assert set(first["x2"] - first["x"]) == set(first["y2"] - first["y"]) == {26.0}
    assert set(table.loc[table["kind"] == "open", "stage"]) == {"Block 2"}
    spec = design.diagram(100.0)
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
    table = design.stages(trace(network), chosen=None)
    assert set(table.loc[table["mark"] != "", "stage"]) == {"Block 5"}


def test_a_digit_is_drawn_with_its_frame() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 5] = 200
    points = design.receptive_field_points(image, ((0, 2), (23, 25))).set_index("kind")
    assert points.loc["ink", ["x", "y", "ink"]].tolist() == [5, 3, 200]
    assert points.loc["frame", ["x", "y", "x2", "y2"]].tolist() == [2, 0, 25, 23]
    assert design.receptive_field()["width"] == design.receptive_field()["height"]


def test_the_specifications_are_valid_vega_lite() -> None:
    for spec in (design.diagram(90.5), design.diagram(90.5, upright=20)):
        chart = alt.Chart.from_dict({**spec, "data": {"name": "stages"}})  # refuses what the schema does not have
        assert [str(one.name.to_dict()) for one in chart.params] == ["stage"]
    assert len(alt.Chart.from_dict({**design.receptive_field(), "data": {"name": "field"}}).layer) == 3
    alt.Chart.from_dict({**design.schedule(7, 0.12), "data": {"name": "rates"}})


def test_the_learning_rate_is_drawn_over_all_epochs() -> None:
    encoding = design.schedule(7, 0.12)["encoding"]
    assert (encoding["x"]["scale"]["domain"], encoding["y"]["scale"]["domain"]) == ([0, 7], [0, 0.12])


def test_the_design_page_does_not_wait_for_altair() -> None:
    modules = ", ".join(
        f"mnist_lab.ui.design.{name}" for name in ("baseline", "blocks", "controls", "share", "summary")
    )
    code = f"import sys, {modules}\nprint('altair' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"
