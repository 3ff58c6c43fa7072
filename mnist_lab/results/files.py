"""Tables of runs and epochs as CSV, Parquet or JSON files; and such files, those of older labs too, as tables again."""

import ast
import functools
import io
import json
import logging
import math
import re
from typing import Any, Literal

import numpy as np
import pandas as pd

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.results import table

log = logging.getLogger(__name__)

Kind = Literal["CSV", "Parquet", "JSON"]
_LISTS = ("runs", "seeds", "tags", "curve")
_TEXTS = "name note owner status protocol kernel_sizes filters predicted continues error design_key".split()
_MAY_BE_MISSING = ("predicted", "continues", "error")

# What a spreadsheet takes for a formula where a cell begins with it: https://owasp.org/www-community/attacks/CSV_Injection.
# In much of Europe one splits a line at its semicolons, wherever they are; the wide signs are those of Japanese keyboards.
_START = r"(?m)(^ *|[;\t\r] *)"
_LIKE_A_FORMULA = r"(?='*[=+\-@\t\r＝＋－＠])"
_GUARD, _UNGUARD = re.compile(_START + _LIKE_A_FORMULA), re.compile(f"{_START}'{_LIKE_A_FORMULA}")


def written(rows: pd.DataFrame, kind: Kind) -> bytes:
    """A table as the bytes of a file. Every number keeps all its digits; one that is missing is an empty cell or null.

    CSV is marked as UTF-8, its lists are JSON, and text that a spreadsheet would take for a formula has an apostrophe
    before it, which `read` takes away again.
    """
    plain = rows.copy()
    for name in plain:
        if any(isinstance(value, tuple) for value in plain[name]):
            plain[name] = plain[name].map(list)
    if kind == "Parquet":
        buffer = io.BytesIO()
        plain.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if kind == "JSON":
        records = [{name: _as_json(value) for name, value in row.items()} for row in plain.to_dict("records")]
        return json.dumps(records, ensure_ascii=False, allow_nan=False, indent=1).encode()
    for name in plain.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]):
        plain[name] = plain[name].map(_cell)
    text: str = plain.to_csv(index=False, lineterminator="\r\n")  # so a lone \r is quoted too
    return text.encode("utf-8-sig")


def _as_json(value: Any) -> Any:
    if isinstance(value, list | np.ndarray):
        return [_as_json(item) for item in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isinf(value):
        return (
            "Infinity" if value > 0 else "-Infinity"
        )  # JSON has no such number; this is read as one nearly everywhere
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """A text with an apostrophe wherever a spreadsheet would take what follows for a formula."""
    return _GUARD.sub(r"\1'", text)


def read(data: bytes, kind: Kind) -> pd.DataFrame:
    """The table of a file that this lab wrote, or one from version 0.6 on: `run` is the key, lists are lists.

    Raises:
        InputError: it is no such file.
    """
    try:
        if kind == "Parquet":
            found = pd.read_parquet(io.BytesIO(data))
        elif kind == "JSON":
            found = pd.DataFrame(json.loads(data.decode("utf-8-sig")))
        else:
            found = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig")
            found = found.apply(_column)
        for name in {*_LISTS, "ids"} & {*found}:
            found[name] = found[name].map(_list)
        if "when" in found:
            found["when"] = pd.to_datetime(found["when"], utc=True)
        return _with_key(found)
    except Exception as error:
        # A damaged file makes pandas and Arrow raise what they like, which is nobody's mistake but its own.
        log.info("a table cannot be read", exc_info=error)
        raise InputError(f"Table: this is no {kind} file of runs or epochs ({type(error).__name__}).") from None


def _with_key(found: pd.DataFrame) -> pd.DataFrame:
    """The same with `run` for what older labs called `run_id`, `id` or, of several, `ids`."""
    if "ids" in found:
        found = found.drop(columns=["runs"], errors="ignore").rename(columns={"ids": "runs"})
    if "run" not in found:
        found = found.rename(columns={"run_id": "run", "id": "run"})
    if "run" not in found and "runs" in found:
        found.insert(0, "run", found["runs"].map(lambda runs: runs[0]))
    return found


def _column(cells: pd.Series) -> pd.Series:
    """A column of texts as what it was before it became CSV."""
    if cells.name in (*_LISTS, "ids", "when"):
        return cells
    if cells.name in (*_TEXTS, *_fields_of_text()):
        texts = cells.map(lambda cell: _UNGUARD.sub(r"\1", cell))
        return texts.where(texts != "", None) if cells.name in _MAY_BE_MISSING else texts
    given = [cell for cell in cells if cell != ""]
    if set(given) <= {"True", "False"}:
        return cells.map({"True": True, "False": False})
    for kind in (int, float):
        try:
            values = [None if cell == "" else kind(cell) for cell in cells]  # pandas' own reader errs in the last digit
            return pd.Series(values, cells.index)
        except ValueError:
            continue
    return cells.map(lambda cell: _UNGUARD.sub(r"\1", cell) or None)


@functools.cache
def _fields_of_text() -> frozenset[str]:
    """The fields of a design that are text, though `16` may be all that is in them."""
    fields = table.fields(PRESETS["3x3"].model_dump_json())
    return frozenset(name for name, value in fields.items() if isinstance(value, str))


def _list(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, str):
        return list(value)
    value = _UNGUARD.sub(r"\1", value)
    if not value.startswith("["):
        return [int(number) for number in value.split(", ")]
    try:
        return list(json.loads(value))
    except ValueError:  # as Python writes a list, which version 0.6 did
        return list(ast.literal_eval(value))
