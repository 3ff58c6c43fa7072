"""What a design means, beside its controls: figures, verdict with repairs, layer table."""

from typing import Any

import pandas as pd
import streamlit as st

from mnist_lab.architecture import Architecture, TracedLayer, problem, repairs, totals, trace
from mnist_lab.errors import InputError
from mnist_lab.estimate import duration_text
from mnist_lab.experiment import Experiment
from mnist_lab.lab import MAX_SEEDS
from mnist_lab.layers import INPUT_SHAPE
from mnist_lab.ui import draft as drafts
from mnist_lab.ui import menu
from mnist_lab.ui.session import lab


def show(draft: dict[str, Any]) -> Experiment | None:
    """Figures, verdict and layer table of a draft; the experiment where it can be trained."""
    network = drafts.architecture(draft)
    wrong = problem(network)
    if wrong:
        _refusal(draft, network, str(wrong))
        return None
    traced = trace(network)
    counts = totals(traced)
    figures = st.container(horizontal=True)
    figures.metric("Parameters", f"{counts.parameters:,}", help=f"{counts.non_trainable:,} of them non-trainable.")
    figures.metric(
        "Multiply-adds",
        _short(counts.multiply_adds),
        help=f"{counts.multiply_adds:,} for one image from input to answer; training does about three times as many.",
    )
    figures.metric("Convolutions", len(network.blocks))
    _layer_table(traced)
    try:
        return drafts.experiment(draft)
    except InputError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _refusal(draft: dict[str, Any], network: Architecture, sentence: str) -> None:
    with st.container(border=True):
        st.error(sentence, icon=":material/error:")
        st.write("Any one of these makes it fit:")
        with st.container(horizontal=True):
            for i, repair in enumerate(repairs(network)):
                st.button(
                    repair.label,
                    key=f"repair-{i}",
                    icon=":material/build:",
                    on_click=drafts.edit,
                    args=(repair.architecture,),
                )


def _layer_table(traced: list[TracedLayer]) -> None:
    rows = [{"Part": "Input", "Layer": "Image", "Output shape": _shape(INPUT_SHAPE), "Parameters": 0}]
    rows += [
        {
            "Part": row.place,
            "Layer": row.layer.describe(),
            "Output shape": _shape(row.output_shape),
            "Parameters": row.parameters,
        }
        for row in traced
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config={
            "Part": st.column_config.TextColumn(width=68),
            "Layer": st.column_config.TextColumn(width=218),
            "Output shape": st.column_config.TextColumn(width=98),
            "Parameters": st.column_config.NumberColumn(format="localized", width=82),
        },
        alt="The network's layers from input to output, with the shape of each output and its parameters.",
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _short(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def train_bar(experiment: Experiment | None) -> None:
    """Train, how many seeds, and the rough time; at the foot of the window, whatever is scrolled."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input(
            "× seeds",
            min_value=1,
            max_value=MAX_SEEDS,
            step=1,
            key="seeds",
            width=120,
            persist_state="session",
            help="Queues so many runs that differ in nothing but their seed: one run is never proof.",
        )
        pressed = st.button(
            "Train", type="primary", icon=":material/play_arrow:", disabled=experiment is None, key="train"
        )
        if experiment is None:
            st.caption("This design cannot be trained yet: the message above says why.")
            return
        seconds = lab().estimate(experiment)
        each = f"about {duration_text(seconds)}"
        several = f" a run, about {duration_text(seeds * seconds)} in all" if seeds > 1 else ""
        st.caption(f"{experiment.name}: {each}{several} on this machine.")
    if pressed:
        lab().start(experiment, seeds)
        st.switch_page(menu.TRAIN)
