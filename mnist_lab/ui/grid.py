"""Tables on a page: what is copied is what is seen, and what is printed is all of it."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from mnist_lab.ui import presentation

MOST_PRINTED = 200
_CLASS = "printed"
_CURVE_DIGITS = 4


def show(
    rows: pd.DataFrame, columns: Mapping[Any, Any], *, place: Any = st, placeholder: str = "–", **options: Any
) -> None:
    """Show a table: `columns` has settings of some of its columns by name, `options` are those of `st.dataframe`."""
    seen = as_seen(rows, columns)
    table = pa.Table.from_pandas(seen, preserve_index=False)
    settings = {name: _wide_enough(columns[name]) for name in rows if name in columns}
    place.dataframe(table, hide_index=True, placeholder=placeholder, column_config=settings, **options)
    place.html(printed(seen, columns, placeholder))


def _wide_enough(column: Any) -> Any:
    """A column's settings with its width in pixels, if it has one, enlarged as its words are in a presentation."""
    width = column.get("width") if isinstance(column, Mapping) else None
    return column if not isinstance(width, int) else {**column, "width": round(width * presentation.scale())}


def as_seen(rows: pd.DataFrame, columns: Mapping[Any, Any]) -> pd.DataFrame:
    """The same rows with as many digits as their columns show: what is copied is the value, not its format."""
    seen: pd.DataFrame = rows.copy()
    for name in rows:
        if _type(columns.get(name)) == "line_chart":
            seen[name] = rows[name].map(_short)
        elif pd.api.types.is_float_dtype(rows[name]) and (digits := _digits(columns.get(name))) is not None:
            seen[name] = rows[name].round(digits)
    return seen


def _short(curve: Any) -> list[float] | None:
    return [round(value, _CURVE_DIGITS) for value in curve] if hasattr(curve, "__len__") else None


def printed(rows: pd.DataFrame, columns: Mapping[Any, Any], placeholder: str = "–") -> str:
    """The first rows as HTML, all that is text in it escaped; curves are left out."""
    names = [name for name in rows if _type(columns.get(name)) != "line_chart"]
    head = "".join(f"<th>{escape(_label(name, columns.get(name)))}</th>" for name in names)
    shown = rows.head(MOST_PRINTED)
    cells = [[_cell(value, columns.get(name), placeholder) for value in shown[name]] for name in names]
    body = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in row)}</tr>" for row in zip(*cells, strict=True))
    more = len(rows) - len(shown)
    left = f"<caption>The first {len(shown)} rows; {more:,} more are in an export.</caption>" if more else ""
    return f'<table class="{_CLASS}">{left}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _settings(column: Any) -> dict[str, Any]:
    return (column.get("type_config") or {}) if isinstance(column, Mapping) else {}


def _type(column: Any) -> Any:
    return _settings(column).get("type")


def _digits(column: Any) -> int | None:
    found = re.search(r"%\.(\d+)f", str(_settings(column).get("format")))
    return int(found[1]) if found else None


def _label(name: Any, column: Any) -> str:
    label = column.get("label") if isinstance(column, Mapping) else column
    return str(label or name)


def _cell(value: Any, column: Any, placeholder: str) -> str:
    """A cell as HTML."""
    text = escape(_text(value, column) or placeholder)
    return f'<img src="{text}" alt="">' if _type(column) == "image" else text


def _text(value: Any, column: Any) -> str:
    """A cell as the table on the screen shows it; empty where there is nothing."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    form = _settings(column).get("format")
    if form == "localized":
        return f"{value:,}".removesuffix(".0")
    if form and "%" in form and not isinstance(value, str):
        return str(form % value)
    return f"{value:g}" if isinstance(value, float) else str(value)
