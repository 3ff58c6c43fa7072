"""What is printed reaches every kind of output."""

import pytest
from rich.table import Table

from mnist_lab.cli import console
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.runs import finished
from tests.builders.texts import LONG_NAME


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_every_encoding_of_an_output_is_written_to(
    store: Store, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    finished(store, PRESETS["7x7"].with_changes(name=LONG_NAME), 0.9)
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = command(store.url, "runs", encoding=encoding)
    assert (status, err) == (0, "")
    assert LONG_NAME in out  # whole, though a terminal might have 80 columns
    assert ("7x7" if encoding == "ascii" else "7\N{MULTIPLICATION SIGN}7" if encoding != "cp437" else "7x7") in out
    assert "90.00%" in out
    for arguments in (["presets"], ["--help"], ["train", "--help"]):
        assert command(store.url, *arguments, encoding=encoding).status == 0
    status, out, err = command(store.url, "train", "--preset", "7×7\udcff\u202e", encoding=encoding)
    assert status == 2
    assert err.startswith("Preset: should be one of")


def test_a_table_is_as_wide_as_its_longest_cells_and_leaves_later_ones_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = console.out.width
    wide, wrapped = Table("a"), Table("a")
    wide.add_row("x" * 1000)
    wrapped.add_row("y z " * 300)
    console.print_table(wide)
    assert "x" * 1000 in capsys.readouterr().out
    console.out.print(wrapped)
    assert max(map(len, capsys.readouterr().out.splitlines())) == before
    assert console.width(wide) == 1004  # a border and a space on either side
