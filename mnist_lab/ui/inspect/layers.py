"""Inspect, Layers: a digit's way through a network."""

import base64
import io

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from mnist_lab.charts import design, inspection, tiles
from mnist_lab.data import drawing, mnist
from mnist_lab.design.layers import Conv2D, size_text
from mnist_lab.design.network import IMAGE, Traced, parts, trace
from mnist_lab.inspection import arithmetic
from mnist_lab.inspection.questions import Attribution, Hidden, Maps, Method
from mnist_lab.ui import ask
from mnist_lab.ui.inspect import selection
from mnist_lab.ui.inspect.selection import Chosen, Subject
from mnist_lab.ui.session import errors_shown, lab
from mnist_lab.ui.text import plain

_MOST_MAPS = 32
_MOST_NUMBERS = 7
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
    subject = selection.subject()
    selection.must_have_ink(subject)
    image = drawing.as_text(subject.image)
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
    st.markdown(f"**{plain(network.title)}** says **{said}**{label}, {outputs[-1].max():.1%} sure.")
    _importance(network, subject, said)
    _all_layers(traced, outputs)
    _closer(network, traced, [given if row.inputs[0] == IMAGE else outputs[row.inputs[0]] for row in traced], outputs)
    _landscape(network)


@st.fragment
@errors_shown()
def _importance(network: Chosen, subject: Subject, said: int) -> None:
    st.markdown("#### Which part of the digit matters")
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
            tiles.url(tiles.framed(tiles.overlay(subject.image, importance, 9))),
            width=252,
            alt=f"Importance of each pixel for a {digit} by {method}: strongest at row {row}, column {column} of 28",
        )
    with right:
        most = float(np.abs(importance).max())
        unit = "points of probability" if method == "occlusion" else "of the logit"
        size = f"{100 * most:.1f}" if method == "occlusion" else f"{most:.3f}"
        st.caption(f"Full colour: {size} {unit}. Strongest at row {row}, column {column}.")


def _all_layers(traced: Traced, outputs: list[np.ndarray]) -> None:
    st.markdown("#### Every layer")
    st.caption(
        "What each layer makes of the digit: a picture for each filter, blue for values above zero, orange below; full colour is the "
        f"layer's largest. Of more than {_MOST_MAPS} the first {_MOST_MAPS} are shown."
    )
    place = None
    for row, output in zip(traced, outputs, strict=True):
        if row.place != place:
            place = row.place
            st.markdown(f"**{design.part_name(place)}**")
        words = f"{row.describe()} · {size_text(row.output_shape)}"
        if output.ndim == 3:
            maps = output[:, :, :_MOST_MAPS]
            times = max(1, min(4, 56 // max(output.shape[:2])))
            picture = tiles.enlarged(tiles.tinted(tiles.montage(maps, _across(maps.shape[2]))), times)
            strongest = int(np.abs(output).mean(axis=(0, 1)).argmax())
            alt = f"{words}: {output.shape[2]} maps; map {strongest} is the strongest"
        else:
            picture = tiles.enlarged(tiles.tinted(tiles.strip(output)), 12)
            alt = f"{words}: the largest is number {int(output.argmax())}, {output.max():.3f}"
        st.caption(words)
        st.image(tiles.url(picture), width=min(picture.shape[1], 900), alt=alt)


def _across(count: int) -> int:
    """How many maps in a row, so that rows are full where that can be."""
    return next((n for n in range(min(count, 16), 7, -1) if count % n == 0), min(count, 16))


@st.fragment
@errors_shown()
def _closer(network: Chosen, traced: Traced, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    """One filter, and the arithmetic of one of its values."""
    st.markdown("#### One value, written out")
    places = [number for number, row in enumerate(traced) if isinstance(row.layer, Conv2D)]
    left, right = st.columns(2)
    number = left.selectbox(
        "Convolution",
        places,
        format_func=lambda number: f"{traced[number].place}: {traced[number].describe()}",
        key=f"closer-layer-{network.run.id}",
    )
    if number is None:
        return
    row = traced[number]
    layer = row.layer
    assert isinstance(layer, Conv2D)
    index = int(
        right.number_input(f"Filter, 0 to {layer.filters - 1}", 0, layer.filters - 1, 0, key=f"closer-filter-{number}")
    )
    weights = _weights(network, traced, number)
    output = outputs[number][:, :, index]
    before, middle, after = st.columns([2, 4, 5], gap="medium")
    with before:
        channels = weights[0].shape[2]
        kernels = np.stack([_kernel(layer, weights, channel, index) for channel in range(channels)], axis=-1)
        picture = tiles.tinted(tiles.montage(kernels[:, :, :_MOST_MAPS]))
        st.image(
            tiles.url(tiles.enlarged(picture, max(4, 160 // max(picture.shape[:2])))),
            width=160,
            alt=f"The kernel of filter {index}, a {size_text(layer.kernel_size)} picture for each of {channels} channels",
        )
        st.caption(
            f"Its kernel: {size_text(layer.kernel_size)}"
            + (f", one for each of the {channels} maps it reads" if channels > 1 else "")
            + "."
        )
    with middle:
        event = st.altair_chart(
            inspection.cells(output, float(np.abs(outputs[number]).max())),
            on_select="rerun",
            selection_mode="cell",
            key=f"cells-{network.run.id}-{number}-{index}",
            width="content",
            alt=f"Map of filter {index}, {size_text(output.shape)}; click a value",
        )
        picked = event["selection"].get("cell")
        st.caption("Its map. Click a value to see how it is computed.")
    at = np.unravel_index(int(np.abs(output).argmax()), output.shape)
    place = (int(picked[0]["row"]), int(picked[0]["column"])) if picked else (int(at[0]), int(at[1]))
    with after:
        cell = arithmetic.cell(layer, weights, inputs[number], (*place, index))
        _written_out(cell, layer, place, float(output[place]))
        _rest_of_block(traced, outputs, number, (*place, index))


def _weights(network: Chosen, traced: Traced, number: int) -> list[np.ndarray]:
    """Of one layer, as Keras orders them."""
    every = _all_weights(lab().store.url, network.run.id, network.epoch)
    return [array for path, array in every.items() if traced[number].name in path.split("/")]


@st.cache_resource(max_entries=20, show_spinner=False)
def _all_weights(url: str, run_id: int, epoch: int | None) -> dict[str, np.ndarray]:
    del url
    return lab().weights(run_id, epoch)


def _kernel(layer: Conv2D, weights: list[np.ndarray], channel: int, index: int) -> np.ndarray:
    given = np.zeros((*layer.kernel_size, weights[0].shape[2]))
    found: np.ndarray = arithmetic.cell(layer, weights, given, (0, 0, index)).kernel[:, :, channel]
    return found


def _written_out(cell: arithmetic.Cell, layer: Conv2D, place: tuple[int, int], value: float) -> None:
    by_channel = cell.by_channel
    channel = int(np.abs(by_channel).argmax())
    patch, kernel = cell.patch[:, :, channel], cell.kernel[:, :, channel]
    of = "" if len(by_channel) == 1 else f" of map {channel}, which adds most"
    st.markdown(f"Value at row {place[0]}, column {place[1]}. The patch{of}, times the kernel, number by number:")
    if max(patch.shape) <= _MOST_NUMBERS:
        columns = {
            str(i): st.column_config.NumberColumn(str(i), format="%.2f", width=52) for i in range(patch.shape[1])
        }
        for name, numbers in (("patch", patch), ("kernel", kernel), ("product", patch * kernel)):
            st.caption(name)
            st.dataframe(
                pd.DataFrame(numbers.round(3), columns=list(columns)),
                hide_index=True,
                width="content",
                column_config=columns,
                alt=f"The {name}, {size_text(patch.shape)} numbers",
            )
    else:
        st.image(tiles.url(tiles.enlarged(tiles.tinted(patch * kernel), 16)), alt="Patch times kernel, as a picture")
    if len(by_channel) == 1:
        words = f"Sum of the products **{by_channel[0]:.4f}**"
    else:
        words = f"Sum of this map's products {by_channel[channel]:.4f}, of all {len(by_channel)} maps **{by_channel.sum():.4f}**"
    words += f"; with the bias {cell.bias:.4f} that is **{cell.total:.4f}**" if layer.use_bias else "; it has no bias"
    if layer.activation and layer.activation != "linear":
        words += f"; after {layer.activation} **{value:.4f}**"
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
        steps.append(f"{traced[later].layer.describe()}: {outputs[later][row, column, index]:.4f}")
    if steps:
        st.caption("Then, in the rest of the block: " + " → ".join(steps) + ".")


@st.fragment
@errors_shown()
def _landscape(network: Chosen) -> None:
    st.markdown("#### All test digits, as the last hidden layer represents them")
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
    st.altair_chart(
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
