"""Designs side by side: who is a side, what is said of them, which seeds would help."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import comparison
from mnist_lab.results import table as results_table
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, finished


def rows(store: Store) -> pd.DataFrame:
    return Lab(store.url).reader(ADA).table()


def seeds(store: Store, name: str, accuracies: dict[int, float]) -> int:
    """The newest run of a preset with some seeds."""
    return [finished(store, PRESETS[name].with_changes(seed=s), a).id for s, a in accuracies.items()][-1]


def test_a_run_stands_for_all_finished_seeds_of_its_design(store: Store) -> None:
    a = seeds(store, "3x3", {1: 0.90, 2: 0.91, 3: 0.92})
    finished(store, PRESETS["3x3"].with_changes(seed=4), 0.1, Status.STOPPED)
    finished(store, PRESETS["3x3"].with_changes(seed=2), 0.95)  # once more: the newest counts
    b = seeds(store, "2x2", {1: 0.80})
    first, second = comparison.sides(rows(store), [a, b])
    assert first.values("test_accuracy") == {1: 0.90, 2: 0.95, 3: 0.92}
    assert (first.is_design, first.title) == (True, "A: 3x3")
    assert first.left_out == {"stopped": 1, "older with the same seed": 1}, "with those counted, all runs of the design"
    assert (second.run_ids, second.letter) == ([b], "B")


def test_two_runs_of_a_design_are_one_side(store: Store) -> None:
    a = seeds(store, "3x3", {1: 0.9, 2: 0.9})
    assert len(comparison.sides(rows(store), [a, a - 1])) == 1


def test_stopped_and_continued_runs_stand_for_themselves_and_enter_no_verdict(store: Store) -> None:
    a = seeds(store, "3x3", {1: 0.90, 2: 0.91})
    stopped = finished(store, PRESETS["3x3"].with_changes(seed=3), 0.5, Status.STOPPED)
    continued = seeds(store, "2x2", {1: 0.8})
    with store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE runs SET parent_id = 1, parent_epoch = 1 WHERE id = {continued}")
    found = comparison.sides(rows(store), [a, stopped.id, continued])
    assert [side.is_design for side in found] == [True, False, False]
    assert [len(side.rows) for side in found] == [2, 1, 1]
    assert comparison.verdicts(found, "test_accuracy", "test accuracy") == []


def test_more_pairs_are_judged_more_strictly(store: Store) -> None:
    values = {"3x3": 0.900, "2x2": 0.902, "7x7": 0.94, "fast": 0.95}
    ids = [
        seeds(store, name, {s: value + 0.001 * np.sin(7 * s + 3 * i) for s in (1, 2, 3, 4)})
        for i, (name, value) in enumerate(values.items())
    ]
    table = rows(store)
    alone = comparison.verdicts(comparison.sides(table, ids[:2]), "test_accuracy", "test accuracy")
    together = comparison.verdicts(comparison.sides(table, ids), "test_accuracy", "test accuracy")
    assert (len(alone), len(together)) == (1, 6)
    assert "95 % interval" in alone[0][2].words
    assert "99.17 % interval" in together[0][2].words
    widths = [found[0][2].difference.high - found[0][2].difference.low for found in (alone, together)]
    assert widths[1] > 1.5 * widths[0]


def test_of_many_designs_the_sentence_says_what_the_best_is_shown_to_beat(store: Store) -> None:
    def said(values: dict[str, float]) -> str:
        ids = [
            seeds(store, name, {s: value + 0.0001 * np.sin(7 * s + 3 * i) for s in (1, 2, 3, 4, 5)})
            for i, (name, value) in enumerate(values.items())
        ]
        found = comparison.verdicts(comparison.sides(rows(store), ids), "test_accuracy", "test accuracy")
        return comparison.overall(found, "test_accuracy", "test accuracy")

    assert said({"3x3": 0.90, "2x2": 0.92}).startswith("B: 2x2 is better than A: 3x3 by 1.99 points of test accuracy; ")
    assert (
        said({"3x3": 0.90, "2x2": 0.92, "7x7": 0.91}) == "B: 2x2 is better in test accuracy than each of the other 2."
    )
    assert said({"3x3": 0.92, "2x2": 0.92, "7x7": 0.92}).startswith("Not decided: ")
    assert said({"3x3": 0.90, "2x2": 0.9402, "7x7": 0.94}) == (
        "B: 2x2 has the highest mean test accuracy: it is better than A, but not shown to be better than C."
    )


def test_one_seed_a_side_is_no_verdict_but_a_number_of_seeds(store: Store) -> None:
    a, b = seeds(store, "3x3", {1: 0.90}), seeds(store, "2x2", {1: 0.93})
    c = seeds(store, "7x7", {1: 0.90, 2: 0.92, 3: 0.91})
    table = rows(store)
    ((_, _, verdict),) = comparison.verdicts(comparison.sides(table, [a, b]), "test_accuracy", "test accuracy")
    assert verdict.kind == "not enough data"
    assert verdict.words.endswith("with 1 seed each; at least 3 seeds each are needed.")
    assert verdict.more == 2
    three = comparison.verdicts(comparison.sides(table, [a, b, c]), "test_accuracy", "test accuracy")
    assert comparison.overall(three, "test_accuracy", "test accuracy") == (
        "Not enough data: B: 2x2 has the highest mean test accuracy, but at least 4 seeds each are needed."
    )
    assert comparison.usual_sd(table) == pytest.approx(0.01)
    assert comparison.usual_sd_of_groups(results_table.fold(table)) == pytest.approx(0.01)
    assert comparison.usual_sd(table[table["name"] != "7x7"]) is None


def test_seeds_that_diverged_are_told_and_never_trained_again(store: Store) -> None:
    a = seeds(store, "3x3", {1: 0.90, 2: 0.9002, 3: 0.9001, 4: 0.9003})
    b = seeds(store, "2x2", {1: 0.80, 4: 0.8002, 5: 0.8001, 6: 0.8003})
    for seed, words in ((2, "Training diverged: the loss is no longer a number"), (3, "No memory was left.")):
        (failed,) = store.queue.add([PRESETS["2x2"].with_changes(seed=seed)], "ada")
        store.queue.claim("engine", only=[failed])
        store.recording.end(failed, Status.FAILED, words)
    first, second = comparison.sides(rows(store), [a, b])
    assert (first.diverged, second.diverged) == (frozenset(), {2})
    assert second.left_out == {"diverged": 1, "failed": 1}
    ((_, _, verdict),) = found = comparison.verdicts([first, second], "test_accuracy", "test accuracy")
    assert verdict.difference.pairs == ((1, 1), (4, 4), (3, 5)), "seed 2 of A is in none"
    assert verdict.words.endswith("Diverged: none of 4 of A: 3x3, 1 of 5 of B: 2x2.")
    for_a, for_b = comparison.seeds_to_add(first, second, 3)
    assert 2 not in {*for_a, *for_b}
    assert (for_a, for_b) == ([5, 6, 7], [3, 7])
    c = seeds(store, "7x7", {1: 0.7, 3: 0.7, 4: 0.7, 5: 0.7, 6: 0.7})
    found = comparison.verdicts(comparison.sides(rows(store), [a, b, c]), "test_accuracy", "test accuracy")
    assert comparison.overall(found, "test_accuracy", "test accuracy").endswith(
        "Training diverged in 1 of 5 seeds of B."
    )


@given(
    st.sets(st.integers(1, 12), max_size=6),
    st.sets(st.integers(1, 12), max_size=6),
    st.integers(1, 5),
    st.sets(st.integers(1, 12), max_size=3),
)
def test_seeds_to_add_give_both_sides_the_same_seeds(
    has_a: set[int], has_b: set[int], more: int, lost_by_a: set[int]
) -> None:
    class Fake:
        def __init__(self, seeds: set[int], diverged: set[int]) -> None:
            self.seeds, self.diverged = seeds - diverged, diverged - seeds

        def values(self, metric: str) -> dict[int, float]:
            return dict.fromkeys(self.seeds, 0.9)

    a, b = Fake(has_a, lost_by_a), Fake(has_b, set())
    for_a, for_b = comparison.seeds_to_add(a, b, more)
    assert not {*for_a, *for_b} & a.diverged
    has_a, has_b = a.seeds, b.seeds - a.diverged
    assert not has_a & set(for_a)
    assert not has_b & set(for_b)
    after = has_a | set(for_a), has_b | set(for_b)
    assert after[0] == after[1]
    assert len(after[0]) >= min(len(has_a), len(has_b)) + more


def test_only_the_fields_that_differ() -> None:
    fields = pd.DataFrame({name: results_table.fields(PRESETS[name].model_dump_json()) for name in ("3x3", "2x2")})
    found = comparison.differing(fields)
    assert found.loc["Kernel size"].tolist() == ["3×3", "2×2"]
    assert "Optimizer" not in found.index
    same = comparison.differing(fields[["3x3"]].assign(again=fields["3x3"]))
    assert same.empty


def test_every_field_of_design_and_recipe_has_a_place() -> None:
    for name, other in itertools.pairwise(PRESETS):
        fields = results_table.fields(PRESETS[name].model_dump_json())
        assert list(fields) == list(results_table.fields(PRESETS[other].model_dump_json()))
        assert {"Filters", "Kernel size", "Optimizer", "Learning rate (optimizer)", "Epochs", "Protocol"} <= set(fields)
