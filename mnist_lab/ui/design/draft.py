"""The design being edited: one plain value a session, shared through the address.

A draft may be impossible or hold values out of range: what a person typed is kept while the page says what is wrong.
So it is plain data, and `experiment` makes the validated thing of it.
"""

import contextlib
from typing import Any

import streamlit as st

from mnist_lab.design import edit as editing
from mnist_lab.design import naming
from mnist_lab.design.architecture import Architecture, Part
from mnist_lab.design.bulk_edit import BulkEdit
from mnist_lab.design.experiment import Experiment, Protocol, parse, read_design
from mnist_lab.design.history import History
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.ui import held, url

_KEY = "history"
_ADDRESS_KEY = "draft_address"
FIRST_PRESET = "3x3"


def load() -> dict[str, Any]:
    """This session's draft: from the address where somebody has just arrived at one, else as it was left.

    The draft's fields are an experiment's, with `start` (the network before the quick controls) and `quick` in the
    place of `architecture`; and `refused`: invalid values of fields of blocks, each with its sentence.

    Raises:
        InputError: the address holds something that is no design; the draft is as it was.
    """
    is_new = _KEY not in st.session_state
    if is_new:
        st.session_state[_KEY] = History(of_experiment(PRESETS[FIRST_PRESET]))
        st.session_state[_ADDRESS_KEY] = None
    named = (st.query_params.get("preset"), st.query_params.get("design"))
    if any(named) and named != st.session_state[_ADDRESS_KEY] and (is_new or url.is_from_history()):
        found = of_experiment(_from_address(*named))
        st.session_state[_KEY] = History(found) if is_new else history().push(found)
        st.session_state[_ADDRESS_KEY] = named
    elif st.session_state[_ADDRESS_KEY] is None:
        st.session_state[_ADDRESS_KEY] = _address(current())
    return current()


def query() -> dict[str, str]:
    """The query of the Design page's address: the draft, or its last version that could be trained."""
    named = st.session_state.get(_ADDRESS_KEY) or (FIRST_PRESET, None)
    return {name: value for name, value in zip(("preset", "design"), named, strict=True) if value}


def history() -> History[dict[str, Any]]:
    """The drafts of this session."""
    found: History[dict[str, Any]] = st.session_state[_KEY]
    return found


def is_begun() -> bool:
    """Whether this session has a draft."""
    return _KEY in st.session_state


def current() -> dict[str, Any]:
    """This session's draft as it is, whatever the address says."""
    return history().present


def trainable() -> Experiment:
    """What this session's draft would train, on whichever page; the first preset where there is no draft yet, or it cannot be
    trained. In the lesson recipe where one binds whoever looks."""
    if _KEY in st.session_state:
        with contextlib.suppress(InputError):
            return held.applied(experiment(current()))
    return held.applied(PRESETS[FIRST_PRESET])


def _from_address(preset: str | None, design: str | None) -> Experiment:
    if preset is not None:
        if preset not in PRESETS:
            raise InputError(f"Address: preset should be one of {', '.join(PRESETS)}; received {preset[:60]!r}.")
        return PRESETS[preset]
    assert design is not None
    try:
        return read_design(design)
    except InputError as error:
        raise InputError(f"Address: this link holds no design the lab can read ({str(error).rstrip('.')}).") from None


def of_experiment(experiment: Experiment) -> dict[str, Any]:
    """A draft that starts from an experiment, with the quick controls at rest."""
    fields = experiment.model_dump(mode="json")
    return {**fields, "start": fields.pop("architecture"), "quick": {}, "refused": {}}


def open_run(experiment: Experiment) -> None:
    """Make an experiment this session's draft, whether or not there is one yet: a change that can be undone."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = History(of_experiment(PRESETS[FIRST_PRESET]))
    st.session_state[_KEY] = history().push(of_experiment(experiment))
    st.session_state[_ADDRESS_KEY] = _address(current())


def save(draft: dict[str, Any]) -> None:
    """Make this the session's draft: a change that can be undone."""
    _set(history().push(draft))


def edit(network: Architecture) -> None:
    """Make this the draft's network, with the quick controls at rest."""
    save(with_network(current(), network))


def edit_recipe(fields: dict[str, Any]) -> None:
    """Make these the values of some fields of the draft's recipe."""
    save({**current(), "recipe": {**current()["recipe"], **fields}})


def with_network(draft: dict[str, Any], network: Architecture) -> dict[str, Any]:
    """A draft with another network, and the quick controls at rest. A network's first normalisation comes with corrected
    statistics: a recipe of before says nothing of them, for there was nothing to correct."""
    recipe = draft["recipe"]
    if network.normalizes and not architecture(draft).normalizes:
        recipe = {**recipe, "bias_corrected_statistics": True}
    return {**draft, "start": network.model_dump(mode="json"), "quick": {}, "refused": {}, "recipe": recipe}


def edit_field(part: Part, index: int, name: str, value: Any) -> None:
    """Change one field of a block of the draft; an invalid value is kept beside the network, which stays as it is."""
    draft = current()
    refused = {place: what for place, what in draft["refused"].items() if place != f"{part}-{index}-{name}"}
    try:
        draft = with_network(draft, editing.change(architecture(draft), part, index, name, value))
    except InputError as error:
        refused[f"{part}-{index}-{name}"] = [value, str(error)]
    save({**draft, "refused": refused})


def refused(draft: dict[str, Any], part: Part, index: int) -> dict[str, Any]:
    """Invalid values that were typed into the fields of a block, by the field's name."""
    start = f"{part}-{index}-"
    return {
        place.removeprefix(start): value for place, (value, _) in draft["refused"].items() if place.startswith(start)
    }


def undo() -> None:
    """Undo the last change of the draft."""
    _set(history().undo())


def redo() -> None:
    """Redo the change that was undone last."""
    _set(history().redo())


def _set(new: History[dict[str, Any]]) -> None:
    """Keep it, and put the draft into the address where it can be trained."""
    st.session_state[_KEY] = new
    if named := _address(new.present):
        st.session_state[_ADDRESS_KEY] = named
        st.query_params.from_dict(query())


def _address(draft: dict[str, Any]) -> tuple[str | None, str | None] | None:
    """The preset and the design by which an address names a draft; None where it cannot be trained."""
    try:
        made = experiment(draft)
    except InputError:
        return None
    if made == PRESETS.get(made.name):
        return made.name, None
    return None, made.model_dump_json()  # in full: a link outlives the defaults of its day


def start(draft: dict[str, Any]) -> Architecture:
    """The network before the quick controls."""
    return parse(Architecture, draft["start"])


def architecture(draft: dict[str, Any]) -> Architecture:
    """The network as the controls now make it; it may be impossible."""
    return parse(BulkEdit, draft["quick"]).apply(start(draft))


def experiment(draft: dict[str, Any]) -> Experiment:
    """What would be trained.

    Raises:
        InputError: one sentence on what is wrong.
    """
    for _, why in draft["refused"].values():
        raise InputError(why)
    fields = {name: value for name, value in draft.items() if name not in ("start", "quick", "refused")}
    made = parse(Experiment, {**fields, "architecture": architecture(draft).model_dump()})
    return made.model_copy(update={"name": naming.named(made.name, made)})


def preset(draft: dict[str, Any]) -> Experiment | None:
    """The preset that the draft comes from; None where a person named it."""
    return PRESETS.get(naming.base(draft["name"]) or "")


def is_preset(draft: dict[str, Any]) -> bool:
    """Whether the draft is the preset of its name, and nothing of it is changed."""
    begun = preset(draft)
    try:
        made = experiment(draft)
    except InputError:
        return False
    return begun is not None and made.seed == begun.seed and not any(naming.differences(begun, made))


def with_protocol(draft: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """The draft under another protocol: all images stay all images, and fewer stay as they are where allowed."""
    every = draft["train_images"] == Protocol(draft["protocol"]).max_train_images
    images = protocol.max_train_images if every else min(draft["train_images"], protocol.max_train_images)
    return {**draft, "protocol": str(protocol), "train_images": images}
