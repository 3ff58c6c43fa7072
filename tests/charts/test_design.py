"""The pictures of a design."""

import base64
import io
import subprocess
import sys

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from mnist_lab.charts import design
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.network import trace
from mnist_lab.design.presets import PRESETS
from tests.builders.processes import ROOT

DIGIT = np.zeros((28, 28), np.uint8)


def stages(preset: str, **options: object) -> pd.DataFrame:
    return design.stages(trace(PRESETS[preset].architecture), **{"chosen": None, "digit": DIGIT, **options})


def pixels(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))


def test_the_diagram_is_to_scale_and_marks_the_open_block() -> None:
    table = stages("3x3", chosen=1)
    assert list(table["stage"].unique()) == ["Image", "Block 1", "Block 2", "Block 3", "Vector", "Dense 1", "Output"]
    first = table[table["stage"] == "Block 1"]
    assert len(first) == 5  # 16 channels are four doublings of one
    assert set(first["x2"] - first["x"]) == set(first["y2"] - first["y"]) == {26.0}
    assert set(table.loc[table["kind"] == "open", "stage"]) == {"Block 2"}
    assert table.groupby("number")["begins"].sum().tolist() == [1] * 7, "each stage takes its room once"
    spec = design.diagram(design.Proportions.of(table))
    places = {step["as"]: step["calculate"] for step in spec["transform"] if "calculate" in step}
    # One pixel of the image measures the same on the screen in both directions.
    assert "pixel * (datum.x - datum.wide / 2)" in places["screen_x"]
    assert places["screen_y"] == "middle - pixel * datum.y"
    assert "data" not in spec


def test_the_sizes_of_a_diagram_follow_from_what_it_shows() -> None:
    shown = design.Proportions.of(stages("3x3"))
    assert shown.widths[:2] == (26 + 4 * 1.2, 28.0)
    assert (shown.up, shown.down) == (13 + 4 * 1.2, 14.0)
    assert shown.letters == len("26×26×16")
    assert shown.short == len("Image") == len("28×28")


def test_labels_are_horizontal_whole_and_at_least_14_pixels_high() -> None:
    spec = design.diagram(design.Proportions.of(stages("residual")))
    words = [layer["mark"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert len(words) == 2, "two lines"
    assert all("angle" not in mark and mark["fontSize"] == {"expr": "letters"} for mark in words)
    (letters,) = [one["expr"] for one in spec["params"] if one["name"] == "letters"]
    assert letters.startswith("clamp(")
    assert ", 14, " in letters


def test_the_first_block_that_sees_the_whole_image_says_so_and_all_after_it() -> None:
    network = Architecture(blocks=tuple(ConvBlock(filters=1, kernel_size=7, padding="same") for _ in range(6)))
    table = design.stages(trace(network), None, DIGIT)
    assert set(table.loc[table["field"].str.contains("covers the image"), "stage"]) == {"Block 5", "Block 6"}


def test_the_digit_is_drawn_with_the_frame_of_a_receptive_field() -> None:
    digit = DIGIT.copy()
    digit[3, 5] = 200
    table = stages("3x3", digit=digit, seen_by=0)
    (frame,) = table[table["kind"] == "frame"].to_dict("records")
    assert (frame["stage"], frame["x2"] - frame["x"], frame["y2"] - frame["y"]) == ("Image", 3, 3)
    (image,) = table[(table["stage"] == "Image") & (table["sheet"] == 0)].to_dict("records")
    assert (image["x"], image["x2"], image["y"], image["y2"]) == (0, 28, -14, 14)
    picture = pixels(image["picture"])
    assert picture[2 + 8 * 3, 2 + 8 * 5] == 55
    assert picture[2 + 8 * 3, 2 + 8 * 6] == 255


def test_an_arc_leads_from_a_residual_blocks_input_to_its_output() -> None:
    table = stages("residual")
    arcs = table[table["kind"] == "arc"]
    assert arcs["arc"].nunique() == 8
    first = arcs[arcs["arc"] == arcs["arc"].min()].sort_values("point")
    assert first["stage"].tolist() == ["Block 1", "Block 1", "Block 2", "Block 2"]
    assert first["y"].iloc[1] == first["y"].iloc[2] == first["y"].max()


def test_maps_of_a_trained_network_take_the_place_of_the_sheets_the_strongest_in_front() -> None:
    traced = trace(PRESETS["3x3"].architecture)
    outputs = {number: np.zeros(row.output_shape, np.float32) for number, row in enumerate(traced)}
    last_of_first = max(number for number, row in enumerate(traced) if row.block == 0)
    outputs[last_of_first][:, :, 11] = 1.0
    drawn = design.pictures(traced, outputs)
    table = stages("3x3", drawn=drawn)
    sheets = table[table["sheet"] >= 0]
    assert sheets["picture"].notna().all(), "each sheet of each stage, vectors too"
    (front,) = table.loc[(table["stage"] == "Block 1") & (table["sheet"] == 0), "picture"]
    assert pixels(front)[80, 80].tolist() == [0, 114, 178], "full blue"
    (behind,) = table.loc[(table["stage"] == "Block 1") & (table["sheet"] == 1), "picture"]
    assert pixels(behind)[80, 80].tolist() == [255, 255, 255]
    untrained = stages("3x3")
    assert set(untrained.loc[untrained["picture"].notna(), "stage"]) == {"Image"}


def test_the_specifications_are_valid_vega_lite() -> None:
    for preset in ("3x3", "residual"):
        spec = design.diagram(design.Proportions.of(stages(preset)))
        chart = alt.Chart.from_dict({**spec, "data": {"name": "stages"}})  # refuses what the schema does not have
        assert "stage" in [
            str(one.name.to_dict()) if hasattr(one.name, "to_dict") else one.name for one in chart.params
        ]
    alt.Chart.from_dict({**design.schedule(7, 0.12), "data": {"name": "rates"}})


def test_the_learning_rate_is_drawn_over_all_epochs() -> None:
    encoding = design.schedule(7, 0.12)["encoding"]
    assert (encoding["x"]["scale"]["domain"], encoding["y"]["scale"]["domain"]) == ([0, 7], [0, 0.12])


def test_the_design_page_does_not_wait_for_altair() -> None:
    modules = ", ".join(
        f"mnist_lab.ui.design.{name}"
        for name in ("baseline", "blocks", "controls", "picture", "share", "summary", "train_bar")
    )
    code = f"import sys, {modules}\nprint('altair' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"
