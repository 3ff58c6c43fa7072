"""Widgets for the fields of a spec, made from its own titles, descriptions, types and bounds."""

import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from mnist_lab import numerals
from mnist_lab.design.blocks import Spec
from mnist_lab.errors import InputError

Save = Callable[[str, Any], None]

_PLACES, _DEFAULTS = "places_of_fields", "defaults_of_fields"
_WRONG = ":small[:material/error: {}]"


def number(
    place: Any, label: str, value: float | str, *, key: str, save: Callable[[float | str], None], help: str
) -> None:
    """A field for a real number, bound to a value kept elsewhere; what is not a number is saved as the text that it is.

    A browser's own field for numbers drops characters that it does not expect: `0,003` became 3.
    """
    text = value if isinstance(value, str) else numerals.written(value)
    typed = st.session_state.get(_name(key))
    if typed is not None and _read(typed)[0] == value:
        text = typed  # the same number written in another way
    place.text_input(
        label,
        max_chars=numerals.MAX_LENGTH,
        help=help,
        **bound(key, text, lambda new: save(new if (found := _read(new)[0]) is None else found)),
    )
    if wrong := _read(text)[1]:
        place.markdown(_WRONG.format(wrong))


def optional_number(
    place: Any, label: str, *, key: str, help: str | None = None, is_count: bool = False
) -> float | None:
    """An optional number, kept for the session; None where the field is empty, or holds no number, which it then says."""
    text = place.text_input(label, key=key, persist_state="session", max_chars=numerals.MAX_LENGTH, help=help)
    if not text.strip():
        return None
    found, wrong = _read(text, is_count=is_count)
    if wrong:
        place.markdown(_WRONG.format(f"{wrong} Until then it is ignored."))
    return found


def _read(text: str, *, is_count: bool = False) -> tuple[float | None, str]:
    """A number and an empty text, or None and why."""
    try:
        return numerals.read(text, is_count=is_count), ""
    except InputError as error:
        return None, str(error)


def _name(key: str) -> str:
    """The key of the widget that is bound under `key` now."""
    return f"{key}.{st.session_state.setdefault(_PLACES, ({}, {}))[0].setdefault(key, 0)}"


def bound(
    key: str, value: Any, save: Callable[[Any], None], *, argument: str = "value", options: Sequence[Any] = ()
) -> dict[str, Any]:
    """Arguments that bind a widget to a value kept elsewhere: it always shows `value`, a change goes to `save`.

    That value is the only state. Where the widget's own state differs, something else has changed the value, and a new
    widget replaces the old one: a browser that has not drawn the change yet still reports the old widget's state, which
    for the same widget would undo the change. The same holds for what it reports of a page that the session has left:
    Streamlit takes all of it for new, although it is what the widget showed.

    A widget begins with its value as its own default, not by the session's state: a browser reports the default until it
    has drawn such a state, which would be a change that nobody made.

    Args:
        argument: the widget's own name for its default; `index` counts in `options`.
    """
    name = _name(key)
    places, shown = st.session_state[_PLACES]
    defaults: dict[str, Any] = st.session_state.setdefault(_DEFAULTS, {})
    if st.session_state.get(name, defaults.get(name, value)) != value:
        places[key] += 1
        name = _name(key)
    place = places[key]
    default = defaults.setdefault(name, value)
    if argument == "index":
        default = list(options).index(default) if default in options else None
    shown[key] = value

    def changed() -> None:
        new = st.session_state[name]
        if places[key] == place and new != shown[key]:
            shown[key] = new
            save(new)

    return {"key": name, "on_change": changed, argument: default}


def choose(
    place: Any,
    label: str,
    options: Sequence[Any],
    value: Any,
    *,
    key: str,
    save: Callable[[Any], None],
    help: str,
    shown: Callable[[Any], str] = str,
) -> None:
    """A segmented control in which one option is always selected.

    A browser that has not yet drawn the selection reports none when another widget is pressed. That is no change: the
    widget is then replaced by one that shows `value`.
    """

    def save_selected(new: Any) -> None:
        if new is not None:
            save(new)

    place.segmented_control(
        label,
        options,
        required=True,
        format_func=shown,
        help=help,
        **bound(key, value, save_selected, argument="default"),
    )


def choose_kind(
    place: Any,
    label: str,
    kinds: Mapping[str, type[Spec]],
    name: str,
    *,
    key: str,
    save: Callable[[Any], None],
    help: str,
    shown: Callable[[str], str] = str,
) -> None:
    """A select box for the kind of a nested spec; a new kind is saved with its default fields."""
    place.selectbox(
        label,
        list(kinds),
        format_func=shown,
        help=help,
        **bound(
            key, name, lambda new: save(kinds[new]().model_dump(mode="json")), argument="index", options=list(kinds)
        ),
    )


def show(
    kind: type[Spec], values: dict[str, Any], key: str, save: Save, *, bounded: bool, only: set[str] | None = None
) -> None:
    """Two columns of widgets for the plain fields of a spec, in their order; nested specs are left to the caller.

    Args:
        values: the fields as plain data; save: called with a field's name and new value.
        bounded: widgets for whole numbers refuse what is out of bounds; else they keep it, and the caller says what is
            wrong. What is typed into a field for a real number is always kept.
        only: these fields; all where None.
    """
    cells: list[Callable[[Any], None]] = []
    for name, info in kind.model_fields.items():
        if (only is None or name in only) and not _is_nested(info) and len(get_args(info.annotation)) != 1:
            found = _cells(info, values[name], f"{key}-{name}", partial(save, name), bounded=bounded)
            if len(found) == 2 and len(cells) % 2:
                cells.append(lambda column: None)  # a height and its width stay side by side
            cells += found
    for first in range(0, len(cells), 2):
        for column, cell in zip(st.columns(2, vertical_alignment="bottom"), cells[first : first + 2], strict=False):
            cell(column)


def _is_nested(info: FieldInfo) -> bool:
    kind = info.annotation
    if get_origin(kind) in (Union, types.UnionType):
        return True
    return isinstance(kind, type) and issubclass(kind, Spec)


def _cells(
    info: FieldInfo, value: Any, key: str, save: Callable[[Any], None], *, bounded: bool
) -> list[Callable[[Any], None]]:
    """Functions that draw a field's widgets: one, or two for a height and a width."""
    kind: Any = info.annotation
    label, help = info.title, info.description
    if get_origin(kind) is Literal:
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        labels: Any = extra.get("labels", {})  # of what is stored under another name
        shown = partial(_shown, labels)
        return [
            lambda place: place.selectbox(
                label,
                get_args(kind),
                format_func=shown,
                help=help,
                **bound(key, value, save, argument="index", options=get_args(kind)),
            )
        ]
    if kind is bool:
        return [lambda place: place.checkbox(label, help=help, **bound(key, value, save))]
    if get_origin(kind) is tuple:
        limits = _limits(get_args(kind)[0].__metadata__[0])

        def side(place: Any, i: int, word: str) -> None:
            def save_side(new: int) -> None:
                save([new if i == j else old for j, old in enumerate(value)])

            words = f"{str(label).removesuffix(' size')} {word}"
            place.number_input(words, help=help, **limits, **bound(f"{key}-{word}", value[i], save_side))

        return [partial(side, i=i, word=word) for i, word in enumerate(("height", "width"))]
    if kind is float:
        return [partial(number, label=str(label), value=value, key=key, save=save, help=str(help))]
    limits = _limits(info) if bounded else {"step": 1}
    return [lambda place: place.number_input(label, help=help, **limits, **bound(key, value, save))]


def _shown(labels: Mapping[str, str], value: str) -> str:
    return labels.get(value, value)


def _limits(info: FieldInfo) -> dict[str, int]:
    """Bounds and step of a field for whole numbers."""
    rules = {name: getattr(rule, name) for rule in info.metadata for name in ("ge", "le") if hasattr(rule, name)}
    return {"min_value": rules["ge"], "max_value": rules["le"], "step": 1}
