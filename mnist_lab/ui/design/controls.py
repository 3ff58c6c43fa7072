"""The Design page's controls. Each shows a value of the draft and, when changed, makes a new draft."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from mnist_lab.charts import tiles
from mnist_lab.data import mnist
from mnist_lab.design.architecture import filters as filters_in_words
from mnist_lab.design.bulk_edit import FILTER_FACTORS, common, depth_range
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Protocol, parse
from mnist_lab.design.presets import DESCRIPTIONS, PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.errors import InputError
from mnist_lab.ui import fields, held
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.design import schedule
from mnist_lab.ui.text import plain

Draft = dict[str, Any]
_RATES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_FACTORS = {0.25: "× ¼", 0.5: "× ½", 1.0: "× 1", 2.0: "× 2", 4.0: "× 4"}


def _bound(key: str, value: Any, change: Callable[[Draft, Any], Draft], **default: Any) -> dict[str, Any]:
    """Arguments that bind a widget to the draft: it always shows `value`, and a change goes through `change`."""
    return fields.bound(key, value, _saved(change), **default)


def _saved(change: Callable[[Draft, Any], Draft]) -> Callable[[Any], None]:
    """Saves the draft with a change."""
    return lambda new: drafts.save(change(drafts.current(), new))


def undo_redo() -> None:
    """Two buttons, and their keys."""
    history = drafts.history()
    for label, shortcut, icon, possible, do in (
        ("Undo", "Ctrl+Z", "undo", history.past, drafts.undo),
        ("Redo", "Ctrl+Shift+Z", "redo", history.future, drafts.redo),
    ):
        st.button(label, key=label, icon=f":material/{icon}:", shortcut=shortcut, disabled=not possible, on_click=do)


def presets(draft: Draft) -> None:
    """A row of networks to start from; pressed again, one that was changed is as it was."""
    chosen = drafts.preset(draft)
    st.pills(
        "Start from",
        list(PRESETS),
        required=drafts.is_preset(draft),
        wrap=True,
        help="\n\n".join(f"**{name}** {text}" for name, text in DESCRIPTIONS.items()),
        **_bound(
            "preset",
            chosen.name if chosen and drafts.is_preset(draft) else None,
            lambda draft, chosen: drafts.of_experiment(PRESETS[chosen]) if chosen else draft,
            argument="default",
        ),
    )


def begun(draft: Draft) -> None:
    """What the network began as, in words."""
    preset = drafts.preset(draft)
    if preset is None:
        return
    name = plain(preset.name)
    if drafts.is_preset(draft):
        st.caption(f"{name}: {plain(DESCRIPTIONS[preset.name])}")
    else:
        st.caption(f"Based on {name}, with changes; press {name} to start over.")


def _quick(field: str, neutral: Any = None) -> Callable[[Draft, Any], Draft]:
    def change(draft: Draft, value: Any) -> Draft:
        quick = {**draft["quick"], field: neutral if value is None else value}
        return {**draft, "quick": quick, "refused": {}}

    return change


def quick(draft: Draft) -> None:
    """Settings that act on every convolution block at once."""
    start, network = drafts.start(draft), drafts.architecture(draft)
    size = common(network, "kernel_size")
    left, right = st.columns(2)
    left.number_input(
        "Kernel size",
        min_value=1,
        max_value=28,
        step=1,
        placeholder="mixed",
        help="Side, in pixels, of the square window that every convolution slides over its input. "
        "Clear it, and each block has its own size again.",
        **_bound("kernel_size", size[0] if size and size[0] == size[1] else None, _quick("kernel_size")),
    )
    fewest, most = depth_range(start)
    right.number_input(
        "Depth (blocks)",
        min_value=fewest,
        max_value=most,
        step=1,
        help="Number of convolution blocks. Adds or removes blocks without pooling, just before the last block that pools. An added block is a "
        "copy of its neighbour, with “same” padding where it would not fit otherwise."
        + (f" The other {fewest} blocks pool, or come after the last pooling, and stay." if fewest > 1 else ""),
        **_bound("depth", len(network.blocks), _quick("depth")),
    )
    rate = common(network, "dropout")
    rates = sorted({*_RATES, *([] if rate is None else [rate])})
    left.selectbox(
        "Dropout",
        rates,
        format_func=lambda rate: f"{rate:g}",
        placeholder="mixed",
        help="Share of a block's output values that are set to zero at random during training, so that the network "
        "relies on no single one. For every convolution block; the dense head keeps its own.",
        **_bound("dropout", rate, _quick("dropout"), argument="index", options=rates),
    )
    right.segmented_control(
        "Padding" if common(network, "padding") else "Padding (mixed)",
        ["valid", "same"],
        help="valid: the window stays inside the map, which therefore shrinks. same: a border of zeros keeps the map's size.",
        **_bound("padding", common(network, "padding"), _quick("padding"), argument="default"),
    )
    fields.choose(
        st,
        "Filters",
        FILTER_FACTORS,
        draft["quick"].get("filters", 1.0),
        key="filters",
        save=_saved(_quick("filters", 1.0)),
        help="How many patterns each convolution looks for: multiplies the filters of every convolution.",
        shown=lambda factor: _FACTORS[factor],
    )
    st.caption(f"These change all blocks at once; filters by block: {filters_in_words(network).replace('-', ' · ')}.")


def _recipe(field: str) -> Callable[[Draft, Any], Draft]:
    def change(draft: Draft, value: Any) -> Draft:
        return {**draft, "recipe": {**draft["recipe"], field: value}}

    return change


def _field(field: str) -> Callable[[Draft, Any], Draft]:
    return lambda draft, value: {**draft, field: value}


def _save_recipe(field: str, value: Any) -> None:
    drafts.save(_recipe(field)(drafts.current(), value))


def _save_within(part: str) -> Callable[[str, Any], None]:
    """Save a field of the recipe's optimizer, schedule or augmentation."""

    def save(field: str, value: Any) -> None:
        _save_recipe(part, {**drafts.current()["recipe"][part], field: value})

    return save


def training(draft: Draft) -> None:
    """How the network is trained, folded until it is wanted; beside Train it stands in words."""
    if lesson := held.recipe():
        st.caption(
            f":material/lock_clock: The lesson recipe holds for whatever you open here: {plain(lesson.words())}. What you had set is "
            "back when your teacher lifts it."
        )
    with st.expander("Recipe: how it is trained", icon=":material/tune:", key="recipe", on_change="rerun") as recipe:
        if recipe.open:
            _training(draft)


def _training(draft: Draft) -> None:
    """Bounds are checked by the experiment: a wrong value stays, and a sentence says what is wrong."""
    recipe = draft["recipe"]
    left, right = st.columns(2)
    fields.choose_kind(
        left,
        "Optimizer",
        OPTIMIZERS,
        recipe["optimizer"]["name"],
        key="optimizer",
        save=partial(_save_recipe, "optimizer"),
        help="How gradients become steps of the weights. Another optimizer comes with its own usual learning rate.",
        shown=lambda name: OPTIMIZERS[name].__name__,
    )
    fields.number(
        right,
        "Learning rate",
        recipe["optimizer"]["learning_rate"],
        key="learning_rate",
        save=partial(_save_within("optimizer"), "learning_rate"),
        help="How far one step moves the weights.",
    )
    lesson = held.recipe()
    own = {"batch_size"} if lesson else {"epochs", "batch_size"}
    fields.show(Recipe, recipe, "recipe", _save_recipe, bounded=False, only=own)
    left, right = st.columns(2)
    if lesson:
        images = min(lesson.train_images, Protocol(draft["protocol"]).max_train_images)
        for label, value in (("Epochs", lesson.epochs), ("Training images", images)):
            left.number_input(label, value=value, key=f"lesson-{label}-{value}", disabled=True, help="The lesson's.")
    else:
        left.number_input(
            "Training images",
            step=1000,
            help="Trains on this many, the first ones. Fewer take less time and make a worse network.",
            **_bound("train_images", draft["train_images"], _field("train_images")),
        )
    right.number_input(
        "Seed",
        step=1,
        help="Determines the initial weights and every random choice. Other seeds show how much is due to chance.",
        **_bound("seed", draft["seed"], _field("seed")),
    )
    fields.choose(
        st,
        "Protocol",
        [str(protocol) for protocol in Protocol],
        draft["protocol"],
        key="protocol",
        save=_saved(lambda d, value: drafts.with_protocol(d, Protocol(value))),
        help="Which images are used for validation, and which weights are kept.",
    )
    st.caption(Protocol(draft["protocol"]).explanation)
    _more(draft)


def _more(draft: Draft) -> None:
    recipe = draft["recipe"]
    optimizer = OPTIMIZERS[recipe["optimizer"]["name"]]
    rest = set(optimizer.model_fields) - {"name", "learning_rate"}
    st.markdown(f"**{optimizer.__name__}**")
    fields.show(optimizer, recipe["optimizer"], "optimizer", _save_within("optimizer"), bounded=False, only=rest)
    st.markdown("**Learning rate over time**")
    schedule = SCHEDULES[recipe["schedule"]["name"]]
    fields.choose(
        st,
        "Schedule",
        list(SCHEDULES),
        recipe["schedule"]["name"],
        key="schedule",
        save=_saved(lambda d, name: _recipe("schedule")(d, SCHEDULES[name]().model_dump(mode="json"))),
        help=" ".join(f"{name}: {kind.summary}." for name, kind in SCHEDULES.items()),
    )
    fields.show(schedule, recipe["schedule"], "schedule", _save_within("schedule"), bounded=False)
    _schedule_chart(draft)
    st.markdown("**Regularisation**")
    fields.show(
        Recipe,
        recipe,
        "recipe",
        _save_recipe,
        bounded=False,
        only={"label_smoothing", "weight_decay", "moving_average", "patience"},
    )
    st.markdown("**Normalisation**")
    fields.show(Recipe, recipe, "recipe", _save_recipe, bounded=False, only={*NORMALIZATION_FIELDS})
    st.markdown("**Augmentation**")
    fields.show(Augmentation, recipe["augmentation"], "augmentation", _save_within("augmentation"), bounded=False)
    _augmentation_preview(draft)


def _schedule_chart(draft: Draft) -> None:
    try:
        experiment = held.applied(drafts.experiment(draft))
    except InputError:
        return

    schedule.learning_rate(experiment)


def _augmentation_preview(draft: Draft) -> None:
    """Eight real digits as they are, and as training would see them in an epoch."""
    try:
        augmentation = parse(Augmentation, draft["recipe"]["augmentation"])
    except InputError:
        return
    images = mnist.first_digits(8)
    transforms = augmentation.transforms(np.random.default_rng(1), len(images))
    rows = [np.hstack(list(images))]
    if augmentation.moves_images:
        rows.append(np.hstack(list(mnist.moved(images, transforms))))
    st.image(
        tiles.url(tiles.digit(np.vstack(rows), 2)),
        caption="Training images; below, augmented."
        if augmentation.moves_images
        else "Training images, not augmented.",
        width="stretch",
    )
