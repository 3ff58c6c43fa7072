"""The Results page without a browser: what its controls do to the table, and to its files."""

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from mnist_lab.design.presets import PRESETS
from mnist_lab.person import system_user
from mnist_lab.results import files, receipt
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command
from mnist_lab.ui.results import exports, table
from tests.builders.pages import button, healthy, number, page
from tests.builders.runs import LEFT_BY_0_6
from tests.builders.tested import run_of


def rows(test: AppTest) -> pd.DataFrame:
    return healthy(test).dataframe[0].value


def chosen(test: AppTest, *run_ids: int) -> AppTest:
    test.session_state["chosen_runs"] = list(run_ids)
    return healthy(test.run())


def test_seeds_are_one_row_and_what_did_not_finish_stays_visible(runs: list[int]) -> None:
    test = page("results")
    assert rows(test)["name"].tolist() == ["7x7", "2x2", "3x3"]
    assert rows(test)["n"].tolist() == [0, 3, 3]
    assert rows(test)["status"].tolist()[0] == "stopped"
    assert any("Under the notebook protocol" in c.value for c in test.caption)
    next(t for t in test.toggle if t.label == "Fold seeds").set_value(False).run()
    assert len(rows(test)) == 7


def test_the_table_begins_with_look_design_accuracy_and_status(runs: list[int]) -> None:
    test = page("results")
    found = rows(test)
    assert list(found)[:4] == ["look", "name", "accuracy", "status"]
    assert found["accuracy"].tolist() == ["50.00 %", "96.96 ± 0.15 %", "98.94 ± 0.23 %"]
    assert found["look"].nunique() == 3, "of each design its own"
    assert all(re.fullmatch(r"/looks/[a-z-]+\.svg", address) for address in found["look"]), "what is read out"
    next(t for t in test.toggle if t.label == "Fold seeds").set_value(False).run()
    assert rows(test)["look"].nunique() == 3, "seeds of a design share it"
    assert any("7 rows, 7 runs. Tick rows" in c.value for c in test.caption)
    test.text_input[0].set_value("7x7").run()
    assert any("1 of 7 rows, 1 run. Tick rows" in c.value for c in test.caption)


def test_a_presentation_mounts_the_table_anew_and_keeps_what_is_chosen(runs: list[int]) -> None:
    test = chosen(page("results"), runs[0])
    usual = test.dataframe[0].proto
    for turn in ("Present", "End presentation"):
        button(test, turn).click().run()
        now = healthy(test).dataframe[0].proto
        assert (now.id == usual.id) is (turn == "End presentation"), "a browser measures words when it mounts a table"
        assert any("**1 chosen**, 3 runs" in m.value for m in test.markdown)
        key = "runs-presented" if turn == "Present" else "runs"
        assert test.session_state[key]["selection"]["rows"] == [2]


def test_accuracies_with_intervals_are_sorted_as_numbers_are() -> None:
    nan = float("nan")
    means = pd.Series([100.0, 9.8, 98.7, nan])
    texts = table.with_interval(means, pd.Series([99.9, nan, 98.6, nan]), pd.Series([100.0, nan, 98.9, nan]))
    assert texts == ["100.00 ± 0.10 %", "  9.80 %", " 98.70 ± 0.20 %", None]
    assert sorted(filter(None, texts)) == [texts[1], texts[2], texts[0]]


def test_what_a_migration_has_to_tell_is_told_until_it_is_read(
    url_of_0_6: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url_of_0_6)
    test = page("results")
    assert any("Run 8 was stopped within the last epoch" in info.value for info in test.info)
    button(test, "Dismiss").click().run()
    assert not any("Run 8" in info.value for info in healthy(test).info)


def test_search_and_filters_leave_what_they_mean(runs: list[int]) -> None:
    test = page("results")
    test.text_input[0].set_value("2×2").run()
    assert rows(test)["name"].tolist() == ["2x2"]
    assert any("1 of 3 rows, 3 runs" in c.value for c in test.caption)
    test.text_input[0].set_value("").run()
    boxes = {box.label: box for box in test.multiselect}
    boxes["Status"].set_value(["finished"]).run()
    assert rows(test)["name"].tolist() == ["2x2", "3x3"]
    next(b for b in test.multiselect if b.label == "Fields").set_value(["Parameters"]).run()
    number(test, "Parameters, at most").set_value("20.000").run()
    assert rows(test)["name"].tolist() == ["3x3"]
    assert any("Filtered by status, parameters" in c.value for c in test.caption)


def test_what_a_browser_copies_into_a_spreadsheet_is_no_formula(store: Store) -> None:
    run_id = run_of(store, "3x3", 1, 100)
    store.labels.set([run_id], name="=cmd|' /C calc'!A0", tags=["@SUM(1)", "a"], note="-1")
    test = page("results")
    next(b for b in test.multiselect if b.label == "Columns, in their order").set_value(["name", "tags", "note"]).run()
    row = rows(test).iloc[0]
    assert [row["name"], list(row["tags"]), row["note"]] == ["'=cmd|' /C calc'!A0", ["'@SUM(1)", "a"], "'-1"]


def test_columns_are_chosen_ordered_and_last(runs: list[int], store: Store) -> None:
    test = page("results")
    next(b for b in test.multiselect if b.label == "Columns, in their order").set_value(
        ["n", "name", "Kernel size", "Optimizer"]
    ).run()
    assert list(rows(test)) == ["look", "n", "name", "Kernel size", "Optimizer"]
    assert rows(test)["Kernel size"].tolist() == ["7×7", "2×2", "3×3"]
    assert list(rows(page("results"))) == ["look", "n", "name", "Kernel size", "Optimizer"]  # another session
    button(test, "Reset").click().run()
    assert list(rows(test)) == ["look", *table.DEFAULT]
    assert list(rows(page("results"))) == ["look", *table.DEFAULT]
    store.choices.set(system_user().key, "columns", ["name", "test_half", "gone"])  # as version 0.6 kept it
    assert list(rows(page("results"))) == ["look", "name", "test_low", "test_high"]


def test_what_is_chosen_can_be_labelled_archived_deleted_and_had_back(runs: list[int], store: Store) -> None:
    test = chosen(page("results"), runs[0], runs[-1])
    assert any("**2 chosen**, 4 runs" in m.value for m in test.markdown)
    next(area for area in test.text_area if area.label == "Note").set_value("for Monday")
    button(test, "Save").click().run()
    assert [store.runs.get(i).note for i in (runs[0], runs[2], runs[-1], runs[3])] == ["for Monday"] * 3 + [""]
    button(test, "Archive").click().run()
    assert rows(test)["name"].tolist() == ["2x2"]
    button(test, "Undo").click().run()
    assert not [b for b in test.button if b.label == "Delete"], "it asks first"
    button(test, "Delete 4 runs").click().run()
    assert rows(test)["name"].tolist() == ["2x2"]
    assert any("Deleted 4 runs" in c.value for c in test.caption)
    button(test, "Undo").click().run()
    button(test, "Undo").click().run()
    assert rows(test)["name"].tolist() == ["7x7", "2x2", "3x3"]
    assert store.runs.get(runs[0]).note == ""
    assert not [b for b in test.button if b.label == "Undo"]


def test_what_trains_is_not_deleted_and_what_waits_is_and_both_are_said(store: Store) -> None:
    store.lease.take("engine", "ready")
    training, *waiting = store.queue.add([PRESETS["3x3"]] * 16, "ada")
    store.queue.claim("engine")
    test = chosen(page("results"), training, *waiting)
    button(test, "Delete 16 runs").click().run()
    assert f"Run {training} is training and cannot be deleted; stop it first." in healthy(test).error[0].value
    assert store.runs.get(training).deleted is None
    assert [run.id for run in store.queue.active()] == [training]
    assert any("Deleted 15 runs" in c.value for c in test.caption)
    button(test, "Undo").click().run()
    assert [run.id for run in store.queue.active()] == [training, *waiting]


def test_many_are_paused_resumed_and_cancelled_from_the_table(store: Store) -> None:
    store.lease.take("engine", "ready")
    training, *waiting = store.queue.add([PRESETS["3x3"]] * 16, "ada")
    store.queue.claim("engine")
    test = chosen(page("results"), *waiting)
    button(test, "Pause 15").click().run()
    assert {store.runs.get(i).status for i in waiting} == {Status.PAUSED}
    button(test, "Resume 15").click().run()
    assert [run.id for run in store.queue.active()] == [training, *waiting], "in the order of their numbers"
    assert not [b for b in test.button if b.label == "Cancel 15"], "it asks first"
    button(test, "Cancel 15 runs").click().run()
    assert {store.runs.get(i).status for i in waiting} == {Status.CANCELLED}
    assert not [b for b in healthy(test).button if b.label.startswith(("Pause ", "Resume ", "Cancel "))]
    assert store.runs.get(training).command is Command.CONTINUE


def test_undo_on_the_page_leaves_what_another_wrote_and_says_what_stays(runs: list[int], store: Store) -> None:
    test = chosen(page("results"), runs[-1])
    next(box for box in test.text_input if box.label == "Name").set_value("mine")
    button(test, "Save").click().run()
    button(healthy(test), "Archive").click().run()
    store.labels.set([runs[-1]], name="theirs", note="look")
    button(healthy(test.run()), "Undo").click().run()
    assert not healthy(test).error
    button(test, "Undo").click().run()
    (error,) = [e.value for e in healthy(test).error]
    assert f"the name of run {runs[-1]}, which is now 'theirs'" in error
    run = store.runs.get(runs[-1])
    assert (run.name, run.note, run.archived) == ("theirs", "look", None)


def test_a_form_writes_only_what_was_changed_in_it_and_not_over_what_another_wrote(
    runs: list[int], store: Store
) -> None:
    def field(label: str):
        return next(box for kind in (test.text_input, test.text_area) for box in kind if box.label == label)

    test = chosen(page("results"), runs[-1])
    store.labels.set([runs[-1]], name="theirs", note="theirs")
    field("Note").set_value("mine")
    button(test, "Save").click().run()
    assert "somebody has changed its note to 'theirs' in the meantime" in healthy(test).error[0].value
    assert field("Note").value == "mine", "what was typed is still there"
    button(test, "Save").click().run()
    assert (store.runs.get(runs[-1]).name, store.runs.get(runs[-1]).note) == ("theirs", "mine")


def ended_on(store: Store, run_id: int, day: str) -> None:
    when = pd.Timestamp(f"{day} 12:00", tz="UTC").timestamp()
    with store.database.write() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(ended=when))


def multiselect(test: AppTest, label: str):
    return next(box for box in test.multiselect if box.label == label)


def said(test: AppTest) -> str:
    return "\n".join(caption.value for caption in healthy(test).caption)


def test_a_filter_stays_though_the_oldest_run_that_it_shows_is_deleted(store: Store) -> None:
    ids = [run_of(store, name, 1, 100) for name in ("3x3", "2x2", "7x7")]
    for run_id, day in zip(ids, ("2026-05-03", "2026-05-05", "2026-05-09"), strict=True):
        ended_on(store, run_id, day)
    test = page("results")
    test.date_input[0].set_value((date(2026, 5, 3), date(2026, 5, 6))).run()
    assert rows(test)["name"].tolist() == ["2x2", "3x3"]
    store.labels.set([ids[0]], deleted=True)
    assert rows(test.run())["name"].tolist() == ["2x2"]
    store.labels.set([ids[1]], deleted=True)
    assert rows(test.run()).empty
    assert "Filtered by day; no run ended from 2026-05-03 to 2026-05-06." in said(test)
    button(test, "Clear the filter").click().run()
    assert rows(test)["name"].tolist() == ["7x7"]


def test_what_is_filtered_by_stays_though_its_last_run_is_gone_and_comes_back_with_one(
    runs: list[int], store: Store
) -> None:
    store.labels.set([runs[-1]], tags=["homework"])
    test = page("results")
    multiselect(test, "Tag").set_value(["homework"]).run()
    multiselect(test, "Status").set_value(["stopped"]).run()
    multiselect(test, "Fields").set_value(["Kernel size"]).run()
    multiselect(test, "Kernel size").set_value(["7×7"]).run()
    assert rows(test)["name"].tolist() == ["7x7"]
    gone = store.labels.set([runs[-1]], deleted=True)
    assert rows(test.run()).empty
    assert "no run has tag homework any more" in said(test)
    assert "no run has status stopped any more" in said(test)
    assert "no run has kernel size 7×7 any more" in said(test)
    store.labels.set(runs[3:6], deleted=True)  # one kernel size is left: no field in which runs differ
    assert rows(test.run()).empty
    store.labels.undo(gone)
    assert rows(test.run())["name"].tolist() == ["7x7"]
    button(test, "Clear the filter").click().run()
    assert rows(test)["name"].tolist() == ["7x7", "3x3"]


def test_a_bound_on_a_field_stays_though_no_run_with_a_value_is_left(store: Store) -> None:
    run_of(store, "3x3", 1, 100)
    (adam,) = store.queue.add([PRESETS["fast"]], "ada")
    test = page("results")
    multiselect(test, "Fields").set_value(["beta 1 (optimizer)"]).run()
    box = next(field for field in test.text_input if field.label.endswith(", at least"))
    box.set_value("0.1").run()
    assert rows(test)["name"].tolist() == ["fast"]
    store.labels.set([adam], deleted=True)
    assert rows(test.run()).empty


def test_ticked_runs_that_somebody_deletes_or_a_filter_hides_are_told_of(runs: list[int], store: Store) -> None:
    test = chosen(page("results"), runs[0], runs[1], runs[2], runs[-1])
    store.labels.set([runs[-1]], deleted=True)
    assert "Run 7, which was ticked, is deleted." in said(test.run())
    assert any("**1 chosen**, 3 runs" in m.value for m in test.markdown)
    store.labels.set([runs[2]], deleted=True)
    assert "2 runs, which were ticked, are deleted." in said(test.run())
    assert any("**1 chosen**, 2 runs" in m.value for m in test.markdown), "the rest of the row stays chosen"
    test.text_input[0].set_value("2×2").run()
    assert "2 runs are ticked too, but not among the rows shown" in said(test)
    button(test, "Untick").click().run()
    assert "ticked" not in said(test)


def test_deleted_runs_are_shown_and_restored_many_at_once(runs: list[int], store: Store) -> None:
    store.labels.set(runs[:3], deleted=True)
    test = page("results")
    next(t for t in test.toggle if t.label == "Deleted (3)").set_value(True).run()
    assert rows(test)["name"].tolist() == ["3x3"]
    chosen(test, *runs[:3])
    assert not [b for b in test.button if b.label in ("Delete", "Archive", "Compare")]
    button(test, "Restore").click().run()
    assert rows(test)["name"].tolist() == ["7x7", "2x2", "3x3"]
    assert not [t for t in test.toggle if t.label.startswith("Deleted")]
    assert {store.runs.get(i).deleted for i in runs} == {None}


def test_deleting_all_runs_leaves_a_way_back(store: Store) -> None:
    run_id = run_of(store, "3x3", 1, 100)
    test = chosen(page("results"), run_id)
    button(test, "Delete").click().run()
    assert any("All runs are deleted" in info.value for info in healthy(test).info)
    button(test, "Undo").click().run()
    assert rows(test)["name"].tolist() == ["3x3"]


def test_a_receipt_is_shown_with_its_predicted_time_and_trained_when_asked(store: Store) -> None:
    test = page("results")
    data = (LEFT_BY_0_6 / "receipt.json").read_bytes()
    test.file_uploader[0].set_value(("receipt.json", data, "application/json")).run()
    assert not store.runs.all(), "nothing is trained unasked"
    known = receipt.read(data)
    assert any(known.name in text.value for text in healthy(test).get("text"))
    assert f"It reports: test accuracy {known.metrics.test_accuracy:.2%}" in said(test)
    assert "To train it again: about" in said(test)
    button(test, "Train it again").click().run()
    (run,) = store.runs.all()
    assert run.design_key == known.experiment.design_key
    assert [success.value[:12] for success in healthy(test).success] == ["It is queued"]
    test.file_uploader[0].set_value(("broken.json", data[:-20], "application/json")).run()
    assert healthy(test).error[0].value.startswith("broken.json: ")
    assert len(store.runs.all()) == 1


def test_a_design_within_the_budget_and_its_price(runs: list[int]) -> None:
    test = healthy(page("results"))
    budget = next(n for n in test.text_input if n.label.startswith("Budget"))
    budget.set_value("50,000").run()
    assert any(
        "Within the budget, 3x3 (run 3) is the most accurate: 98.94%, 3 seeds." in c.value
        for c in healthy(test).caption
    )
    budget.set_value("5.0,0").run()
    assert any("Until then it is ignored" in m.value for m in healthy(test).markdown)
    assert not any("Within the budget" in c.value for c in test.caption)


def exported(test: AppTest, monkeypatch: pytest.MonkeyPatch, what: str, kind: files.Kind = "CSV") -> pd.DataFrame:
    """What Download gives, made as the page makes it."""
    made: list[Callable[[], bytes]] = []
    with monkeypatch.context() as patch:
        patch.setattr(exports.st, "download_button", lambda label, data, *_, **__: made.append(data))
        next(r for r in test.radio if r.label == "What").set_value(what)
        healthy(test.run())
    return files.read(made[0](), kind)


def test_every_export_has_the_whole_design_and_begins_with_the_chosen_columns(
    runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = page("results")
    next(b for b in test.multiselect if b.label == "Columns, in their order").set_value(["name", "Batch size (images)"])
    shown = exported(test, monkeypatch, "Rows shown")
    assert list(shown)[:2] == ["name", "Batch size (images)"]
    assert shown["run"].tolist() == [runs[-1], runs[5], runs[2]]
    assert shown["runs"].tolist() == [[7], [6, 5, 4], [3, 2, 1]]
    assert shown["test_accuracy"].tolist()[1:] == pytest.approx([96.96, 98.94])
    every = exported(test, monkeypatch, "All runs")
    assert list(every)[:2] == ["name", "Batch size (images)"]
    assert (every["run"].tolist(), every["seed"].tolist()) == (runs[::-1], [1, 3, 2, 1, 3, 2, 1])
    log = exported(test, monkeypatch, "Epochs of the runs shown")
    for found in (shown, every, log):
        assert {"run", "Optimizer", "Learning rate (optimizer)", "Batch size (images)", "Dropout"} <= set(found)
        assert not {"ids", "run_id", "id", "day"} & set(found)
        assert list(found)[-2:] == ["colour", "dash"]
    for found in (shown, every):
        assert found.groupby("design_key")["colour"].nunique().tolist() == [1, 1, 1]
        assert found["colour"].str.fullmatch("#[0-9A-F]{6}").all()
        assert found["dash"].nunique() == 3
    test.text_input[0].set_value("nothing has this").run()
    nothing = exported(test, monkeypatch, "Rows shown")
    assert nothing.empty
    assert list(nothing) == list(shown)
    assert exported(test, monkeypatch, "Epochs of the runs shown").empty


ENDED = [  # summer, either side of the end of summer time in Europe, winter
    datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 18, 45, tzinfo=UTC),
]


@pytest.mark.parametrize(
    ("zone", "times", "day", "of_that_day"),
    [
        (
            "Europe/Berlin",
            ["2026-07-02 00:30:00", "2026-10-25 02:30:00", "2026-10-25 02:30:00", "2026-12-31 19:45:00"],
            date(2026, 7, 2),
            1,
        ),
        (
            "America/St_Johns",
            ["2026-07-01 20:00:00", "2026-10-24 22:00:00", "2026-10-24 23:00:00", "2026-12-31 15:15:00"],
            date(2026, 10, 24),
            2,
        ),
    ],
)
def test_times_are_those_of_the_clock_of_who_looks(
    store: Store, zone: str, times: list[str], day: date, of_that_day: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [run_of(store, "3x3", seed, 100) for seed in range(1, 5)]
    with sqlite3.connect(store.url.removeprefix("sqlite:///")) as connection:
        connection.executemany(
            "UPDATE runs SET ended = ? WHERE id = ?",
            [(ended.timestamp(), run_id) for ended, run_id in zip(ENDED, ids, strict=True)],
        )

    def seen(name: str, **query: str) -> AppTest:
        test = page(name, **query)
        test.context["timezone"] = zone
        return healthy(test.run())

    test = seen("results")
    multiselect(test, "Columns, in their order").set_value(["name", "when"])
    healthy(next(t for t in test.toggle if t.label == "Fold seeds").set_value(False).run())
    assert [str(time) for time in rows(test)["when"]] == times[::-1]
    for run_id, time in ((ids[0], times[0]), (ids[3], times[3])):
        assert any(f"Finished, {time} " in m.value for m in seen("run", run=str(run_id)).markdown)
    found = exported(test, monkeypatch, "Rows shown")
    assert found["when"].tolist() == ENDED[::-1]
    box = next(d for d in test.date_input if d.label == "Ended between")
    healthy(box.set_value((day, day)).run())
    assert len(rows(test)) == of_that_day


def test_addresses_of_the_table_lead_on_and_bare_ones_lead_back(runs: list[int]) -> None:
    for name in ("run", "compare"):
        assert any("results" in info.value for info in healthy(page(name)).info)
