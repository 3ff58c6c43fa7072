"""What can be made of a run that has ended: its design again, or a new run that continues from one of its epochs."""

from functools import partial
from typing import Any

import streamlit as st

from mnist_lab.design.experiment import parse
from mnist_lab.design.recipe import MAX_EPOCHS, OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.errors import InputError
from mnist_lab.store.run import Run
from mnist_lab.ui import fields, navigation, watching
from mnist_lab.ui.choices import notify_if_gone
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.session import ONCE, lab, person, pressed_once, seen
from mnist_lab.ui.text import refusal


def show(run: Run) -> None:
    """Two buttons: open it in Design, and continue it."""
    if st.button(
        "To Design", icon=":material/architecture:", key="clone", help="Opens this run's design to change it."
    ):
        drafts.open_run(run.experiment)
        st.switch_page(navigation.DESIGN.script, query_params=drafts.query())
    epochs = [epoch for epoch, whole in lab().store.checkpoints.epochs(run.id).items() if whole]
    if epochs and seen().rights.may_change(run):
        with st.popover("Continue…", icon=":material/fast_forward:", width="content"):
            _continue(run, epochs)


def _continue(run: Run, epochs: list[int]) -> None:
    key = f"continue-{run.id}"
    if key not in st.session_state:
        before = run.experiment.recipe
        more = min(before.epochs + max(1, before.epochs // 2), MAX_EPOCHS)
        st.session_state[key] = before.model_dump(mode="json") | {"epochs": more}
    recipe: dict[str, Any] = st.session_state[key]

    def save(field: str, value: Any) -> None:
        st.session_state[key] = st.session_state[key] | {field: value}

    def within(part: str) -> Any:
        return lambda field, value: save(part, st.session_state[key][part] | {field: value})

    st.markdown("Starts a new run from a checkpoint of this one, which stays as it is.")
    from_key = f"{key}-from"
    notify_if_gone(epochs, from_key, "The checkpoint after epoch {} is no longer kept; another one is selected.")
    epoch = st.selectbox(
        "From the end of epoch", epochs, index=len(epochs) - 1, key=from_key, help="Epochs whose checkpoints are kept."
    )
    fields.show(Recipe, recipe, f"{key}-plan", save, bounded=False, only={"epochs"})
    st.caption("Epochs are counted from the beginning of the first run; early stopping starts to count again here.")
    optimizer = OPTIMIZERS[recipe["optimizer"]["name"]]
    left, right = st.columns(2)
    fields.choose_kind(
        left,
        "Optimizer",
        OPTIMIZERS,
        recipe["optimizer"]["name"],
        key=f"{key}-optimizer",
        save=partial(save, "optimizer"),
        help="A different optimizer starts without a memory of earlier steps.",
        shown=lambda name: OPTIMIZERS[name].__name__,
    )
    fields.choose_kind(
        right,
        "Schedule",
        SCHEDULES,
        recipe["schedule"]["name"],
        key=f"{key}-schedule",
        save=partial(save, "schedule"),
        help="It spans all epochs; training continues at its place in it.",
    )
    rest = set(optimizer.model_fields) - {"name"}
    fields.show(optimizer, recipe["optimizer"], f"{key}-optimizer", within("optimizer"), bounded=False, only=rest)
    fields.show(
        SCHEDULES[recipe["schedule"]["name"]], recipe["schedule"], f"{key}-schedule", within("schedule"), bounded=False
    )
    fields.show(Recipe, recipe, f"{key}-recipe", save, bounded=False, only=set(Recipe.model_fields) - {"epochs"})
    fields.show(Augmentation, recipe["augmentation"], f"{key}-augmentation", within("augmentation"), bounded=False)
    pressed = pressed_once("Queue it", f"{key}-go", type="primary", icon=":material/play_arrow:")
    if pressed == ONCE:
        try:
            watching.started([lab().continue_run(run.id, epoch, parse(Recipe, recipe), by=person())])
        except InputError as error:
            refusal(error)
            return
    if pressed:
        watching.go()
