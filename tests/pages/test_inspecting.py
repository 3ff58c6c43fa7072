"""The Inspect page without a browser, with a real engine behind it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from mnist_lab.classroom.cookies import Cookies
from mnist_lab.data import drawing, mnist
from mnist_lab.lab import Lab
from mnist_lab.store import ready_made
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui import ask as asking
from tests.builders.classes import TEACHER, pupil
from tests.builders.networks import small_experiment
from tests.builders.pages import healthy, page
from tests.builders.processes import engine, wait_until
from tests.builders.runs import trained
from tests.builders.trained import shelf, train


@pytest.fixture(scope="module")
def lab_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two seeds of a network, and an engine that answers questions."""
    small = small_experiment()
    with (
        shelf(tmp_path_factory, small.with_changes(seed=1), small.with_changes(seed=2)) as store,
        engine(store.url),
    ):
        yield store


@pytest.fixture(autouse=True)
def lab_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    store = request.getfixturevalue("lab_store" if "lab_store" in request.fixturenames else "store")
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", store.url)
    yield
    st.cache_resource.clear()


def said(test: AppTest) -> str:
    """All words of a page."""
    texts = [healthy(test).markdown, test.caption, test.header, test.subheader]
    return "\n".join([one.value for every in texts for one in every] + figures(test))


def figures(test: AppTest) -> list[str]:
    return [one.proto.body for one in test.get("html")]


def chosen_in_charts(test: AppTest) -> list[list[dict[str, int]]]:
    """The cells that charts begin with."""
    specs = [json.loads(chart.proto.spec) for chart in test.get("vega_lite_chart")]
    params = [param for spec in specs for param in spec.get("params", []) if param["name"] == "cell"]
    return [param.get("value", []) for param in params]


def test_where_nothing_was_trained_the_ready_made_network_draws_looks_inside_and_shows_its_mistakes(
    store: Store,
) -> None:
    with engine(store.url):
        test = page("inspect")
        assert healthy(test).multiselect(key="inspected").value == [ready_made.ID]
        test.session_state["drawn_strokes"] = [[(0.5, 0.2), (0.5, 0.8)]]
        assert "<p>It says 1, " in said(test.run(timeout=60))
        assert "ready-made (0)</span> is wrong on <strong>63</strong> of the 10,000" in said(
            page("inspect", runs="0", view="Mistakes")
        )
        layers = said(page("inspect", runs="0", view="Layers"))
        assert "It says 5 (it is a 5)" in layers
        assert "their sum" in layers
    assert "in no table" in said(test)
    assert store.runs.with_weights(limit=9) == []


def test_networks_are_listed_by_the_accuracy_that_is_shown_and_the_best_of_ones_own_is_chosen(lab_store: Store) -> None:
    test = healthy(page("inspect"))
    assert test.multiselect(key="inspected").label == "Networks, the best validation accuracy first"
    mine = {run_id: lab_store.runs.get(run_id).validation_accuracy for run_id in (1, 2)}
    best, other = sorted(mine, key=lambda run_id: -mine[run_id])
    assert mine[best] < 0.99
    assert test.multiselect(key="inspected").options == [
        "ready-made (0), 99.44%",
        *(f"run {n}: small, seed {n}, {mine[n]:.2%}" for n in (best, other)),
    ]
    assert test.multiselect(key="inspected").value == [best]


def test_archived_networks_are_the_last_of_the_choice_and_say_so(store: Store) -> None:
    archived, mine = trained(store), trained(store)
    store.labels.set([archived], archived=True)
    *_, last = healthy(page("inspect", runs=str(mine))).multiselect(key="inspected").options
    assert last.startswith(f"run {archived}: ")
    assert last.endswith(", archived")


def test_where_the_ready_made_network_is_damaged_a_sentence_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ready_made, "FILE", tmp_path / "none.zip")
    test = healthy(page("inspect"))
    assert "The ready-made network" in test.error[0].value
    assert any("No network has been trained yet" in info.value for info in test.info)
    mine = trained(store)
    assert healthy(test.run()).multiselect(key="inspected").value == [mine]


def test_a_network_that_somebody_deletes_stays_chosen_and_one_that_is_gone_is_told_of(store: Store) -> None:
    first, second, third = (trained(store) for _ in range(3))
    test = healthy(page("inspect", runs=f"{first},{second}"))
    store.labels.set([first], deleted=True)
    assert healthy(test.run()).multiselect(key="inspected").value == [first, second]
    assert f"Deleted, and gone for good in a few days: run {first}." in said(test)
    store.runs.purge(days=-1)
    assert healthy(test.run()).multiselect(key="inspected").value == [second]
    assert f"There is no run {first} any more." in said(test)
    store.labels.set([second], name="renamed", note="x")
    assert healthy(test.run()).multiselect(key="inspected").value == [second], "whatever it is called"
    test.multiselect(key="inspected").set_value([third]).run()
    assert "any more" not in said(test)


def test_networks_and_view_are_in_the_address(lab_store: Store) -> None:
    test = healthy(page("inspect", runs="2", view="Draw"))
    test.multiselect(key="inspected").set_value([1, 2]).run()
    assert healthy(test).query_params["runs"] == "1,2"
    shared = healthy(page("inspect", runs="2,1", view="Mistakes"))
    assert shared.multiselect(key="inspected").value == [2, 1]
    assert "run 2: small, seed 2</span> is wrong on" in said(shared)
    for wrong, words in (
        ("99", "none with the number 99"),
        ("1,2,1,2,1", "should be 1 to 4 numbers"),
        ("x", "received 'x'"),
    ):
        assert words in healthy(page("inspect", runs=wrong)).error[0].value


def test_a_teacher_puts_a_drawing_on_the_stage_with_what_was_said_of_it(
    lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(lab_store.url)

    def drawn() -> AppTest:
        test = page("inspect", runs="1,2", view="Draw")
        test.session_state["drawn_strokes"] = [[(0.5, 0.2), (0.5, 0.8)]]
        return healthy(test.run(timeout=60))

    assert "stage-drawing" not in {one.key for one in drawn().button}, "there is no class"
    lab.classroom.open(by=TEACHER)
    ada = pupil(lab_store, "Ada")
    try:
        monkeypatch.setattr(Cookies, "person", lambda self, value: ada)
        assert "stage-drawing" not in {one.key for one in drawn().button}
        monkeypatch.setattr(Cookies, "person", lambda self, value: TEACHER)
        test = healthy(page("inspect", runs="1,2", view="Draw"))
        assert test.button(key="stage-drawing").disabled, "nothing is drawn"
        drawn().button(key="stage-drawing").click().run(timeout=60)
        staged = lab.stage.now(by=TEACHER)
        assert staged.scene == "drawing"
        data = staged.of("drawing")
        assert drawing.from_text(data["image"]).any()
        assert [answer["run"] for answer in data["answers"]] == [1, 2]
        assert all(sum(answer["probabilities"]) == pytest.approx(1, abs=0.01) for answer in data["answers"])
    finally:
        lab.classroom.end(by=TEACHER)
        lab.store.close()


def test_a_drawing_is_answered_and_an_unsure_answer_is_none_of_these(lab_store: Store) -> None:
    test = page("inspect", runs="1,2")
    assert said(test).count("The answer appears here while you draw") == 2
    assert said(test).count("<td>–</td>") == 20, "nothing is measured yet"
    test.session_state["drawn_strokes"] = [[(0.5, 0.2), (0.5, 0.8)]]
    test.slider(key="threshold").set_value(0).run()
    assert said(test).count("<p>It says ") == 2
    test.slider(key="threshold").set_value(100).run()
    assert said(test).count("<p>None of these: a ") == 2
    probabilities = lab_store.runs.probabilities(1)
    assert probabilities is not None


def test_mistakes_are_those_of_the_run_and_of_two_runs(lab_store: Store) -> None:
    test = page("inspect", runs="1,2", view="Mistakes")
    run = lab_store.runs.get(1)
    words = said(test)
    assert (
        f"is wrong on <strong>{round(10_000 * (1 - run.test_accuracy)):,}</strong> of the 10,000 test images" in words
    )
    assert "All mistakes, the most confident first" in words
    assert "expected calibration error" in words
    assert "Where the two disagree" in words
    assert "McNemar's exact test" in words


def labelled(test: AppTest, label: str) -> Selectbox:
    """The select box that is there now: one that shows another choice takes its place."""
    (found,) = [each for each in test.selectbox if each.label == label]
    return found


def test_mistakes_are_chosen_without_a_mouse(lab_store: Store) -> None:
    test = page("inspect", runs="1", view="Mistakes")
    wrong = lab_store.runs.probabilities(1).argmax(axis=1)
    labels = mnist.load()[1].y
    digit = int(labels[wrong != labels][0])
    labelled(test, "Digit").set_value(digit).run()
    assert f"Images of a {digit} that it calls something else" in said(test)
    answer = int(wrong[(labels == digit) & (wrong != labels)][0])
    labelled(test, "Answer").set_value(answer).run()
    assert f"Images of a {digit} that it calls {answer}" in said(test)
    assert [{"digit": digit, "answer": answer}] in chosen_in_charts(test), "the matrix shows it"
    labelled(test, "Digit").set_value("any").run()
    assert f"Images of another digit that it calls {answer}" in said(test)
    labelled(test, "Answer").set_value("any").run()
    assert "All mistakes, the most confident first" in said(test)


def test_the_buttons_for_more_mistakes_lead_to_the_last_one(lab_store: Store) -> None:
    test = page("inspect", runs="1", view="Mistakes")
    (more,) = [field for field in test.number_input if field.label.startswith("How many of")]
    total = round(10_000 * (1 - lab_store.runs.get(1).test_accuracy))
    assert more.max == total
    assert (total - more.value) % more.step == 0
    assert more.value + more.step <= total, "the first press has an effect"
    more.increment().run()
    assert healthy(test).number_input(key=more.key).value == more.value


def test_an_earlier_epoch_is_asked_of_a_worker(lab_store: Store) -> None:
    test = page("inspect", runs="1", view="Mistakes")
    slider = next(s for s in test.slider if s.label.startswith("Run 1 after"))
    kept = lab_store.runs.get(1).kept_epoch
    other = next(epoch for epoch in (1, 2) if epoch != kept)
    slider.set_value(other).run(timeout=60)
    assert f"run 1: small, seed 1, epoch {other}</span> is wrong on" in said(test)
    assert (slider.min, slider.max, slider.step) == (1, 2, 1), "what it stands at is the epoch, not its place in a list"
    assert slider.label == f"Run 1 after epoch (kept: {kept})"


def test_every_layer_and_one_value_written_out(lab_store: Store) -> None:
    words = said(page("inspect", runs="1", view="Layers"))
    assert "Which part of the digit matters" in words
    for layer in ("Conv2D 5×5, 4 filters", "Dropout 0.1", "Flatten", "Dense 10 units, softmax"):
        assert layer in words
    assert "the sum of the products is" in words
    assert "with the bias" in words


def test_a_value_is_chosen_without_a_mouse(lab_store: Store) -> None:
    test = page("inspect", runs="1", view="Layers")
    row, column = (next(field for field in test.number_input if field.label.startswith(what)) for what in ("Row", "Co"))
    assert f"The value at row {row.value}, column {column.value}" in said(test), "at first the largest"
    row.set_value(3).run()
    assert f"The value at row 3, column {column.value}" in said(test)
    assert chosen_in_charts(test) == [[{"row": 3, "column": column.value}]], "the map shows it"


def test_the_map_and_dead_units_come_on_request(lab_store: Store) -> None:
    test = page("inspect", runs="1", view="Layers")
    next(b for b in test.button if b.label == "Draw the map").click().run(timeout=60)
    words = said(test)
    assert "**Dead:**" in words or "**No dead units:**" in words


def test_digits_change_and_curves_and_filters_come_on_request(lab_store: Store) -> None:
    test = page("inspect", runs="1,2", view="What if")
    assert said(test).count("sure ✓ right") + said(test).count("sure ✗ it is a 5") == 2
    test.slider(key="change-rotate").set_value(-60.0).run()
    assert "rotate −60°" in said(test)
    next(b for b in test.button if b.label == "Reset").click().run()
    assert "rotate −60°" not in said(test)
    next(b for b in test.button if b.label == "Draw the curve").click().run(timeout=60)
    assert "the faster a line falls" in said(test)
    next(b for b in test.button if b.label == "Ablate each").click().run(timeout=60)
    assert "Dashed: none switched off" in said(test)
    test.toggle(key="off-whole-Block 1").set_value(True).run()
    next(b for b in test.button if b.label == "Measure without them").click().run(timeout=60)
    assert "without all 4 filters of Block 1" in said(test)


def test_stop_stays_until_the_last_network_has_answered(lab_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    test = healthy(page("inspect", runs="1,2", view="What if"))
    real, waited_for = asking.Pending.wait, []

    def wait(pending: asking.Pending, words: str) -> object:
        if "reading" not in words:
            waited_for.append(words)
            if len(waited_for) == 2:
                st.stop()  # as if the page were looked at while the second one is waited for
        return real(pending, words)

    monkeypatch.setattr(asking.Pending, "wait", wait)
    next(b for b in test.button if b.label == "Draw the curve").click().run(timeout=60)
    assert waited_for == ["asking run 1: small, seed 1", "asking run 2: small, seed 2"]
    assert "Stop" in [b.label for b in healthy(test).button]


def test_where_no_worker_is_the_page_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    train(store, small_experiment())
    monkeypatch.setattr(asking, "NOT_WORKING_AFTER_SECONDS", 0.5)
    test = healthy(page("inspect", runs="1", view="Layers"))
    assert "There is no worker to answer" in test.error[0].value
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM errands").scalar() == 0  # given up, not left behind


def test_a_run_without_weights_is_a_sentence(lab_store: Store) -> None:
    (run_id,) = lab_store.queue.add([small_experiment().with_changes(seed=9)], "ada")  # the engine takes it
    wait_until(lambda: lab_store.runs.get(run_id).status is Status.FINISHED, "it is trained")
    with lab_store.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM checkpoints WHERE run_id = {run_id}")
    test = healthy(page("inspect", runs=str(run_id), view="Layers"))
    assert f"Run {run_id}: its weights are not kept; choose another, or train it again." in test.error[0].value
