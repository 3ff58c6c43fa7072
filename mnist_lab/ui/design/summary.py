"""What a design means, beside its controls: verdict with repairs, figures, receptive field, layer table."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.charts import design
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import Spec
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment
from mnist_lab.design.layers import INPUT_SHAPE, size_text
from mnist_lab.design.network import Traced, block_window, covers_image_from, problem, totals, trace_prefix
from mnist_lab.design.repairs import Repair, repairs
from mnist_lab.design.warnings import notes, recipe_notes
from mnist_lab.errors import ArchitectureError, InputError
from mnist_lab.numerals import counted
from mnist_lab.results.prediction import Prediction, duration_text
from mnist_lab.ui import grid, heard, held
from mnist_lab.ui.design import blocks
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.session import lab
from mnist_lab.ui.text import refusal

ANCHOR = "what-it-means"


@dataclass(frozen=True)
class Meaning:
    """What a draft means.

    Attributes:
        wrong: why its network cannot be built; error: why it cannot be trained, empty where it can.
        traced: the layers; of an impossible network those that fit.
        experiment, prediction: what would be trained, and how long; None where it cannot be.
        seen_by: the convolution block whose receptive field is shown: the open one that fits, else the last.
    """

    network: Architecture
    wrong: ArchitectureError | None
    error: str
    traced: Traced
    experiment: Experiment | None
    prediction: Prediction | None
    seen_by: int | None

    @property
    def is_whole(self) -> bool:
        """Whether all layers are traced."""
        return self.wrong is None or self.wrong.block is None


def meaning(draft: dict[str, Any]) -> Meaning:
    """What a draft means."""
    network = drafts.architecture(draft)
    wrong = problem(network)
    traced = trace_prefix(network)
    experiment, error = (None, str(wrong)) if wrong else _experiment(draft)
    prediction = lab().estimate(experiment) if experiment else None
    last = next((row.block for row in reversed(traced) if row.block is not None), None)
    chosen = blocks.opened(network)
    seen_by = min(chosen[1], last) if last is not None and chosen and chosen[0] == "blocks" else last
    return Meaning(network, wrong, error, traced, experiment, prediction, seen_by)


def _experiment(draft: dict[str, Any]) -> tuple[Experiment | None, str]:
    """What would be trained, or why it cannot be."""
    try:
        return held.applied(drafts.experiment(draft)), ""
    except InputError as error:
        return None, str(error)


def show(meaning: Meaning) -> None:
    """Verdict, receptive field, notes and layer table; of an impossible network of the part that fits, in the same places."""
    _verdict(meaning.error, repairs(meaning.network))
    _receptive_field(meaning)
    if not meaning.wrong:
        for note in notes(meaning.network):
            st.caption(f":material/lightbulb: {note}")
    for recipe_note in recipe_notes(meaning.experiment) if meaning.experiment else []:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/lightbulb: {recipe_note.text}")
            st.button(
                recipe_note.repair,
                key=f"note-{'-'.join(recipe_note.fields)}",
                icon=":material/build:",
                on_click=drafts.edit_recipe,
                args=(recipe_note.fields,),
            )
    layer_table(meaning.traced)


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


def figures(meaning: Meaning) -> None:
    """The four figures, each of which keeps its place."""
    counts = totals(meaning.traced)
    last = next((row for row in reversed(meaning.traced) if row.block is not None), None)
    is_whole = meaning.is_whole
    row = st.container(horizontal=True, width="content", key="figures")
    row.metric(
        "Parameters",
        f"{counts.parameters:,}" if is_whole else "–",
        help="The numbers that training adjusts"
        + (f"; {counts.non_trainable:,} more are only measured." if is_whole else "."),
        width="content",
    )
    row.metric(
        "Multiply-adds",
        _short(counts.multiply_adds) if is_whole else "–",
        help=f"{counts.multiply_adds:,} for one image, from input to answer; training takes about three times as many.",
        width="content",
    )
    row.metric(
        "Receptive field",
        size_text(last.field.size) if last and is_whole else "–",
        help="The part of the image, in pixels, that one value of the last map depends on.",
        width="content",
    )
    row.metric(
        "Predicted time",
        duration_text(meaning.prediction.seconds) if meaning.prediction else "–",
        help="A rough estimate for a whole run on this machine; the range is beside Train.",
        width="content",
    )


def say(meaning: Meaning) -> None:
    """What a screen reader says after a change: the same as the figures, in a sentence."""
    words = "This network cannot be trained."
    if meaning.is_whole and meaning.prediction is not None:
        counts = totals(meaning.traced)
        words = f"{counts.parameters:,} parameters, {counts.multiply_adds:,} multiply-adds, about "
        words += f"{duration_text(meaning.prediction.seconds)} to train."
    heard.say(words, "figures-heard")


def _receptive_field(meaning: Meaning) -> None:
    """What part of a digit the middle value of the open block depends on, and from which block on that is all of it."""
    if meaning.seen_by is None:
        return
    index = meaning.seen_by
    last = [row for row in meaning.traced if row.block == index][-1]
    (top, left), (bottom, right) = block_window(meaning.traced, index)
    whole = covers_image_from(meaning.traced)
    seen, field = (bottom - top, right - left), last.field.size
    larger = "" if seen == tuple(field) else f" (a field of {size_text(field)}, which reaches beyond the image)"
    shape = last.output_shape
    many = shape[0] * shape[1] > 1
    st.markdown(
        f"**Receptive field of block {index + 1}.** "
        + (f"One value in the middle of its {size_text(shape)} output" if many else "Each value of its output")
        + f" depends on the {size_text(seen)} pixels framed on the image{larger}. "
        + (f"The frames of neighbouring values are {size_text(last.field.spacing)} pixels apart. " if many else "")
        + (
            "No convolution block's receptive field covers the whole digit; the layers after them combine what they find."
            if whole is None
            else f"From block {whole + 1} on, the receptive field covers the whole digit."
        )
    )


def layer_table(traced: Traced) -> None:
    """A row a layer: shape, parameters, multiply-adds, receptive field."""
    image = {"Part": "Input", "Layer": "Image", "Output": size_text(INPUT_SHAPE)}
    rows: list[dict[str, Any]] = [image | {"Parameters": None, "Mult-adds": None, "Field": "1×1"}]
    rows += [
        {
            "Part": design.part_name(row.place),
            "Layer": row.describe(),
            "Output": size_text(row.output_shape),
            "Parameters": row.parameters,
            "Mult-adds": row.multiply_adds,
            "Field": size_text(row.field.size) if row.block is not None else None,
            "Spacing": size_text(row.field.spacing) if row.block is not None else None,
        }
        for row in traced
    ]
    number = st.column_config.NumberColumn
    grid.show(
        pd.DataFrame(rows),
        {
            "Part": st.column_config.TextColumn(width=58),
            "Layer": st.column_config.TextColumn(width=210),
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
