"""The Studies page without a browser: plans, progress while results are sealed, answers."""

import re
from html import unescape
from math import inf

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.person import system_user
from mnist_lab.results import anytime
from mnist_lab.store import ready_made
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies.findings import comparisons
from mnist_lab.studies.statistics import student_limit
from mnist_lab.studies.templates import TEMPLATES, Template
from tests.builders.pages import button, healthy, number, page, press
from tests.builders.plans import plan, same_padding
from tests.builders.runs import ADA, finish
from tests.builders.studies import complete


def html(test: AppTest, name: str) -> list[str]:
    """The texts of the parts of a page's own HTML with this class."""
    bodies = [one.proto.body for one in healthy(test).get("html")]
    return [unescape(re.sub(r"<[^>]*>", " ", body)).strip() for body in bodies if f'class="{name}' in body]


def said(test: AppTest) -> str:
    return "\n".join(
        one.value for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for one in kind
    )


def choose(test: AppTest, label: str, value: object) -> AppTest:
    next(box for box in test.selectbox if box.label == label).set_value(value).run()
    return healthy(test)


def write(test: AppTest, label: str, text: str) -> AppTest:
    next(box for box in test.text_input if box.label == label).set_value(text).run()
    return healthy(test)


def started(store: Store, **changes: object) -> int:
    return Lab(store.url).studies.start(plan(**changes), by=ADA)


def ends(store: Store, study_id: int, most: int = 1000) -> None:
    """Finish the waiting runs of a study; larger kernels are better."""
    for run in store.queue.active()[:most]:
        (size, _) = run.experiment.architecture.blocks[0].kernel_size
        finish(store, run.id, round(0.98 + size / 1000 + run.seed / 20_000, 4))


def test_at_first_there_are_questions_to_begin_with(store: Store) -> None:
    test = page("studies")
    assert "None yet: ask a question below." in said(test)
    plans = [b for b in test.button if b.label == "Plan this"]
    assert len(plans) == len(TEMPLATES)
    plans[1].click().run()
    assert "Kernel size" in str(healthy(test).dataframe[0].value.columns.tolist())
    assert next(t for t in test.text_input if t.label == "Your question").value == "Does kernel size matter?"
    assert "The number of parameters, within 2 %, by more or fewer filters." in said(test)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_each_template_can_be_planned_from_its_address_and_says_what_it_can_tell(
    store: Store, template: Template
) -> None:
    test = healthy(page("studies", template=template.key))
    assert not test.error, [error.value for error in test.error]
    runs = next(m for m in test.metric if m.label == "Runs").value
    assert runs == str(len(template.plan.combinations) * template.plan.seeds)
    cells = test.dataframe[0].value
    assert len(cells) == len(template.plan.combinations)
    assert not button(test, "Start the study").disabled


def test_a_template_that_is_none_is_refused_and_what_was_planned_stays(store: Store) -> None:
    test = page("studies", template="../secret")
    assert "Address: template should be one of kernel_size, " in healthy(test).error[0].value


def test_what_is_typed_wrongly_stays_and_is_refused_in_a_sentence(store: Store) -> None:
    test = page("studies", template="kernel_size")
    for typed, sentence in (
        ("2, three", "Kernel size: levels should be sizes, such as 3 or 3×5, with commas between them; received 'three'."),
        ("2", "Levels: give two to eight; received 1."),
        (" ", "Levels: give two to eight; received none."),
        (", ".join(map(str, range(1, 101))), "Levels: give two to eight; received 100."),
        ("2,,3", "Levels: there should be a value between two commas; received '2,,3'."),
        ("3, 3×3", "each should be given once; received 3×3 twice"),
        ("3, 99", "Levels: Kernel size"),
    ):  # fmt: skip
        write(test, "Levels", typed)
        assert sentence in said(test)
        assert "Factor" not in said(test)
        assert next(t for t in test.text_input if t.label == "Levels").value == typed
        assert button(test, "Start the study").disabled
    write(test, "Levels", "3; 3x5; 2")
    assert not test.error, [error.value for error in test.error]
    test = page("studies", view="plan")
    assert next(t for t in test.text_input if t.label == "Levels").value == "3; 3x5; 2", "it is kept for the next visit"


def test_a_wrong_level_is_named_as_it_was_typed_and_by_what_it_is_a_level_of(store: Store) -> None:
    test = page("studies", template="kernel_size")
    press(test, "Vary a second thing too")
    choose(test, "And also", "blocks.dropout")
    for typed, sentence in (
        ("0, 2", "Dropout: Levels: Dropout: should be less than 1; received 2."),
        ("0", "Dropout: Levels: give two to eight; received 1."),
    ):
        healthy([t for t in test.text_input if t.label == "Levels"][1].set_value(typed).run())
        assert sentence in said(test)
    choose(test, "And also", "blocks.kernel_size")


def test_where_levels_change_the_first_takes_the_place_of_a_reference_that_is_none_any_more(store: Store) -> None:
    test = page("studies", template="dropout")
    choose(test, "Compare", "0")
    write(test, "Levels", "0.1, 0.5")
    assert next(box for box in test.selectbox if box.label == "Compare").value == "0.1"
    assert not test.error, [error.value for error in test.error]
    write(test, "Levels", "0.5, 0.1")
    assert next(box for box in test.selectbox if box.label == "Compare").value == "0.1", "it is still a level"


def test_what_would_matter_is_refused_in_points(store: Store) -> None:
    test = page("studies", template="dropout")
    for typed, received in (("1000", "1000"), ("0", "0"), ("0.0001", "0.0001"), ("-1", "-1"), ("50.1", "50.1")):
        write(test, "What would matter (points)", typed)
        assert f"What would matter: should be from 0.001 to 50 points; received {received}." in said(test)
    for typed in ("0.001", "50"):
        write(test, "What would matter (points)", typed)
        assert not test.error, [error.value for error in test.error]


def test_who_goes_to_the_design_page_is_told_the_way_back(store: Store) -> None:
    told = button(page("studies", template="dropout"), "Change it on the Design page").help
    place = page("studies", view="all")
    assert "Studies › Go on with the plan that you began" in told
    assert "Go on with the plan that you began" in [link.proto.label for link in place.get("page_link")]


def test_a_budget_that_cannot_be_made_equal_shows_the_nearest(store: Store) -> None:
    test = page("studies", template="kernel_size_at_equal_parameters")
    write(test, "Levels", "3, 27")
    assert re.search(
        r"27×27: parameters should be within 2 % of .* the nearest that can be reached by filters is", said(test)
    )


def test_two_things_vary_and_every_combination_is_a_row(store: Store) -> None:
    test = page("studies", template="kernel_size")
    press(test, "Vary a second thing too")
    choose(test, "And also", "blocks.dropout")
    healthy([t for t in test.text_input if t.label == "Levels"][1].set_value("0; 0,25").run())
    assert not test.error, [error.value for error in test.error]
    rows = test.dataframe[0].value
    assert len(rows) == 8
    assert list(rows)[:2] == ["Kernel size", "Dropout"]
    assert rows["Dropout"].tolist()[:2] == ["0", "0.25"]
    press(test, "Vary only the first")
    assert len(test.dataframe[0].value) == 4


def test_levels_that_are_few_are_picked(store: Store) -> None:
    test = page("studies", template="normalization")
    pills = next(group for group in test.button_group if group.label == "Levels")
    assert pills.value == ["no", "yes"]
    pills.set_value(["yes"]).run()
    assert "Levels: give two to eight; received 1" in said(healthy(test))


def test_a_plan_that_is_replaced_can_be_had_back(store: Store) -> None:
    test = page("studies", template="dropout")
    write(test, "Your question", "What about mine?")
    test.query_params["template"] = "depth"
    healthy(test.run())
    assert next(t for t in test.text_input if t.label == "Your question").value == "Are deeper networks better?"
    assert "Before, you planned: What about mine?" in said(test)
    press(test, "Back to that plan")
    assert next(t for t in test.text_input if t.label == "Your question").value == "What about mine?"


def test_a_study_without_a_question_does_not_start(store: Store) -> None:
    test = page("studies", template="dropout")
    write(test, "Your question", " ")
    assert button(test, "Start the study").disabled
    assert "Write the question first." in said(test)
    assert next(m for m in test.metric if m.label == "Runs").value == "32", "the rest is told all the same"


def test_a_started_study_is_sealed_until_its_last_run_has_ended(store: Store) -> None:
    test = page("studies", template="normalization")
    number(test, "Seeds of each").set_value(3).run()
    press(test, "Start the study")
    (study,) = Lab(store.url).studies.all(by=ADA)
    test = page("studies", study=str(study.id))
    assert healthy(test).header[0].value == "Does batch normalisation help?"
    assert "The results are sealed until the last run has ended" in said(test)
    assert f"SHA-256 {study.digest[:12]}" in html(test, "facts")[0]
    assert not test.dataframe
    ends(store, study.id, most=2)
    test = page("studies", study=str(study.id))
    assert next(m for m in test.metric if m.label == "Done").value == "2"
    assert not test.dataframe, "no result of those that have ended"
    ends(store, study.id)
    test = page("studies", study=str(study.id))
    assert len(html(test, "verdict")) == 1
    assert "Student's paired t test: the number of seeds was fixed before the first run" in said(test)


def test_the_answer_has_a_sentence_a_chart_and_two_tables(store: Store) -> None:
    study_id = started(store)
    ends(store, study_id)
    test = page("studies", study=str(study_id))
    (verdict,) = html(test, "verdict")
    assert verdict.startswith("Kernel size 5×5 is better than 2×2 by 0.30 points of test accuracy")
    assert "It cannot tell whether it is kernel size or what it costs that makes a difference: parameters (" in said(
        test
    )
    compared, cells = (table.value for table in healthy(test).dataframe)
    assert compared["First is"].tolist() == ["better"] * 3
    assert cells["Kernel size"].tolist() == ["2×2", "3×3", "5×5"]
    assert cells["Measured"].tolist() == [10.0] * 3
    assert "Diverged" not in cells
    charts = test.get("arrow_vega_lite_chart") or test.get("vega_lite_chart")
    assert len(charts) == 1
    listed = page("studies")
    assert "complete · 9 of 9 runs ended" in said(listed).lower()
    assert "is better than 2×2 by 0.30 points" in said(listed)


def test_whoever_looks_before_the_end_is_told_what_that_costs_and_the_answer_says_so(store: Store) -> None:
    study_id = started(store)
    ends(store, study_id, most=6)
    test = page("studies", study=str(study_id))
    assert "The results are sealed" in said(test)
    press(test, "Look, and have wider intervals for good")
    assert len(html(test, "verdict")) == 1
    assert "So the answer is from a test that stays valid however often somebody looks" in said(test)
    assert next(m for m in test.metric if m.label == "Done").value == "6", "it goes on"


@pytest.mark.parametrize("seeds", [3, 6, 30])
def test_what_looking_costs_is_that_of_this_plan(store: Store, seeds: int) -> None:
    its = plan(seeds=seeds)
    assert comparisons(its) == 3
    study_id = started(store, seeds=seeds)
    words = said(page("studies", study=str(study_id)))
    limit = anytime.limit(seeds, 0.05 / 3)
    if seeds == 3:
        assert limit == inf
        assert "With 3 seeds of each nothing could be decided any more." in words
        return
    factor = limit / student_limit(seeds, 0.05 / 3)
    assert 1.3 < factor < 3
    assert f"With {seeds} seeds of each its intervals are about {factor:.1f} times as wide." in words


def test_a_study_is_held_resumed_and_ended(store: Store) -> None:
    study_id = started(store)
    lab = Lab(store.url)
    test = press(page("studies", study=str(study_id)), "Hold")
    assert lab.studies.get(study_id, by=ADA).is_held
    press(test, "Resume")
    assert not lab.studies.get(study_id, by=ADA).is_held
    press(test, "End this study")
    study = lab.studies.get(study_id, by=ADA)
    assert study.is_complete
    assert study.counts[Status.CANCELLED] == 9


def test_a_study_that_was_ended_is_ending_until_its_last_run_has_stopped(store: Store) -> None:
    study_id = started(store)
    store.lease.take("engine", "ready")
    first, second, *_ = store.studies.unended(study_id)
    for run_id in (first, second):
        store.queue.claim("engine", only=[run_id])
    store.queue.stop(first)
    assert next(m for m in page("studies", study=str(study_id)).metric if m.label == "State").value == "Training"
    press(page("studies", study=str(study_id)), "End this study")
    test = healthy(page("studies", study=str(study_id)))
    assert next(m for m in test.metric if m.label == "State").value == "Ending"
    assert next(m for m in test.metric if m.label == "Done").value == "0"
    assert [bar.proto.text for bar in test.get("progress")] == ["7 of 9 runs ended, the last are being stopped"]
    assert not {b.label for b in test.button} & {"Hold", "Resume", "End this study"}
    assert "Ending, results sealed · 7 of 9 runs ended" in said(page("studies"))
    assert "7 of 9 runs ended · ending" in said(page("train"))
    for run_id in (first, second):
        store.recording.end(run_id, Status.STOPPED, None)
    assert Lab(store.url).studies.get(study_id, by=ADA).is_complete
    assert not Lab(store.url).studies.get(study_id, by=ADA).is_ending


def test_a_deleted_study_can_be_restored(store: Store) -> None:
    study_id = started(store)
    ends(store, study_id)
    press(page("studies", study=str(study_id)), "Delete this study")
    test = page("studies")
    assert "None yet" in said(test)
    next(toggle for toggle in test.toggle if toggle.label == "Deleted (1)").set_value(True).run()
    press(test, "Restore")
    assert [study.id for study in Lab(store.url).studies.all(by=ADA)] == [study_id]


def test_a_new_version_opens_the_plan_and_counts_the_comparisons_of_both(store: Store) -> None:
    study_id = started(store)
    ends(store, study_id)
    test = press(page("studies", study=str(study_id)), "New version")
    assert f"A new version of study {study_id}" in said(healthy(test.run()))


def test_seeds_that_are_added_make_the_answer_one_that_was_looked_at(store: Store) -> None:
    study_id = started(store)
    ends(store, study_id)
    test = page("studies", study=str(study_id))
    number(test, "More seeds of each").set_value(2).run()
    assert "Trains 6 more runs." in said(test)
    assert "With 5 seeds of each its intervals are about 1.8 times as wide." in said(test)
    assert len(store.studies.runs(study_id)) == 9
    press(test, "Add 2 seeds of each")
    assert len(store.studies.runs(study_id)) == 15
    ends(store, study_id)
    again = said(page("studies", study=str(study_id)))
    assert "So the answer is from a test that stays valid" in again
    assert "Trains 15 more runs. The answer is from the test that allows for that already." in again


def test_two_factors_are_answered_with_an_interaction_plot(store: Store) -> None:
    dropout = {"field": "blocks.dropout", "levels": [0, 0.5]}
    kernels = {"field": "blocks.kernel_size", "levels": [2, 3]}
    study_id = started(store, factors=[kernels, dropout])
    ends(store, study_id)
    test = page("studies", study=str(study_id))
    assert "Parallel lines" in said(healthy(test))
    assert test.dataframe[1].value[["Kernel size", "Dropout"]].to_numpy().tolist() == [
        ["2×2", "0"], ["2×2", "0.5"], ["3×3", "0"], ["3×3", "0.5"],
    ]  # fmt: skip


def test_diverged_runs_are_counted_beside_the_means(store: Store) -> None:
    study_id = started(store)
    first = store.queue.active()[0]
    store.queue.claim("engine", only=[first.id])
    store.recording.end(first.id, Status.FAILED, "Training diverged: the loss is no number in epoch 1.")
    ends(store, study_id)
    test = page("studies", study=str(study_id))
    assert "Training diverged: 1 of 3" in said(test) + " ".join(html(test, "verdict"))
    assert test.dataframe[1].value["Diverged"].sum() == 1


def test_nothing_in_a_question_is_markup(store: Store) -> None:
    study_id = started(store, question="Is **bold** <b>better</b> than :red[this]?")
    test = page("studies", study=str(study_id))
    assert "\\*\\*bold" in healthy(test).header[0].value
    assert "**bold**" not in said(page("studies"))


def test_an_address_that_names_no_study_is_refused(store: Store) -> None:
    for wrong, sentence in (
        ("7", "7"),
        ("x", "study should be the number of a study; received 'x'"),
        ("9" * 30, "study"),
    ):
        assert sentence in healthy(page("studies", study=wrong)).error[0].value


def test_a_saved_design_may_be_the_base_or_a_level(store: Store) -> None:
    lab = Lab(store.url)
    lab.save_design(same_padding(name="mine"), by=ADA)
    test = page("studies", template="kernel_size")
    choose(test, "In the design", "saved: mine")
    assert not test.error, [error.value for error in test.error]
    choose(test, "What varies", "")
    box = next(b for b in test.multiselect if b.label == "Designs")
    box.set_value(["saved: mine", "preset: fast"]).run()
    assert PRESETS["fast"].protocol == same_padding().protocol
    assert healthy(test).dataframe[0].value["Design"].tolist() == ["mine", "fast"]


def test_a_study_of_another_lab_is_shown_and_repeated_when_asked(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Lab(f"sqlite:///{tmp_path_factory.mktemp('other') / 'lab.db'}")
    theirs = other.studies.start(plan(), by=ADA)
    complete(other, theirs)
    data = other.studies.file(theirs, by=ADA)
    test = page("studies")
    test.file_uploader[0].set_value(("theirs.json", data, "application/json")).run()
    lab = Lab(store.url)
    assert not lab.studies.all(by=ADA), "nothing is trained unasked"
    assert "It found: " in said(healthy(test))
    press(test, "Repeat it here")
    (study,) = lab.studies.all(by=ADA)
    assert study.digest == other.studies.get(theirs, by=ADA).digest
    assert "when all its runs have ended, the two are compared" in said(page("studies", study=str(study.id)))
    complete(lab, study.id)
    assert "Agrees to the bit" in said(page("studies", study=str(study.id)))
    test = page("studies")
    test.file_uploader[0].set_value(("broken.json", data[:-20], "application/json")).run()
    assert healthy(test).error[0].value.startswith("broken.json: ")


def test_what_a_study_found_is_a_file(store: Store) -> None:
    lab = Lab(store.url)
    study_id = lab.studies.start(plan(), by=ADA)
    complete(lab, study_id)
    test = page("studies", study=str(study_id))
    test.session_state["study-out"] = True
    names = [one.proto.label for one in healthy(test.run()).get("download_button")]
    assert names[0] == "CSV of runs"
    assert names[1].startswith("Download, ")


def test_what_another_version_kept_is_left_alone(store: Store) -> None:
    lab = Lab(store.url)
    test = page("studies", template="dropout")
    write(test, "Your question", "Mine?")
    kept = lab.choice("study", by=system_user())
    for other in (
        {"question": "old"},
        kept | {"base": {"blocks": 3}},
        kept | {"factors": [kept["factors"][0] | {"field": "x"}]},
    ):
        lab.choose("study", other, by=system_user())
        test = healthy(page("studies", view="plan"))
        assert next(t for t in test.text_input if t.label == "Your question").value == "Does kernel size matter?"


def test_a_study_that_was_interrupted_can_be_resumed(store: Store) -> None:
    study_id = started(store)
    (run_id, *_) = store.studies.unended(study_id)
    store.queue.claim("engine", only=[run_id])
    store.recording.end(run_id, Status.INTERRUPTED, "Its worker crashed again and again.")
    test = page("studies", study=str(study_id))
    assert {"Hold", "Resume"} <= {b.label for b in healthy(test).button}
    press(test, "Resume")
    assert store.runs.get(run_id).status is Status.QUEUED


def test_other_pages_say_that_runs_are_sealed_and_not_that_there_are_none(store: Store) -> None:
    study_id = started(store)
    first, second, *_ = store.studies.unended(study_id)
    ends(store, study_id, most=2)
    for name, sentence in (
        ("train", "only runs of a study: their curves and results are sealed until the last one has ended"),
        ("results", "The runs of a study appear here when the last one has ended."),
    ):
        words = said(healthy(page(name)))
        assert sentence in words
        assert "Nothing has been trained yet" not in words
        assert "No runs yet" not in words
    sealed = [
        f"Run {run_id} belongs to study {study_id}, whose results nobody has looked at yet"
        for run_id in (first, second)
    ]
    words = said(healthy(page("compare", runs=f"{first},{second},999")))
    assert all(sentence in words for sentence in sealed)
    assert "There is no run 999 any more." in words
    assert f"no run {first}" not in words


def test_a_network_that_is_sealed_is_not_said_to_be_gone(store: Store) -> None:
    study_id = started(store)
    (first, *_) = store.studies.unended(study_id)
    ends(store, study_id, most=1)
    words = said(healthy(page("inspect", runs=f"{ready_made.ID},{first},999")))
    assert f"Run {first} belongs to study {study_id}, whose results nobody has looked at yet" in words
    assert "There is no run 999 any more." in words
