import numpy as np
import pandas as pd
import pytest

from mnist_lab.design.experiment import NORMALIZATION_FIELDS
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import anytime
from mnist_lab.results import table as results_table
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, finished


def table(store: Store) -> pd.DataFrame:
    return Lab(store.url).reader(ADA).table()


def test_runs_that_differ_only_in_seed_fold_into_mean_and_standard_deviation(store: Store) -> None:
    for seed, accuracy in ((1, 0.90), (2, 0.92), (3, 0.97)):
        finished(store, PRESETS["3x3"].with_changes(seed=seed), accuracy)
    finished(store, PRESETS["2x2"], 0.5)
    folded = results_table.fold(table(store))
    assert folded["name"].tolist() == ["2x2", "3x3"]
    row = folded.iloc[1]
    assert (row["n"], row["seeds"], row["ids"]) == (3, (1, 2, 3), (3, 2, 1))
    assert row["test_accuracy"] == pytest.approx(0.93)
    assert row["test_sd"] == pytest.approx(np.std([0.90, 0.92, 0.97], ddof=1))
    assert np.isnan(folded.iloc[0]["test_sd"])


def test_every_field_of_a_design_has_a_title() -> None:
    fields = results_table.fields(PRESETS["residual"].model_dump_json())
    assert not [name for name in fields if "None" in name]
    assert {"Filters", "Dense: Units", "Rise (schedule)"} <= fields.keys()


def test_the_interval_of_a_mean_share_ends_at_nothing_and_at_all(store: Store) -> None:
    for seed, accuracy in ((1, 0.08), (2, 0.80), (3, 0.4)):
        finished(store, PRESETS["3x3"].with_changes(seed=seed), accuracy)
    for seed, accuracy in ((1, 0.990), (2, 0.991), (3, 0.9905)):
        finished(store, PRESETS["2x2"].with_changes(seed=seed), accuracy)
    near_one, wide = results_table.fold(table(store)).to_dict("records")
    assert (wide["test_low"], wide["test_high"]) == (0, 1)
    expected = anytime.spread([0.99, 0.991, 0.9905])
    assert (near_one["test_low"], near_one["test_high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert near_one["validation_low"] == pytest.approx(expected.low)


def test_two_seeds_have_a_spread_and_no_interval(store: Store) -> None:
    for seed, accuracy in ((1, 0.990), (2, 0.991)):
        finished(store, PRESETS["2x2"].with_changes(seed=seed), accuracy)
    (row,) = results_table.fold(table(store)).to_dict("records")
    assert row["test_sd"] > 0
    assert np.isnan([row["test_low"], row["test_high"], row["validation_low"]]).all()


def test_a_seed_trained_twice_counts_once(store: Store) -> None:
    for accuracy in (0.1, 0.9):
        finished(store, PRESETS["3x3"], accuracy)
    row = results_table.fold(table(store)).iloc[0]
    assert (row["n"], row["ids"]) == (1, (2, 1))
    assert row["test_accuracy"] == 0.9


def test_runs_that_did_not_finish_stay_visible_and_enter_no_mean(store: Store) -> None:
    finished(store, PRESETS["3x3"], 0.9)
    finished(store, PRESETS["3x3"].with_changes(seed=2), 0.1, Status.STOPPED)
    store.queue.add([PRESETS["3x3"].with_changes(seed=3)], "ada")
    folded = results_table.fold(table(store))
    assert folded["status"].tolist() == ["queued", "stopped", "finished"]
    assert folded["n"].tolist() == [0, 0, 1]
    assert folded.iloc[2]["test_accuracy"] == 0.9


def test_the_table_says_the_design_in_a_word(store: Store) -> None:
    store.queue.add([PRESETS["2x2"]], "ada")
    row = table(store).iloc[0]
    assert (row["kernel_sizes"], row["conv_layers"], row["filters"]) == ("2×2", 5, "4-8-16-32-64")


def test_empty_tables_are_tables(store: Store) -> None:
    assert list(results_table.fold(table(store)).columns) == results_table.COLUMNS
    assert results_table.beside_notebook(table(store))["n"].tolist() == [0, 0, 0]


def test_only_exact_repetitions_stand_beside_the_notebook(store: Store) -> None:
    finished(store, PRESETS["3x3"].with_changes(seed=4), 0.98)
    finished(store, PRESETS["3x3"].with_changes(seed=5), 0.99)
    finished(store, PRESETS["3x3"].with_changes(train_images=1000), 0.5)
    finished(store, PRESETS["2x2"], 0.97, Status.STOPPED)
    beside = results_table.beside_notebook(table(store)).set_index("name")
    assert beside.loc["3x3", "n"] == 2
    assert beside.loc["3x3", "our_test_accuracy"] == pytest.approx(0.985)
    assert beside.loc["2x2", "n"] == 0
    assert beside.loc["7x7", "test_accuracy"] == 0.9935


def test_repetitions_by_version_0_6_count_but_their_first_validations_are_not_drawn(store: Store) -> None:
    preset = PRESETS["3x3"]
    before = preset.with_changes(recipe=preset.recipe.model_dump() | NORMALIZATION_FIELDS)
    finished(store, before.with_changes(seed=4), 0.98)
    finished(store, before.with_changes(seed=5), 0.97)
    finished(store, preset.with_changes(seed=5), 0.99)
    rows = table(store)
    beside = results_table.beside_notebook(rows).set_index("name")
    assert beside.loc["3x3", "n"] == 2
    assert beside.loc["3x3", "our_test_accuracy"] == pytest.approx(0.985)
    assert results_table.reproductions(rows)["3x3"]["seeds"].tolist() == [(5,)]


def test_columns_of_normalisation_are_empty_where_there_is_none() -> None:
    columns = ("Bias-corrected statistics", "Normalisation momentum")
    for name, expected in {"3x3": [True, 0.99], "fast": [None, None]}.items():
        found = results_table.fields(PRESETS[name].model_dump_json())
        assert [found[column] for column in columns] == expected
