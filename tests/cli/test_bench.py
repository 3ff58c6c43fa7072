"""What was measured, as JSON and as a table."""

import json

import pytest
from rich.table import Table

from mnist_lab.bench import report
from tests.builders.command_line import command


def test_what_was_measured_is_printed_and_what_is_being_measured_is_not(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def measured(quick: bool, say: object) -> dict[str, float]:
        say("a network, round 1")
        asked.append(quick)
        return {"seconds": 1.5}

    def tables(figures: dict[str, float]) -> Table:
        table = Table(*figures)
        table.add_row(*map(str, figures.values()))
        return table

    monkeypatch.setattr(report, "run", measured)
    monkeypatch.setattr(report, "tables", tables)
    assert json.loads(command(url, "bench", "--quick", "--json").out) == {"seconds": 1.5}
    out = command(url, "bench").out
    assert "1.5" in out
    assert "round" not in out
    assert asked == [True, False]
