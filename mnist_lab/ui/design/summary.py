"""What a design means, beside its controls: verdict with repairs, figures, diagram, layer table."""

from collections.abc import Collection
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.charts import design
from mnist_lab.data import mnist
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import Spec
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment
from mnist_lab.design.layers import INPUT_SHAPE, size_text
from mnist_lab.design.network import Traced, block_window, covers_image_from, problem, totals, trace, trace_prefix
from mnist_lab.design.repairs import Repair, repairs
from mnist_lab.design.warnings import notes, recipe_notes
from mnist_lab.errors import InputError
from mnist_lab.lab import MAX_SEEDS
from mnist_lab.numerals import counted
from mnist_lab.results.prediction import Prediction, duration_text
from mnist_lab.store import disk
from mnist_lab.ui import grid, watching
from mnist_lab.ui.design import blocks
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.session import ONCE, lab, person, pressed_once
from mnist_lab.ui.text import plain, refusal

_DIAGRAM, _SEEDS = "diagram", "seeds"
SHOWN_DIGIT = 7  # of the training images: a 3, which fills its frame


def show(draft: dict[str, Any]) -> tuple[Experiment, Prediction] | None:
    """Verdict, figures, diagram, receptive field and layer table of a draft; what would be trained, and how long.

    Of an impossible network the part that fits is shown, in the same places.
    """
    network = drafts.architecture(draft)
    wrong = problem(network)
    traced = trace_prefix(network)
    experiment, error = (None, str(wrong)) if wrong else _experiment(draft)
    _verdict(error, repairs(network))
    prediction = lab().estimate(experiment) if experiment else None
    _figures(prediction, traced, complete=wrong is None or wrong.block is None)
    _diagram(network, traced)
    _receptive_field(network, traced)
    if not wrong:
        for note in notes(network):
            st.caption(f":material/lightbulb: {note}")
    for recipe_note in recipe_notes(experiment) if experiment else []:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/lightbulb: {recipe_note.text}")
            st.button(
                recipe_note.repair,
                key=f"note-{'-'.join(recipe_note.fields)}",
                icon=":material/build:",
                on_click=drafts.edit_recipe,
                args=(recipe_note.fields,),
            )
    layer_table(traced)
    return (experiment, prediction) if experiment and prediction else None


def _verdict(error: str, offered: list[Repair]) -> None:
    if not error:
        st.markdown(":green[:material/check_circle:] This network fits together and can be trained.")
        return
    refusal(error)
    if offered:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("Any one of these fixes it:", width="content")
            for i, repair in enumerate(offered):
                st.button(
                    repair.label,
                    key=f"repair-{i}",
                    icon=":material/build:",
                    on_click=drafts.edit,
                    args=(repair.architecture,),
                )


def _figures(prediction: Prediction | None, traced: Traced, complete: bool) -> None:
    counts = totals(traced)
    convolved = [row for row in traced if row.block is not None]
    row = st.container(horizontal=True)
    row.metric(
        "Parameters",
        f"{counts.parameters:,}" if complete else "–",
        help=f"{counts.non_trainable:,} of them non-trainable." if complete else None,
    )
    row.metric(
        "Multiply-adds",
        _short(counts.multiply_adds) if complete else "–",
        help=f"{counts.multiply_adds:,} for one image, from input to answer; training takes about three times as many.",
    )
    row.metric(
        "Receptive field",
        size_text(convolved[-1].field.size) if complete else "–",
        help="The part of the image that one value of the last map depends on.",
    )
    row.metric(
        "Time",
        duration_text(prediction.seconds) if prediction else "–",
        help="A rough estimate for the whole run on this machine; the range is beside Train.",
    )


def _experiment(draft: dict[str, Any]) -> tuple[Experiment | None, str]:
    """What would be trained, or why it cannot be."""
    try:
        return drafts.experiment(draft), ""
    except InputError as error:
        return None, str(error)


def _diagram(network: Architecture, traced: Traced) -> None:
    chosen = blocks.opened(network)
    index = chosen[1] if chosen and chosen[0] == "blocks" else None

    def clicked() -> None:
        found = st.session_state[_DIAGRAM]["selection"].get("stage") or []
        if found and 0 <= found[0]["block"] < len(network.blocks):
            blocks.open_block("blocks", int(found[0]["block"]))

    stages = design.stages(traced, index)
    pictured = stages.drop_duplicates("stage")
    upright = int(pictured["words"].str.len().max()) if len(pictured) > 4 else 0
    st.vega_lite_chart(
        stages,
        design.diagram(float(stages["x2"].max()), upright),
        key=_DIAGRAM,
        on_select=clicked,
        selection_mode="stage",
        alt="The network from image to answer: " + "; ".join(pictured["stage"] + " " + pictured["size"]),
    )
    st.caption(
        "Maps are to scale, with a sheet for each doubling of the channels; bars are vectors. Click a map to open its block."
    )


def _receptive_field(network: Architecture, traced: Traced) -> None:
    """What part of a digit the middle value of the open block depends on, and from which block on that is all of it."""
    fits = [row.block for row in traced if row.block is not None]
    if not fits:
        return
    chosen = blocks.opened(network)
    index = min(chosen[1], fits[-1]) if chosen and chosen[0] == "blocks" else fits[-1]
    last = [row for row in traced if row.block == index][-1]
    (top, left), (bottom, right) = window = block_window(traced, index)
    picture, words = st.columns([2, 3], vertical_alignment="center")
    picture.vega_lite_chart(
        design.receptive_field_points(mnist.first_digits(SHOWN_DIGIT + 1)[-1], window),
        design.receptive_field(),
        key="seen",
        width="content",
        alt=f"A handwritten digit; rows {top + 1} to {bottom} and columns {left + 1} to {right} are framed",
    )
    words.markdown(
        f"**Receptive field of block {index + 1}.** One value in the middle of its {size_text(last.output_shape)} output depends on "
        f"the framed {bottom - top}×{right - left} pixels. The frames of neighbouring values are "
        f"{size_text(last.field.spacing)} pixels apart."
    )
    whole = covers_image_from(traced)
    if whole is None:
        words.caption(
            "No convolution block's receptive field covers the whole digit; the layers after them combine what they find."
        )
    else:
        words.caption(f"From block {whole + 1} on, the receptive field covers the whole digit.")


def layer_table(traced: Traced) -> None:
    """A row a layer: shape, parameters, multiply-adds, receptive field."""
    rows: list[dict[str, Any]] = [{"Part": "Input", "Layer": "Image", "Output": size_text(INPUT_SHAPE), "Field": "1×1"}]
    rows += [
        {
            "Part": design.part_name(row.place),
            "Layer": row.describe(),
            "Output": size_text(row.output_shape),
            "Field": size_text(row.field.size) if row.block is not None else None,
            "Parameters": row.parameters,
            "Mult-adds": row.multiply_adds,
            "Spacing": size_text(row.field.spacing) if row.block is not None else None,
        }
        for row in traced
    ]
    number = st.column_config.NumberColumn
    grid.show(
        pd.DataFrame(rows),
        {
            "Part": st.column_config.TextColumn(width=62),
            "Layer": st.column_config.TextColumn(width=170),
            "Output": st.column_config.TextColumn(width=70, help="Shape of the output: height, width, channels."),
            "Parameters": number(format="localized", width=76),
            "Mult-adds": number(format="localized", width=74, help="Multiply-adds for one image, forward."),
            "Field": st.column_config.TextColumn(width=48, help="Receptive field of one output value, in pixels."),
            "Spacing": st.column_config.TextColumn(
                width=58,
                help="How many pixels apart the fields of neighbouring values are: the product of all strides so far.",
            ),
        },
        height="content",
        placeholder="",
        alt="The network's layers from input to output: shape, parameters, multiply-adds and receptive field of each.",
    )


def _short(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def seeds() -> int:
    """How many seeds are asked for beside Train."""
    return int(st.session_state.get(_SEEDS, 1))


def train_bar(meant: tuple[Experiment, Prediction] | None) -> None:
    """Train, how many seeds, and roughly how long; always visible at the bottom of the window."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.number_input(
            "× seeds",
            min_value=1,
            max_value=MAX_SEEDS,
            step=1,
            key=_SEEDS,
            width=120,
            persist_state="session",
            help="Queues this many runs that differ only in their seed: a single run proves nothing.",
        )
        pressed = pressed_once("Train", "train", type="primary", icon=":material/play_arrow:", disabled=meant is None)
        if pressed and meant:
            if pressed == ONCE:
                watching.started(lab().start(meant[0], wanted, by=person()))
            watching.go()
        if meant is None:
            st.caption("This design cannot be trained yet: the message above says why.")
            return
        experiment, prediction = meant
        several = f"; all {wanted} runs about {duration_text(wanted * prediction.seconds)}" if wanted > 1 else ""
        parameters = totals(trace(experiment.architecture)).parameters
        st.caption(
            f"{plain(experiment.name)}: {parameters:,} parameters; {prediction.text()}{several}, on this machine; "
            f"up to {disk.size_text(disk.footprint(experiment).most)} on its disk{' each' if wanted > 1 else ''}.  \n"
            f"{recipe_in_words(experiment)}."
        )


def recipe_in_words(experiment: Experiment) -> str:
    """How it will be trained, in a line: the most important settings, and all others that differ from their defaults."""
    recipe = experiment.recipe
    optimizer, schedule = recipe.optimizer, recipe.schedule.name
    words = [
        f"{type(optimizer).__name__}, learning rate {text(optimizer.learning_rate)}"
        + ("" if schedule == "constant" else f" ({schedule})"),
        counted(recipe.epochs, "epoch"),
        f"{experiment.train_images:,} images in batches of {recipe.batch_size:,}",
        *_changed(optimizer),
        *_changed(recipe.schedule),
        *_changed(recipe, NORMALIZATION_FIELDS),  # of which a note says where they matter
        *_changed(recipe.augmentation),
        f"{experiment.protocol} protocol",
        f"seed {experiment.seed}",
    ]
    return " · ".join(words)


def _changed(spec: Spec, idle: Collection[str] = ()) -> list[str]:
    """Fields that differ from their defaults, by their titles, without those that `recipe_in_words` names anyway or that are
    idle."""
    return [
        f"{str(info.title).removesuffix(' (epochs)')} {text(value)}"
        for name, info in type(spec).model_fields.items()
        if name not in ("learning_rate", "batch_size", "epochs", *idle)
        and not isinstance(value := getattr(spec, name), Spec)
        and value != info.default
    ]
