"""Tables out and in again: every digit, every name, the whole design; and what spreadsheets make of them."""

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.results import files
from mnist_lab.results import table as results_table
from mnist_lab.store.store import Store
from tests.builders.damage import refused, spoiled
from tests.builders.runs import ADA, LEFT_BY_0_6, finished

KINDS = ("CSV", "Parquet", "JSON")
FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1",
    " =1",
    "a;=1",
    "a\n=1",
    "'=1",
    "''=1",
    "=1;-2",
]


def fields_of(lab: Lab, rows: pd.DataFrame) -> pd.DataFrame:
    keys = rows["design_key"].unique()
    return pd.DataFrame([lab.reader(ADA).fields(key) for key in keys], index=keys)


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A run of each preset, of each optimizer with each schedule, and some with trying names."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('every_kind') / 'lab.db'}")
    for name, preset in PRESETS.items():
        finished(store, preset, 0.9 + len(name) / 1000)
    for number, (optimizer, schedule) in enumerate((o, s) for o in OPTIMIZERS for s in SCHEDULES):
        recipe = PRESETS["3x3"].recipe.model_dump(mode="json")
        recipe |= {"optimizer": {"name": optimizer}, "schedule": {"name": schedule}}
        finished(store, PRESETS["3x3"].with_changes(recipe=recipe, name=f"0{number}"), 1 / 3)
    for seed, (name, note) in enumerate((("NA", "null"), ("=1+1", "- a\r- b"), ("007", "1e5"), ("7×7", "")), 7):
        run = finished(store, PRESETS["3x3"].with_changes(seed=seed), 0.1 + 0.2)
        store.labels.set([run.id], name=name, note=note)
    store.labels.set([1], tags=["=tag", "a;=b", "ü"])
    yield store
    store.close()


def whole(store: Store, *, fold: bool) -> pd.DataFrame:
    lab = Lab(store.url)
    rows = lab.reader(ADA).table()
    fields = fields_of(lab, rows)
    return results_table.whole(results_table.fold(rows) if fold else rows, fields, ["n", "name", "Kernel size"])


def same(read: pd.DataFrame, given_: pd.DataFrame) -> None:
    """Equal to the last digit, whatever stands for what is missing."""
    assert list(read) == list(given_)
    for name in given_:
        for a, b in zip(read[name], given_[name], strict=True):
            if isinstance(b, tuple | list | np.ndarray):
                assert list(a) == list(b), name
            elif b is None or pd.isna(b):
                assert a is None or pd.isna(a), name
            else:
                assert a == b, name
                assert isinstance(a, str) == isinstance(b, str), name


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_tables_come_back_to_the_last_digit_with_the_chosen_columns_first(
    every_kind: Store, kind: files.Kind, *, fold: bool
) -> None:
    rows = whole(every_kind, fold=fold)
    assert list(rows)[:3] == ["n", "name", "Kernel size"]
    assert {"run", "runs", "Optimizer", "Learning rate (optimizer)", "Batch size (images)", "Dropout"} <= set(rows)
    same(files.read(files.written(rows, kind), kind), rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_and_largest_numbers_keep_all_their_digits(kind: files.Kind) -> None:
    numbers = [
        3.3e-11,
        1e-12,
        5e-324,
        1 / 3,
        0.1 + 0.2,
        1.7976931348623157e308,
        float("nan"),
        -0.1,
        123456789.123456789,
    ]
    rows = pd.DataFrame({"run": range(1, 10), "loss": numbers, "multiply_adds": [2**53 + 1, *range(8)]})
    same(files.read(files.written(rows, kind), kind), rows)
    endless = rows.assign(loss=[float("inf"), -float("inf"), *numbers[2:]])
    assert files.read(files.written(endless, kind), kind)["loss"].astype(float)[:2].tolist() == [
        np.inf,
        -np.inf,
    ]


def test_json_is_json_and_csv_is_marked_as_utf_8(store: Store) -> None:
    finished(store, PRESETS["7x7"], 3.3e-11)
    rows = whole(store, fold=True)
    (record,) = json.loads(files.written(rows, "JSON"))
    assert (record["test_accuracy"], record["kernel_sizes"], record["test_sd"]) == (3.3e-11, "7×7", None)
    data = files.written(rows, "CSV")
    assert data.startswith(b"\xef\xbb\xbf")
    assert "7×7" in data.decode("utf-8-sig")
    assert pd.read_csv(io.BytesIO(data))["kernel_sizes"].tolist() == ["7×7"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula_and_every_name_comes_back(name: str, separator: str) -> None:
    rows = pd.DataFrame({"run": [1], "name": [name], "tags": [[name]], "note": [f"x\n{name}"], "loss": [-1.5]})
    data = files.written(rows, "CSV")
    # As a spreadsheet may cut it: at its own country's separator, whether or not that is within quotes.
    for line in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator):
        parts = [part.strip(" ") for cell in line for part in (cell, *cell.replace("\r", "\n").split("\n"))]
        assert not [part for part in parts if part != "-1.5" and part.startswith(tuple("=+-@\t＝＋－＠"))], line
    same(files.read(data, "CSV"), rows)


@settings(max_examples=40)
@given(st.lists(st.text(alphabet="=+-@'; \t\r\n,\"ax＝", max_size=12), min_size=1, max_size=30))
@example(["'=;'-"])
def test_the_apostrophe_before_a_formula_goes_again(texts: list[str]) -> None:
    rows = pd.DataFrame({"run": range(len(texts)), "note": texts, "tags": [[text] for text in texts]})
    same(files.read(files.written(rows, "CSV"), "CSV"), rows)


def test_logs_say_of_each_line_its_run_and_its_whole_design(store: Store) -> None:
    for seed in (1, 2):
        finished(store, PRESETS["3x3"].with_changes(seed=seed), 0.9)
    lab = Lab(store.url)
    rows = lab.reader(ADA).table()
    log = pd.DataFrame({"run_id": [1, 1, 2], "epoch": [1, 2, 1], "loss": [1e-12, 2 / 3, 0.5]})
    found = results_table.whole_epochs(log, rows, fields_of(lab, rows))
    assert found["run"].tolist() == [1, 1, 2]
    assert found["seed"].tolist() == [1, 1, 2]
    assert found["Optimizer"].tolist() == ["adadelta"] * 3
    for kind in KINDS:
        same(files.read(files.written(found, kind), kind), found)


def test_what_older_labs_called_a_run_is_read() -> None:
    rows = pd.DataFrame({"ids": [[3, 2]], "runs": ["3, 2"], "seeds": ["1, 2"], "tags": [["a"]], "n": [2]})
    old_csv = rows.to_csv(index=False).encode()  # lists as Python writes them, and no mark
    for data, kind in ((old_csv, "CSV"), (rows.to_json(orient="records").encode(), "JSON")):
        found = files.read(data, kind)
        assert found.loc[0, ["run", "runs", "seeds", "tags"]].tolist() == [3, [3, 2], [1, 2], ["a"]]
    without_ids = files.written(rows.drop(columns="ids"), "Parquet")
    assert files.read(without_ids, "Parquet").loc[0, ["run", "runs"]].tolist() == [3, [3, 2]]
    for name in ("run_id", "id"):
        assert files.read(f"{name},loss\n7,0.5\n".encode(), "CSV")["run"].tolist() == [7]


def test_the_three_tables_that_version_0_6_left_are_one() -> None:
    tables = [files.read((LEFT_BY_0_6 / f"all.{kind.lower()}").read_bytes(), kind) for kind in KINDS]
    for name in ("run", "seed", "name", "tags", "note", "curve", "kernel_sizes", "when", "design_key", "status"):
        csv_, parquet, from_json = (table[name].tolist() for table in tables)
        assert csv_ == parquet == from_json, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"PAR1",
        b"[" * 100_000,
        b'run,tags\n1,"[("',
        b"[1]",
        b'{"a": 1}',
        b'[{"runs": []}]',
        b"runs\n[]\n",
    ],
)
def test_another_file_is_refused_in_a_sentence_or_read(data: bytes, kind: files.Kind) -> None:
    try:
        files.read(data, kind)
    except InputError as error:
        assert str(error).startswith(f"Table: this is not a {kind} file")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_table_is_refused_in_a_sentence_or_read(kind: files.Kind) -> None:
    whole = (LEFT_BY_0_6 / f"all.{kind.lower()}").read_bytes()
    assert refused(lambda data: files.read(data, kind), spoiled(whole, 150))


def test_a_parquet_file_whose_account_of_its_columns_is_damaged_is_refused_in_a_sentence() -> None:
    buffer = io.BytesIO()
    table = pyarrow.table({"run": [1]}).replace_schema_metadata({"pandas": '{"columns": [{"name": "run"}]}'})
    pyarrow.parquet.write_table(table, buffer)
    assert refused(lambda data: files.read(data, "Parquet"), [buffer.getvalue()])
