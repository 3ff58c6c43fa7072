"""The table of results in a file, in a narrow window, and after a migration."""

import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from mnist_lab.cli import console
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.runs import finished
from tests.builders.texts import LONG_NAME


def test_runs_of_a_new_store_are_an_empty_list(url: str, tmp_path: Path) -> None:
    assert json.loads(command(url, "runs", "--json").out) == []
    assert (tmp_path / "lab.db").exists()
    assert command(url, "runs").out.startswith("No runs yet; try: python -m mnist_lab train")


def test_what_a_migration_has_to_tell_is_told_once(url_of_0_6: str) -> None:
    first, second = (command(url_of_0_6, "runs", "--json") for _ in range(2))
    assert "Run 8 was stopped within the last epoch" in first.err
    assert first.out == second.out
    assert "Run 8" not in second.err


def test_a_narrow_window_is_told_what_it_has_no_room_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(store, PRESETS["7x7"].with_changes(name=LONG_NAME), 0.9)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(console, "out", Console(force_terminal=True, color_system=None, markup=False, emoji=False))
    text = command(store.url, "runs").out
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert LONG_NAME[:30] in text
    assert "90.00%" in text
    assert "This window is too narrow for: when, filters" in text
    assert "…" not in text


def test_times_of_runs_are_by_the_zone_of_their_own_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, month in ((1, 1), (2, 7)):
        run = finished(store, PRESETS["3x3"].with_changes(seed=seed), 0.9)
        ended = datetime(2026, month, 1, 12, tzinfo=UTC).timestamp()
        with sqlite3.connect(store.url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE runs SET ended = ? WHERE id = ?", (ended, run.id))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        out = command(store.url, "runs").out
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert "2026-01-01 13:00:00 CET" in out
    assert "2026-07-01 14:00:00 CEST" in out
