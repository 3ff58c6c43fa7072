"""Inspect, Layers: a digit's way through a network."""

import base64
import io

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from mnist_lab.charts import design, inspection, tiles
from mnist_lab.data import drawing, mnist
from mnist_lab.design.layers import Conv2D, size_text
from mnist_lab.design.network import IMAGE, Traced, parts, trace
from mnist_lab.inspection import arithmetic
from mnist_lab.inspection.questions import Attribution, Hidden, Maps, Method
from mnist_lab.ui import ask, figure
from mnist_lab.ui.inspect import figures, selection
from mnist_lab.ui.inspect.picked import Picked
from mnist_lab.ui.inspect.selection import Chosen, Subject
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import errors_shown, fragment, lab, seen

_MOST_MAPS = 32
_MOST_NUMBERS = 7
_MAP_SIDE = 240  # pixels
METHODS: dict[Method, str] = {
    "occlusion": "A square of 5×5 pixels is blanked at each place in turn: blue where the digit then becomes less probable, "
    "orange where more (Zeiler and Fergus, 2014).",
    "gradient": "How fast the digit's logit would grow with a little more ink at a pixel: blue for more, orange for less "
    "(Simonyan, Vedaldi and Zisserman, 2014).",
    "integrated gradients": "Each pixel's share of the digit's logit, compared with an empty image; all shares together are "
    "the whole difference (Sundararajan, Taly and Yan, 2017).",
}


@errors_shown()
def show(networks: list[Chosen]) -> None:
    """Every layer of the first network, for a digit of one's choice."""
    network = networks[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        picture = st.container(width="content")
        with st.container(key="asked"):
            subject = selection.subject()
            says = st.container()
    selection.must_have_ink(subject)
    picture.image(tiles.url(tiles.framed(tiles.digit(subject.image, 7))), width=198, alt=f"The digit: {subject.name}")
    image = drawing.as_text(subject.image)
    with says:
        maps = ask.ask(
            Maps(run_id=network.run.id, epoch=network.epoch, image=image), "sending the digit through the network"
        )
    if maps is None:
        return
    traced = trace(network.run.experiment.architecture)
    given = subject.image.astype(np.float32)[:, :, np.newaxis] / 255
    outputs = [maps[str(number)] for number in range(len(traced))]
    said = int(outputs[-1].argmax())
    label = "" if subject.label is None else f" (it is a {subject.label})"
    words = f"It says {said}{label}, {figures.percent(float(outputs[-1].max()))} sure."
    look = looks([network.run.design_key])[network.run.design_key]
    says.html(figures.headline(network.title, look, str(said), words))
    _importance(network, subject, said)
    _closer(network, traced, [given if row.inputs[0] == IMAGE else outputs[row.inputs[0]] for row in traced], outputs)
    _all_layers(traced, outputs)
    _landscape(network)


@fragment
def _importance(network: Chosen, subject: Subject, said: int) -> None:
    st.header("Which part of the digit matters", anchor=False)
    left, right = st.columns([1, 2], gap="medium")
    with right:
        digit = st.segmented_control("For the answer", range(10), default=said, required=True, key=f"importance-{said}")
        method: Method = st.segmented_control(
            "Method", list(METHODS), default="occlusion", required=True, key="method", persist_state="session"
        )
        st.caption(METHODS[method])
    with left:
        question = Attribution(
            run_id=network.run.id,
            epoch=network.epoch,
            image=drawing.as_text(subject.image),
            digit=int(digit or 0),
            method=method,
        )
        found = ask.ask(question, "looking for the pixels that matter")
        if found is None:
            return
        importance = found["importance"]
        row, column = np.unravel_index(int(np.abs(importance).argmax()), importance.shape)
        st.image(
            tiles.url(tiles.framed(tiles.overlay(subject.image, importance, 16))),
            width="stretch",
            alt=f"Importance of each pixel for a {digit} by {method}: strongest at row {row}, column {column} of 28",
        )
    with right:
        most = float(np.abs(importance).max())
        unit = "points of probability" if method == "occlusion" else "of the logit"
        size = f"{100 * most:.1f}" if method == "occlusion" else f"{most:.3f}"
        st.caption(f"Full colour: {size} {unit}. Strongest at row {row}, column {column}.")


def _all_layers(traced: Traced, outputs: list[np.ndarray]) -> None:
    st.header("Every layer", anchor=False)
    st.caption(
        "What each layer makes of the digit: a picture for each filter, blue for values above zero, orange below; full colour is the "
        f"layer's largest. Of more than {_MOST_MAPS} the first {_MOST_MAPS} are shown."
    )
    place = None
    for row, output in zip(traced, outputs, strict=True):
        if row.place != place:
            place = row.place
            st.subheader(design.part_name(place), anchor=False)
        words = f"{row.describe()} · {size_text(row.output_shape)}"
        st.caption(words)
        if output.ndim == 1 and len(output) > _MOST_MAPS:
            picture = tiles.enlarged(tiles.tinted(tiles.strip(output)), 24)
            alt = f"{words}: the largest is number {int(output.argmax())}, {figures.signed(float(output.max()), 3)}"
            st.image(tiles.url(picture), width="stretch", alt=alt)
        else:
            maps = output if output.ndim == 3 else output[np.newaxis, np.newaxis]
            what = "Map" if output.ndim == 3 else "Values"
            st.html(figures.maps(maps[:, :, :_MOST_MAPS], what, float(np.abs(output).max())))


@fragment
def _closer(network: Chosen, traced: Traced, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    """One filter, and the arithmetic of one of its values."""
    st.header("One value, written out", anchor=False)
    places = [number for number, row in enumerate(traced) if isinstance(row.layer, Conv2D)]
    which, filters, rows, columns = st.columns([3, 2, 2, 2])
    number = which.selectbox(
        "Convolution",
        places,
        format_func=lambda number: f"{traced[number].place}: {traced[number].describe()}",
        key=f"closer-layer-{network.run.id}",
    )
    if number is None:
        return
    layer = traced[number].layer
    assert isinstance(layer, Conv2D)
    index = int(
        filters.number_input(
            f"Filter, 0 to {layer.filters - 1}", 0, layer.filters - 1, 0, key=f"closer-filter-{number}"
        )
    )
    weights, output = _weights(network, traced, number), outputs[number][:, :, index]
    picked = _picked(output, f"value-{network.run.id}-{number}-{index}", (rows, columns))
    place = picked.place
    before, middle, after = st.columns(3, gap="medium")
    with after:
        _map(output, float(np.abs(outputs[number]).max()), picked)
    cell = arithmetic.cell(layer, weights, inputs[number], (*place, index))
    channel = int(np.abs(cell.by_channel).argmax())
    with before:
        _patch(layer, inputs[number], cell, channel)
    with middle:
        _kernels(layer, weights, index)
    _written_out(cell, layer, channel, place, float(output[place]))
    _rest_of_block(traced, outputs, number, (*place, index))


def _picked(output: np.ndarray, name: str, fields: tuple[DeltaGenerator, DeltaGenerator]) -> Picked:
    """The row and column of the value that somebody chose, on the filter's map or in fields; at first of the largest."""
    picked = Picked(name, ("row", "column"), _largest(output))
    for field, what, count in zip(fields, picked.coordinates, output.shape, strict=True):
        field.number_input(f"{what.title()}, 0 to {count - 1}", 0, count - 1, **picked.bound(what))
    return picked


def _largest(output: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.abs(output).argmax()), output.shape)
    return int(row), int(column)


def _map(output: np.ndarray, most: float, picked: Picked) -> None:
    row, column = _largest(output)
    figure.altair(
        inspection.cells(output, most, picked.begun),
        on_select=picked.clicked,
        selection_mode="cell",
        key=picked.chart,
        width="content",
        alt=f"Map of the filter, {size_text(output.shape)}, the largest value at row {row}, column {column}",
    )
    st.caption(
        "The filter's map, by row and column. Click a value, or give its row and column, to see how it is computed."
    )


def _patch(layer: Conv2D, given: np.ndarray, cell: arithmetic.Cell, channel: int) -> None:
    """What the convolution reads, with the patch that the value is computed from marked."""
    (height, width), strides, before = layer.window(given.shape)
    out = layer.output_shape(given.shape)
    after = [
        max(0, (count - 1) * step + size - first - length)
        for count, step, size, first, length in zip(out, strides, (height, width), before, given.shape, strict=False)
    ]
    padded = np.pad(given[:, :, channel], list(zip(before, after, strict=True)))
    corner = cell.row + before[0], cell.column + before[1]
    times = max(1, _MAP_SIDE // max(padded.shape))
    what = "the image" if given.shape[2] == 1 else f"map {channel} of the {given.shape[2]} that it reads"
    rows, columns = (f"{first} to {first + size - 1}" for first, size in ((cell.row, height), (cell.column, width)))
    st.image(
        tiles.url(tiles.marked(padded, times, corner, (height, width))),
        alt=f"{what[0].upper()}{what[1:]}; the patch in rows {rows}, columns {columns} is marked",
    )
    st.caption(f"The patch, marked on {what}" + (", with zeros around it." if any((*before, *after)) else "."))


def _kernels(layer: Conv2D, weights: list[np.ndarray], index: int) -> None:
    channels = weights[0].shape[2]
    given = np.zeros((*layer.kernel_size, channels))
    kernel = arithmetic.cell(layer, weights, given, (0, 0, index)).kernel
    picture = tiles.tinted(tiles.montage(kernel[:, :, :_MOST_MAPS]))
    st.image(
        tiles.url(tiles.framed(tiles.enlarged(picture, max(4, _MAP_SIDE // max(picture.shape[:2]))))),
        alt=f"The kernel of filter {index}, a {size_text(layer.kernel_size)} picture for each of {channels} channels",
    )
    each = f", one for each of the {channels} maps it reads" if channels > 1 else ""
    st.caption(f"The filter's kernel, {size_text(layer.kernel_size)}{each}.")


def _weights(network: Chosen, traced: Traced, number: int) -> list[np.ndarray]:
    """Of one layer, as Keras orders them."""
    every = _all_weights(lab().store.url, network.run.id, network.epoch)
    return [array for path, array in every.items() if traced[number].name in path.split("/")]


@st.cache_resource(max_entries=20, show_spinner=False)
def _all_weights(url: str, run_id: int, epoch: int | None) -> dict[str, np.ndarray]:
    del url
    return seen().weights(run_id, epoch)


def _written_out(cell: arithmetic.Cell, layer: Conv2D, channel: int, place: tuple[int, int], value: float) -> None:
    """Patch × kernel of the channel that adds most, number by number, and how the value follows from the sum."""
    by_channel = cell.by_channel
    patch, kernel = cell.patch[:, :, channel], cell.kernel[:, :, channel]
    if max(patch.shape) <= _MOST_NUMBERS:
        st.html(figures.arithmetic(patch, kernel))
    else:
        st.image(tiles.url(tiles.enlarged(tiles.tinted(patch * kernel), 16)), alt="Patch times kernel, as a picture")
    words = f"The value at row {place[0]}, column {place[1]}: "
    if len(by_channel) == 1:
        words += f"the sum of the products is **{figures.signed(by_channel[0], 4)}**"
    else:
        words += (
            f"map {channel}, which adds most, adds {figures.signed(by_channel[channel], 4)}; "
            f"all {len(by_channel)} maps together **{figures.signed(by_channel.sum(), 4)}**"
        )
    if layer.use_bias:
        words += f"; with the bias {figures.signed(cell.bias, 4)} that is **{figures.signed(cell.total, 4)}**"
    else:
        words += "; it has no bias"
    if layer.activation and layer.activation != "linear":
        words += f"; after {layer.activation} **{figures.signed(value, 4)}**"
    st.markdown(words + ".")


def _rest_of_block(traced: Traced, outputs: list[np.ndarray], number: int, place: tuple[int, int, int]) -> None:
    """What becomes of the value in the rest of its block."""
    row, column, index = place
    steps, last = [], number
    for later in range(number + 1, len(traced)):
        if traced[later].place != traced[number].place:
            break
        if traced[later].inputs[0] != last:
            continue  # on the way past the convolution
        last = later
        at = arithmetic.carried(traced[later].layer, traced[later].input_shape, row, column)
        if at is None:
            break
        row, column = at
        steps.append(
            f"{traced[later].layer.describe()}: {figures.signed(float(outputs[later][row, column, index]), 4)}"
        )
    if steps:
        st.caption("Then, in the rest of the block: " + " → ".join(steps) + ".")


@fragment
def _landscape(network: Chosen) -> None:
    st.header("All test digits, as the last hidden layer represents them", anchor=False)
    st.caption(
        "The last hidden layer gives each digit a list of numbers. Here each list is a point, drawn on the two axes along which the "
        "points lie furthest apart (principal components): what lies together looks alike to the network."
    )
    words = "sending 10,000 test images through the network"
    question = Hidden(run_id=network.run.id, epoch=network.epoch)
    answers = ask.on_request("Draw the map", {words: question})
    if answers is None:
        return
    found = answers[0]
    figure.altair(
        inspection.landscape(_points(found["places"], found["answers"]), found["explained"]),
        alt="The 10,000 test images on two principal components of the last hidden layer, coloured by digit",
    )
    st.caption("Point at one to see it; click a digit in the legend to see only that one, with Shift for several.")
    names = list(parts(trace(network.run.experiment.architecture)))
    dead = [(name, int(d), int(n)) for name, d, n in zip(names, found["dead"], found["units"], strict=True)]
    if any(count for _, count, _ in dead):
        st.markdown(
            "**Dead:** "
            + ", ".join(f"{count} of {n} in {name}" for name, count, n in dead if count)
            + ". Their value is the same everywhere in all 10,000 test images, so they tell the network nothing."
        )
    else:
        st.markdown(
            f"**No dead units:** each of the {sum(n for *_, n in dead)} filters and units responds to some digit."
        )


def _points(places: np.ndarray, answers: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": places[:, 0].round(3),
            "y": places[:, 1].round(3),
            "digit": mnist.load()[1].y.astype(str),
            "answer": answers.astype(str),
            "number": range(len(places)),
            "image": _thumbnails(),
        }
    )


@st.cache_resource(show_spinner=False)
def _thumbnails() -> list[str]:
    """Each test image as the address of a PNG, for pictures under the pointer."""
    found = []
    for image in mnist.load()[1].x:
        buffer = io.BytesIO()
        Image.fromarray(255 - image).quantize(16).save(buffer, "PNG", optimize=False)
        found.append("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())
    return found
