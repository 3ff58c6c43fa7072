"""Which rows of the table are meant."""

import pandas as pd
import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import filters
from mnist_lab.results.filters import Condition
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, trained


@pytest.fixture
def rows(store: Store) -> pd.DataFrame:
    run_id = trained(store)
    store.labels.set([run_id], tags=["lesson 1"], note="Odd Curve")
    store.queue.add([PRESETS["2x2"], PRESETS["7x7"]], "bob")
    return Lab(store.url).reader(ADA).table()


def names(rows: pd.DataFrame, words: str) -> list[str]:
    return rows[filters.matching(rows, words)]["name"].tolist()


def test_words_are_looked_for_in_every_text_and_in_the_numbers_of_runs(rows: pd.DataFrame) -> None:
    assert names(rows, "") == ["7x7", "2x2", "3x3"]
    assert names(rows, "odd LESSON") == ["3x3"]
    assert names(rows, "bob") == ["7x7", "2x2"]
    assert names(rows, "queued 2×2") == ["2x2"]
    assert names(rows, "3") == ["7x7", "2x2", "3x3"]  # run 3, filters 32, kernels 3×3
    assert names(rows, "finished bob") == []
    assert names(rows, "(.*") == []  # no pattern


def fields(rows: pd.DataFrame, store: Store) -> pd.DataFrame:
    lab = Lab(store.url)
    lab.reader(ADA).table()
    keys = rows["design_key"].unique()
    return pd.DataFrame([lab.reader(ADA).fields(key) for key in keys], index=keys)


def test_a_letter_is_found_however_it_was_typed(store: Store) -> None:
    run_id = trained(store)
    store.labels.set([run_id], name="cafe\u0301")
    rows = Lab(store.url).reader(ADA).table()
    assert all(filters.matching(rows, words).all() for words in ("café", "cafe\u0301", "CAFE\u0301"))


def test_conditions_on_columns_tags_and_fields_of_the_design(rows: pd.DataFrame, store: Store) -> None:
    given = fields(rows, store)

    def meets(**conditions: Condition) -> list[str]:
        return rows[filters.meeting(rows, conditions, given)]["name"].tolist()

    assert meets(tags=Condition(("lesson 1", "lesson 2"))) == ["3x3"]
    assert meets(status=Condition(("queued",))) == ["7x7", "2x2"]
    assert meets(status=Condition(("queued",)), owner=Condition(("ada",))) == []
    assert meets(test_accuracy=Condition(low=0.5)) == ["3x3"]  # a missing value meets no bound
    assert meets(**{"Convolution blocks": Condition(low=3, high=3)}) == ["7x7", "3x3"]
    assert meets(**{"Kernel size": Condition(("2×2",))}) == ["2x2"]
    assert meets(parameters=Condition(low=136_906, high=136_906)) == ["7x7"]
