"""The Results page without a browser: what its controls do to the table, and what its other addresses show."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.data import mnist
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.person import system_user
from mnist_lab.results import files, receipt
from mnist_lab.store.run import Status
from mnist_lab.store.schema import RUN
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command, Outcome
from mnist_lab.ui.results import exports, table
from tests.builders.pages import healthy, number, page
from tests.builders.runs import LEFT_BY_0_6


@pytest.fixture(autouse=True)
def lab_url(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", url)
    yield url
    st.cache_resource.clear()


def answers(wrong: int) -> np.ndarray:
    """Probabilities that give the first `wrong` test images another digit."""
    labels = mnist.load()[1].y.astype(int).copy()
    labels[:wrong] = (labels[:wrong] + 1) % 10
    return np.eye(10)[labels] * 0.9 + 0.01


def run_of(store: Store, name: str, seed: int, wrong: int, status: Status = Status.FINISHED) -> int:
    (run_id,) = store.queue.add([PRESETS[name].with_changes(seed=seed)], "ada")
    store.queue.claim("engine", only=[run_id])
    accuracy = 1 - wrong / 10_000
    outcome = Outcome(
        stopped=status is Status.STOPPED,
        kept_epoch=1,
        validation_accuracy=accuracy,
        validation_loss=0.1,
        test_accuracy=accuracy,
        test_loss=0.1,
        weights={"w": np.zeros(1)},
        probabilities=answers(wrong),
        seconds=10.0,
        reporting_seconds=0.0,
    )
    store.recording.finish(run_id, outcome)
    return run_id


@pytest.fixture
def runs(store: Store) -> list[int]:
    """3×3 with seeds 1 to 3, 2×2 with seeds 1 to 3, and one of 7×7 that was stopped."""
    first = [run_of(store, "3x3", seed, 100 + 3 * seed) for seed in (1, 2, 3)]
    second = [run_of(store, "2x2", seed, 300 + 2 * seed) for seed in (1, 2, 3)]
    return [*first, *second, run_of(store, "7x7", 1, 5000, Status.STOPPED)]


def rows(test: AppTest) -> pd.DataFrame:
    return healthy(test).dataframe[0].value


def button(test: AppTest, label: str):
    return next(b for b in test.button if b.label == label)


def chosen(test: AppTest, *run_ids: int) -> AppTest:
    test.session_state["chosen_runs"] = list(run_ids)
    return healthy(test.run())


def test_seeds_are_one_row_and_what_did_not_finish_stays_visible(runs: list[int]) -> None:
    test = page("results")
    assert rows(test)["name"].tolist() == ["7x7", "2x2", "3x3"]
    assert rows(test)["n"].tolist() == [0, 3, 3]
    assert rows(test)["status"].tolist()[0] == "stopped"
    assert any("Rows under the notebook protocol" in c.value for c in test.caption)
    next(t for t in test.toggle if t.label == "Fold seeds").set_value(False).run()
    assert len(rows(test)) == 7


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
    assert list(rows(test)) == ["n", "name", "Kernel size", "Optimizer"]
    assert rows(test)["Kernel size"].tolist() == ["7×7", "2×2", "3×3"]
    assert list(rows(page("results"))) == ["n", "name", "Kernel size", "Optimizer"]  # another session
    button(test, "Reset").click().run()
    assert list(rows(test)) == table.DEFAULT
    assert list(rows(page("results"))) == table.DEFAULT
    store.choices.set(system_user().name, "columns", ["name", "test_half", "gone"])  # as version 0.6 kept it
    assert list(rows(page("results"))) == ["name", "test_low", "test_high"]


def test_what_is_chosen_can_be_labelled_archived_deleted_and_had_back(runs: list[int], store: Store) -> None:
    test = chosen(page("results"), runs[0], runs[-1])
    assert any("**2 chosen**, 4 runs" in m.value for m in test.markdown)
    next(area for area in test.text_area if area.label == "Note").set_value("for Monday")
    button(test, "Save").click().run()
    assert [store.runs.get(i).note for i in (runs[0], runs[2], runs[-1], runs[3])] == ["for Monday"] * 3 + [""]
    button(test, "Archive").click().run()
    assert rows(test)["name"].tolist() == ["2x2"]
    button(test, "Undo").click().run()
    button(test, "Delete").click().run()
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
    button(test, "Delete").click().run()
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
    button(test, "Cancel 15").click().run()
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
    assert "somebody has changed its note meanwhile, to 'theirs'" in healthy(test).error[0].value
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


def test_a_runs_own_page_has_everything_and_its_wrong_addresses_a_sentence(runs: list[int], store: Store) -> None:
    test = healthy(page("run", run=str(runs[2])))
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics["Test accuracy"] == "98.91 %"
    assert metrics["Validation, kept, epoch 1"] == "98.91 %"
    assert metrics["Parameters"] == "13,338"
    assert any("Over 3 seeds of this design: test accuracy 98.94 %" in m.value for m in test.markdown)
    next(n for n in test.number_input if n.label == "More seeds").set_value(2)
    button(test, "Queue them").click().run()
    assert [run.seed for run in Lab(store.url).active()] == [4, 5]
    for wrong, words in (("0", "none with the number 0"), ("x", "should be the number of a run"), ("9" * 30, "number")):
        assert words in healthy(page("run", run=wrong)).error[0].value
    before = store.labels.set([runs[2]], deleted=True)
    test = healthy(page("run", run=str(runs[2])))
    assert not [b for b in test.button if b.label in ("Pause", "Stop", "Cancel", "Hold")]
    button(test, "Restore").click().run()
    assert store.runs.get(runs[2]).deleted is None
    button(test, "Undo").click().run()
    assert store.runs.get(runs[2]).deleted
    assert before


def test_comparing_says_what_differs_and_what_can_be_said(runs: list[int], store: Store) -> None:
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]}"))
    said = "\n".join(m.value for m in test.markdown)
    assert "A: 3x3 is better than B: 2x2: its mean test accuracy is 1.98 points higher" in said
    assert "3 seeds each, paired" in said
    fields = test.dataframe[0].value
    assert {"Kernel size", "Filters", "Parameters"} <= set(fields["Field"])
    assert "Optimizer" not in set(fields["Field"])
    assert "alone is right on **197** test images, run 6 alone on **0**" in said
    assert "(McNemar's exact test, p < 0.0001)" in said, "2 ** -196 is not 0"
    assert "This says nothing about the designs" in said


def test_with_one_run_a_side_there_is_no_verdict_but_a_button(store: Store) -> None:
    a, b = run_of(store, "3x3", 1, 100), run_of(store, "2x2", 1, 110)
    for seed, wrong in ((1, 90), (2, 100), (3, 110)):
        run_of(store, "7x7", seed, wrong)
    test = healthy(page("compare", runs=f"{a},{b}"))
    assert any("Cannot be told with one seed" in m.value for m in test.markdown)
    queue = next(b for b in test.button if b.label.startswith("Queue "))
    more = int(queue.label.split()[1])
    queue.click().run()
    queued = Lab(store.url).active()
    assert len(queued) == 2 * more
    assert {run.name for run in queued} == {"3x3", "2x2"}
    assert {run.seed for run in queued} == set(range(2, more + 2))


def test_many_are_judged_together_and_a_stopped_one_is_no_sample(runs: list[int]) -> None:
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]},{runs[-1]}"))
    said = "\n".join(m.value for m in test.markdown)
    assert "a single run (stopped): not a sample of its design, so no verdict" in said
    assert said.count("is better than") == 1
    for wrong in ("1", "1,2,3,4,5,6,7", "1,x", "1,,2"):
        assert "runs should be 2 to 6 numbers of runs" in healthy(page("compare", runs=wrong)).error[0].value
    same = healthy(page("compare", runs=f"{runs[0]},{runs[1]}"))
    assert any("are seeds of one design" in info.value for info in same.info)


def test_a_deleted_run_in_the_address_of_a_comparison_says_nothing_false_of_the_others(
    runs: list[int], store: Store
) -> None:
    def warned(test: AppTest) -> str:
        return "\n".join(w.value for w in healthy(test).warning)

    store.labels.set([runs[3]], deleted=True)
    test = page("compare", runs=f"{runs[0]},{runs[3]}")
    assert f"Run {runs[3]} is deleted and does not count; its other runs represent its design." in warned(test)
    assert any("A: 3x3 is better than B: 2x2" in m.value for m in test.markdown)
    assert any("**B: 2x2** · 2 seeds" in m.value for m in test.markdown)
    store.labels.set(runs[3:6], deleted=True)
    test = page("compare", runs=f"{runs[0]},{runs[3]}")
    assert f"Run {runs[3]} is deleted, and left out." in warned(test)
    assert [info.value for info in test.info] == [
        "That leaves nothing to compare; choose rows in the table of results."
    ]
    button(test, "Restore").click().run()
    assert (
        any("A: 3x3 is better than B: 2x2" in m.value for m in healthy(test).markdown)
        or store.runs.get(runs[3]).deleted is None
    )
    store.runs.purge(days=-1)
    test = page("compare", runs=f"{runs[0]},{runs[-1]},{runs[4]}")
    assert f"There is no run {runs[4]} any more." in warned(test)
    assert any("B: 7x7" in s.value for s in test.subheader)
    for same in (f"{runs[0]},{runs[0]}", f"{runs[0]}"):
        assert "runs should be 2 to 6 numbers of runs" in healthy(page("compare", runs=same)).error[0].value


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


def test_networks_are_chosen_in_words_where_there_are_three(runs: list[int], store: Store) -> None:
    for seed in (1, 2):
        runs.append(run_of(store, "7x7", seed, 50))
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]},{runs[-1]}"))
    box = next(b for b in test.selectbox if b.label == "Which two")
    healthy(box.set_value("B: 2x2 and C: 7x7").run())
    healthy(test.run())
    assert any("run 9 alone on **256**" in m.value for m in test.markdown)


def test_a_design_within_the_budget_and_its_price(runs: list[int]) -> None:
    test = healthy(page("results"))
    budget = next(n for n in test.text_input if n.label.startswith("Budget"))
    budget.set_value("50,000").run()
    assert any(
        "Within the budget, 3x3 (run 3) is the most accurate: 98.94%, n = 3" in c.value for c in healthy(test).caption
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
