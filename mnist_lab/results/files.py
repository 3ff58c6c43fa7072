"""Tables of runs and epochs as CSV, Parquet or JSON files, and reading of such files, also those of earlier versions."""

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

# Text that a spreadsheet takes for a formula at the start of a cell: https://owasp.org/www-community/attacks/CSV_Injection.
# In much of Europe, spreadsheets split lines at semicolons even within quotes; the full-width signs are those of Japanese
# keyboards.
_START = r"(?m)(^ *|[;\t\r] *)"
_LIKE_A_FORMULA = r"(?='*[=+\-@\t\r＝＋－＠])"
_GUARD, _UNGUARD = re.compile(_START + _LIKE_A_FORMULA), re.compile(f"{_START}'{_LIKE_A_FORMULA}")


def written(rows: pd.DataFrame, kind: Kind) -> bytes:
    """A table as the bytes of a file. Numbers keep all their digits; missing values are empty cells or null.

    CSV files are UTF-8 with a byte order mark, lists in them are JSON, and text that a spreadsheet would take for a formula
    is prefixed by an apostrophe, which `read` removes.
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
        # JSON has no such number, but most readers convert this text to it.
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """A text with an apostrophe before whatever a spreadsheet would take for a formula."""
    return _GUARD.sub(r"\1'", text)


def read(data: bytes, kind: Kind) -> pd.DataFrame:
    """The table in a file written by version 0.6 or later, with the key `run` and with lists as lists.

    Raises:
        InputError: the file is not such a table.
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
        # On a damaged file pandas and Arrow may raise any exception.
        log.info("a table cannot be read", exc_info=error)
        raise InputError(f"Table: this is not a {kind} file of runs or epochs ({type(error).__name__}).") from None


def _with_key(found: pd.DataFrame) -> pd.DataFrame:
    """The table with the key `run`, which earlier versions called `run_id`, `id` or, for several, `ids`."""
    if "ids" in found:
        found = found.drop(columns=["runs"], errors="ignore").rename(columns={"ids": "runs"})
    if "run" not in found:
        found = found.rename(columns={"run_id": "run", "id": "run"})
    if "run" not in found and "runs" in found:
        found.insert(0, "run", found["runs"].map(lambda runs: runs[0]))
    return found


def _column(cells: pd.Series) -> pd.Series:
    """A column of CSV cells, all of them text, converted to its type in the table."""
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
            values = [None if cell == "" else kind(cell) for cell in cells]  # pandas' reader may err in the last digit
            return pd.Series(values, cells.index)
        except ValueError:
            continue
    return cells.map(lambda cell: _UNGUARD.sub(r"\1", cell) or None)


@functools.cache
def _fields_of_text() -> frozenset[str]:
    """The fields of a design that are text, even where they look like a number, as `16` does."""
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
    except ValueError:  # version 0.6 wrote lists as Python does
        return list(ast.literal_eval(value))
