"""A study before it starts: power, the difference that it shows, and what it cannot tell."""

import numpy as np
import pandas as pd
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results.prediction import model_seconds
from mnist_lab.store.store import Store
from mnist_lab.studies import preview as previews
from mnist_lab.studies import statistics
from mnist_lab.studies.cells import cells
from mnist_lab.studies.plan import Plan
from mnist_lab.studies.preview import Preview
from tests.builders.plans import plan, same_padding
from tests.builders.runs import ADA
from tests.builders.studies import ends, small_plan

NONE = pd.DataFrame({"design_key": [], "seeds": [], "status": [], "test_accuracy": [], "validation_accuracy": []})


def previewed(one: Plan, known: int = 0, rows: pd.DataFrame = NONE) -> Preview:
    def fields(key: str) -> dict[str, object]:
        return {"Protocol": "holdout", "Training images": 10_000 if key.startswith("few") else 55_000}

    return previews.preview(one, cells(one, model_seconds), known, 12.0, rows, fields)


def table(values: dict[str, list[float]], column: str = "test_accuracy") -> pd.DataFrame:
    """A finished run for each value, of a design by its key, with seeds from 1 on."""
    return pd.DataFrame(
        [
            {"design_key": key, "seeds": (seed,), "status": "finished", column: value}
            for key, its in values.items()
            for seed, value in enumerate(its, 1)
        ]
    ).reindex(columns=[*NONE])


def test_the_difference_that_is_shown_has_the_power_that_is_said() -> None:
    found = previewed(plan(seeds=10, matters=0.002))
    assert (found.runs, found.comparisons, found.known, found.seconds) == (30, 3, 0, 12.0)
    assert found.power == pytest.approx(statistics.power(10, 0.002, found.sd, 3))
    assert statistics.power(10, found.detectable, found.sd, 3) == pytest.approx(0.8, abs=1e-6)
    needed = statistics.seeds_needed(0.002, found.sd, 3)
    assert found.needed == needed
    assert (
        previewed(plan(seeds=needed, matters=0.002)).power
        >= 0.8
        > previewed(plan(seeds=needed - 1, matters=0.002)).power
    )


def test_power_is_the_share_of_studies_that_show_the_difference() -> None:
    """By simulation: of two levels, with differences as spread as it says."""
    one = plan(seeds=6, matters=0.002, factors=[{"field": "blocks.kernel_size", "levels": [2, 3]}])
    found = previewed(one)
    rng = np.random.default_rng(1)
    differences = rng.normal(0.002, found.sd, (20_000, 6))
    t = differences.mean(1) / differences.std(1, ddof=1) * np.sqrt(6)
    assert (np.abs(t) > statistics.student_limit(6)).mean() == pytest.approx(found.power, abs=0.015)


def test_where_runs_are_known_the_test_that_may_be_looked_at_needs_more() -> None:
    fresh, seen = (previewed(plan(seeds=8, matters=0.002), known) for known in (0, 5))
    assert seen.power < fresh.power
    assert seen.detectable > fresh.detectable
    assert seen.needed > fresh.needed
    assert "5 runs of it have been trained here already" in seen.limits[-1]
    assert "already" not in fresh.limits[-1]


def test_with_seeds_too_few_to_show_anything_it_says_so() -> None:
    found = previewed(plan(seeds=3), known=1)
    assert (found.power, found.detectable) == (0.0, 1.0)
    assert "Any difference: 3 seeds each are too few for the test that is to be used." in found.limits


def test_the_spread_is_that_of_these_designs_where_they_were_trained() -> None:
    one = plan()
    keys = [design.design_key for design in one.designs]
    values = {keys[0]: [0.98, 0.99, 0.97], keys[1]: [0.981, 0.992, 0.9695], keys[2]: [0.98], "other": [0.1, 0.9]}
    assert previewed(one, rows=table(values)).sd_source.startswith("from the spread between seeds"), "three are few"
    values[keys[2]] = [0.985, 0.9951, 0.9753]
    found = previewed(one, rows=table(values))
    assert not found.is_guess
    assert found.sd_source == "from 9 differences between these designs, trained here before"
    pairs = [np.subtract(values[a], values[b]) for a, b in ((keys[0], keys[1]), (keys[0], keys[2]), (keys[1], keys[2]))]
    assert found.sd == pytest.approx(np.sqrt(np.mean([np.var(its, ddof=1) for its in pairs])))


def test_else_it_is_that_of_designs_with_the_same_images_else_of_any() -> None:
    values = {"all a": [0.98, 0.99], "all b": [0.97, 0.99, 0.98], "few": [0.5, 0.9], "single": [0.99]}
    found = previewed(plan(), rows=table(values))
    pooled = np.sqrt((np.var(values["all a"], ddof=1) + 2 * np.var(values["all b"], ddof=1)) / 3)
    assert found.sd == pytest.approx(np.sqrt(2) * pooled)
    assert (
        found.sd_source
        == "from the spread between seeds of 2 designs with the same images, 5 runs, trained here before"
    )
    assert not found.is_guess
    few = previewed(plan(), rows=table({"few": [0.5, 0.9]}))
    assert few.is_guess
    assert few.sd_source == "from the spread between seeds of 1 design, 2 runs, trained here before"
    none = previewed(plan(), rows=table({"all a": [0.98]}))
    assert none.sd == pytest.approx(np.sqrt(2) * previews.TYPICAL_SD)
    assert none.sd_source.startswith("what is usual")
    assert none.is_guess


def test_the_spread_is_of_the_metric_that_is_planned() -> None:
    rows = table({"all a": [0.98, 0.99]}, "validation_accuracy")
    assert previewed(plan(metric="validation accuracy"), rows=rows).sd == pytest.approx(0.01)
    assert previewed(plan(), rows=rows).sd_source.startswith("what is usual")


FACTOR = {"field": "blocks.kernel_size", "levels": [2, 3]}
OTHER = {"field": "recipe.batch_size", "levels": [128, 256]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "Whether it is kernel size or what it costs that makes a difference: parameters (6,386 to 33,602) and multiply-adds"),
        ({"equal": {"what": "parameters", "by": "filters"}}, "Whether it is kernel size or the number of filters"),
        ({"equal": {"what": "multiply-adds of training", "by": "length"}}, "or the length of training"),
        ({"factors": [FACTOR, OTHER]}, "Small interactions"),
        ({"base": same_padding(protocol="notebook").model_dump(mode="json")}, "under the notebook's protocol"),
    ],
)  # fmt: skip
def test_it_says_what_it_cannot_tell(changes: dict[str, object], says: str) -> None:
    found = previewed(plan(**changes)).limits
    assert any(says in one for one in found), found
    assert all(one.endswith(".") and one.isprintable() for one in found)


def test_designs_that_differ_in_much_cannot_tell_what_makes_the_difference() -> None:
    presets = [PRESETS[name].model_dump(mode="json") for name in ("2x2", "7x7")]
    found = previewed(plan(base=PRESETS["2x2"].model_dump(mode="json"), factors=[{"presets": presets}])).limits
    assert found[0].startswith("Which of these makes a difference: ")
    assert "kernel size" in found[0]


def test_each_block_that_is_added_is_named() -> None:
    base = same_padding()
    blocks = [block.model_dump(mode="json") for block in base.architecture.blocks]
    more = {
        "name": "deep",
        "architecture": base.architecture.model_dump(mode="json") | {"blocks": [*blocks, blocks[2], blocks[2]]},
    }
    presets = [one.model_dump(mode="json") for one in (base, base.with_changes(**more))]
    found = previewed(plan(base=base.model_dump(mode="json"), factors=[{"presets": presets}])).limits
    assert found[0].startswith("Which of these makes a difference: added block 4, added block 5; the designs differ")


def test_a_factor_that_costs_nothing_confounds_nothing() -> None:
    found = previewed(plan(factors=[{"field": "blocks.dropout", "levels": [0, 0.5]}])).limits
    assert not any("what it costs" in one for one in found)


def test_the_lab_previews_what_is_left_to_train(store: Store, small: Experiment) -> None:
    lab, one = Lab(store.url), small_plan(small)
    store.calibrations.save([1.0, 1.0, 1.0])
    whole = lab.studies.preview(one, by=ADA)
    assert (whole.known, whole.runs) == (0, 6)
    assert whole.seconds == pytest.approx(3 * sum(cell.seconds for cell in whole.cells))
    ends(store, *store.queue.add([one.designs[0]], "ada"), 0.9)
    left = lab.studies.preview(one, by=ADA)
    assert left.known == 1
    assert left.seconds == pytest.approx(2 * left.cells[0].seconds + 3 * left.cells[1].seconds)
