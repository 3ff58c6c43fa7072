"""Widgets for the fields of a spec, made from what the spec says of itself: titles, descriptions, types, bounds."""

import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from mnist_lab.architecture import Spec

Save = Callable[[str, Any], None]

_PLACES = "places_of_fields"


def bound(key: str, value: Any, save: Callable[[Any], None]) -> dict[str, Any]:
    """Arguments that bind a widget to a value kept elsewhere: it always shows `value`, a change goes to `save`.

    That value is the only state. Where the widget's own differs, something else has changed the value, and a new widget
    takes its place: a browser that has not drawn the change yet still reports the old widget's state with whatever
    comes next, and for the same widget that would be a change back. So would be what it reports of a page that the
    session has left already: all of it is new to Streamlit then, but no change of what the widget showed.
    """
    places, shown = st.session_state.setdefault(_PLACES, ({}, {}))
    place = places.setdefault(key, 0)
    if st.session_state.get(f"{key}.{place}", value) != value:
        places[key] = place = place + 1
    name = f"{key}.{place}"
    if name not in st.session_state:
        st.session_state[name] = value
    shown[key] = value

    def changed() -> None:
        new = st.session_state[name]
        if places[key] == place and new != shown[key]:
            shown[key] = new
            save(new)

    return {"key": name, "on_change": changed}


def choose_kind(
    place: Any,
    label: str,
    kinds: Mapping[str, type[Spec]],
    name: str,
    *,
    key: str,
    save: Callable[[Any], None],
    says: str,
    shown: Callable[[str], str] = str,
) -> None:
    """A select box of the kinds that a nested spec can be of; another kind is saved with its usual fields."""
    place.selectbox(
        label,
        list(kinds),
        format_func=shown,
        help=says,
        **bound(key, name, lambda new: save(kinds[new]().model_dump(mode="json"))),
    )


def show(
    kind: type[Spec], values: dict[str, Any], key: str, save: Save, *, bounded: bool, only: set[str] | None = None
) -> None:
    """Two columns of widgets for the plain fields of a spec, in their order; nested specs are left to the caller.

    Args:
        values: the fields as plain data; save: called with a field's name and new value.
        bounded: let the widgets refuse what is out of bounds; else it is kept, and somebody else says what is wrong.
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
    """What draws a field's widgets: one, or two for a height and a width."""
    kind: Any = info.annotation
    label, says = info.title, info.description
    if get_origin(kind) is Literal:
        return [lambda place: place.selectbox(label, get_args(kind), help=says, **bound(key, value, save))]
    if kind is bool:
        return [lambda place: place.checkbox(label, help=says, **bound(key, value, save))]
    if get_origin(kind) is tuple:
        limits = _limits(get_args(kind)[0].__metadata__[0], int)

        def side(place: Any, i: int, word: str) -> None:
            def save_side(new: int) -> None:
                save([new if i == j else old for j, old in enumerate(value)])

            words = f"{str(label).removesuffix(' size')} {word}"
            place.number_input(words, help=says, **limits, **bound(f"{key}-{word}", value[i], save_side))

        return [partial(side, i=i, word=word) for i, word in enumerate(("height", "width"))]
    limits = _limits(info, kind)
    if not bounded:
        limits = {rule: limits[rule] for rule in ("step", "format") if rule in limits}
    return [lambda place: place.number_input(label, help=says, **limits, **bound(key, value, save))]


def _limits(info: FieldInfo, kind: type) -> dict[str, Any]:
    """Bounds, step and format of a number field."""
    rules = {
        name: getattr(rule, name) for rule in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)
    }
    high: float = rules.get("le", rules.get("lt"))  # type: ignore[assignment]
    if kind is int:
        return {"min_value": rules["ge"], "max_value": high, "step": 1}
    step = 0.001 if "gt" in rules else 0.05 if high <= 1 else 1.0
    top = float(high) if "le" in rules else high - 0.001
    return {"min_value": float(rules.get("ge", 0.0)), "max_value": top, "step": step, "format": "%g"}
