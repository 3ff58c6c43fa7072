"""The Compare page without a browser: what it says of designs, and what of runs that are gone."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui.results import compare
from mnist_lab.ui.text import plain
from tests.builders.pages import button, healthy, number, page
from tests.builders.processes import ROOT
from tests.builders.runs import ADA, finished
from tests.builders.tested import run_of


def verdict(test: AppTest) -> str:
    """The large sentence, as a screen reader says it."""
    (found,) = [html.proto.body for html in healthy(test).get("html") if 'class="verdict"' in html.proto.body]
    return unescape(re.sub(r"<[^>]*>", "", found)).replace("  ", " ").strip()


def test_comparing_says_what_differs_and_what_can_be_said(runs: list[int], store: Store) -> None:
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]}"))
    said = "\n".join(m.value for m in test.markdown)
    assert "A: 3x3 is better than B: 2x2 by 1.98 points of test accuracy; 95 % interval 1.9" in verdict(test)
    assert verdict(test).endswith("3 seeds each.")
    assert "The same seeds of both were compared with each other." in said
    fields = test.table[0].value
    assert list(fields) == ["A: 3x3", "B: 2x2"]
    assert {"Kernel size", "Filters", "Parameters"} <= set(fields.index)
    assert "Optimizer" not in set(fields.index)
    assert "alone is right on **197** test images, run 6 alone on **0**" in said
    assert "(a probability of less than 0.0001 by McNemar's exact test)" in said, "2 ** -196 is not 0"
    assert "This says nothing about the designs" in said


def test_with_one_run_a_side_there_is_no_verdict_but_a_button(store: Store) -> None:
    a, b = run_of(store, "3x3", 1, 100), run_of(store, "2x2", 1, 110)
    for seed, wrong in ((1, 90), (2, 100), (3, 110)):
        run_of(store, "7x7", seed, wrong)
    test = healthy(page("compare", runs=f"{a},{b}"))
    assert verdict(test) == (
        "Not enough data: A: 3x3 is ahead of B: 2x2 by 0.10 points of test accuracy, with 1 seed each; at least 3 seeds each "
        "are needed."
    )
    assert any("a single run proves nothing" in m.value for m in test.markdown)
    queue = next(b for b in test.button if b.label.startswith("Queue "))
    assert queue.label == "Queue 2 more each"
    more = 2
    queue.click().run()
    queued = Lab(store.url).reader(ADA).active()
    assert len(queued) == 2 * more
    assert {run.name for run in queued} == {"3x3", "2x2"}
    assert {run.seed for run in queued} == set(range(2, more + 2))


def test_what_may_be_expected_of_a_verdict_is_said_below_it(runs: list[int], store: Store) -> None:
    (said,) = [c.value for c in page("compare", runs=f"{runs[0]},{runs[3]}").caption if "You may look" in c.value]
    for words in (
        "its 95 % interval, from 3 seeds on",
        "a difference is ever shown in at most one of twenty comparisons",
        "a verdict may lapse when more come",
        "not a pair picked out of a long table because it stood out, nor seeds that were deleted",
        "a prior of precision 0.1",
    ):
        assert words in said
    for seed in (4, 5):
        store.recording.end(fails(store, seed), Status.FAILED, "Training diverged: the loss is no number in epoch 1.")
    test = page("compare", runs=f"{runs[0]},{runs[3]}")
    assert verdict(test).startswith("Where training did not diverge, A: 3x3 is better than B: 2x2")
    assert verdict(test).endswith("Diverged: none of 3 of A: 3x3, 2 of 5 of B: 2x2.")
    assert any("**B: 2x2** · 3 seeds; not counted: 2 diverged" in m.value for m in test.markdown)


def fails(store: Store, seed: int) -> int:
    """A running run of 2×2."""
    (run_id,) = store.queue.add([PRESETS["2x2"].with_changes(seed=seed)], "ada")
    store.queue.claim("engine", only=[run_id])
    return run_id


def test_one_outlying_seed_is_a_warning(store: Store) -> None:
    a = [run_of(store, "3x3", seed, 100 + seed) for seed in range(1, 7)]
    b = [run_of(store, "2x2", seed, 4000 if seed == 5 else 110 + 3 * (seed % 3)) for seed in range(1, 7)]
    test = healthy(page("compare", runs=f"{a[0]},{b[0]}"))
    assert any("Seed 5 of B: 2x2 is an outlier: 60.00%" in m.value for m in test.markdown)


def test_what_is_not_known_yet_is_a_dash(runs: list[int], store: Store) -> None:
    store.lease.take("engine", "ready")
    (training,) = store.queue.add([PRESETS["7x7"]], "ada")
    store.queue.claim("engine")
    fields = healthy(page("compare", runs=f"{runs[0]},{training}")).table[0].value
    assert fields.loc["Seconds of a run"].tolist() == ["10.0 s", "–"]


def test_a_long_list_says_once_what_it_says_again_and_again() -> None:
    assert compare.repeated(", ".join(["same"] * 10)) == "same, 10 times"
    assert compare.repeated(", ".join(["valid"] + ["same"] * 9)) == "valid; same, 9 times"
    for short in ("3×3", "3×3, 3×3", "16, 32, 16, 32", "1, 1, 2, 3, 4"):
        assert compare.repeated(short) == short


def test_each_pair_has_a_button_with_a_name_of_its_own(store: Store) -> None:
    ids = [run_of(store, name, 1, wrong) for name, wrong in (("3x3", 90), ("2x2", 100), ("7x7", 120))]
    test = healthy(page("compare", runs=f"{ids[0]},{ids[1]},{ids[2]}"))
    names = [b.label for b in test.button if b.label.startswith("Queue ")]
    assert [name.split(" each ")[1] for name in names] == ["of A and B", "of A and C", "of B and C"]


def test_many_are_judged_together_and_a_stopped_one_is_no_sample(runs: list[int]) -> None:
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]},{runs[-1]}"))
    said = "\n".join(m.value for m in test.markdown)
    assert "a single run (stopped): not a sample of its design, so no verdict" in said
    assert verdict(test).count("is better than") == 1
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
    assert "A: 3x3 is ahead of B: 2x2" in verdict(test)
    assert any("**B: 2x2** · 2 seeds" in m.value for m in test.markdown)
    store.labels.set(runs[3:6], deleted=True)
    test = page("compare", runs=f"{runs[0]},{runs[3]}")
    assert f"Run {runs[3]} is deleted, and left out." in warned(test)
    assert [info.value for info in test.info] == [
        "That leaves nothing to compare; choose rows in the table of results."
    ]
    button(test, "Restore").click().run()
    assert store.runs.get(runs[3]).deleted is None
    assert not healthy(test).warning
    store.runs.purge(days=-1)
    test = page("compare", runs=f"{runs[0]},{runs[-1]},{runs[4]}")
    assert f"There is no run {runs[4]} any more." in warned(test)
    assert any("**B: 7x7**" in m.value for m in test.markdown)
    for same in (f"{runs[0]},{runs[0]}", f"{runs[0]}"):
        assert "runs should be 2 to 6 numbers of runs" in healthy(page("compare", runs=same)).error[0].value


def test_networks_are_chosen_in_words_where_there_are_three(runs: list[int], store: Store) -> None:
    for seed in (1, 2):
        runs.append(run_of(store, "7x7", seed, 50))
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]},{runs[-1]}"))
    box = next(b for b in test.selectbox if b.label == "Which two")
    healthy(box.set_value("B: 2x2 and C: 7x7").run())
    healthy(test.run())
    assert any("run 9 alone on **256**" in m.value for m in test.markdown)


def test_the_verdict_is_a_live_sentence_with_looks_and_nothing_in_a_name_is_markup(
    runs: list[int], store: Store
) -> None:
    more = [run_of(store, "3x3", seed, 100) for seed in (4, 5)]
    store.labels.set([*runs[:3], *more], name="<i>x</i> & *y*")
    test = healthy(page("compare", runs=f"{runs[0]},{runs[3]}"))
    assert verdict(test).startswith("A: <i>x</i> & *y* is better than B: 2x2 by ")
    reason = next(m.value for m in test.markdown if "compared with each other" in m.value)
    assert plain("2 further seeds of A: <i>x</i> & *y*.") in reason
    (found,) = [html.proto.body for html in test.get("html") if 'class="verdict"' in html.proto.body]
    assert "<i>" not in found
    assert found.count('<img src="data:image/svg+xml,') == 2
    assert len({src.split('"')[1] for src in found.split("<img ")[1:]}) == 2, "each in its own look"


def test_without_two_designs_there_is_no_verdict_and_it_says_so(runs: list[int]) -> None:
    test = page("compare", runs=f"{runs[0]},{runs[-1]}")
    assert verdict(test) == "No verdict: it needs at least two designs with finished runs, and here there is one."


def test_what_the_chart_of_seeds_shows_is_said_in_words() -> None:
    points = pd.DataFrame({"side": ["A", "A", "B"], "mean": [0.99, 0.99, 0.98], "low": [0.985, 0.985, float("nan")]})
    words = compare._spreads_in_words(points.assign(high=0.995), "test accuracy")
    assert words == ("Mean test accuracy: A 99.00%, 95 % interval 98.50% to 99.50%, 2 seeds; B 98.00%, 1 seed")


def deciding(*run_ids: int) -> AppTest:
    """Compare, with what “Decide it now…” would start."""
    test = page("compare", runs=",".join(map(str, run_ids)))
    test.session_state["decide"] = True
    return healthy(test.run())


def test_it_is_decided_now_by_a_study_with_seeds_that_nobody_has_seen(runs: list[int], store: Store) -> None:
    test = deciding(runs[0], runs[3])
    seeds = number(test, "Seeds each")
    assert seeds.value == 6
    seeds.set_value(4).run()
    (words,) = [m.value for m in healthy(test).markdown if "8 runs with the new seeds 4 to 7" in m.value]
    assert "(standard deviation of a difference), from the spread between seeds of " in words
    button(test, "Start the study").click().run()
    studies = Lab(store.url).studies
    (study,) = studies.all(by=ADA)
    assert study.plan.question == "Which is better, 3x3 or 2x2?"
    assert (study.plan.first_seed, study.plan.seeds) == (4, 4)
    assert [preset.name for preset in study.plan.factors[0].presets] == ["3x3", "2x2"]
    assert study.plan.metric == "test accuracy"
    assert study.reused == 0
    assert study.is_sealed


def inside(block: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The id of each container and popover, with those that it is in."""
    for child in getattr(block, "children", {}).values():
        its = getattr(getattr(child, "proto", None), "id", "")
        yield its, above
        yield from inside(child, (*above, its))


def test_what_decides_is_seen_in_a_presentation_which_hides_the_tools(runs: list[int]) -> None:
    assert '[class*="st-key-tools"]' in (ROOT / "mnist_lab/ui/presentation.css").read_text(encoding="utf-8")
    found = list(inside(deciding(runs[0], runs[3]).main))
    (above,) = [above for its, above in found if its.endswith("-decide")]
    assert not [its for its in above if "tools" in its]
    assert any(its.endswith("-tools-judged") for its, _ in found), "what else is there stays hidden"


def test_designs_of_one_name_are_told_apart_in_the_study(store: Store) -> None:
    base = PRESETS["3x3"].with_changes(name="mine")
    other = base.with_changes(name="mine", recipe=base.recipe.model_dump(mode="json") | {"epochs": 3})
    a, b = (finished(store, design, 0.9).id for design in (base, other))
    button(deciding(a, b), "Start the study").click().run()
    (study,) = Lab(store.url).studies.all(by=ADA)
    assert [preset.name for preset in study.plan.factors[0].presets] == ["A: mine", "B: mine"]
