"""Verdicts: what they say, and how often they are wrong when somebody looks again and again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.results import anytime
from mnist_lab.results.verdict import Sample, Verdict, difference, verdict

seeds = st.dictionaries(st.integers(1, 12), st.floats(0.9, 1.0), max_size=8)


def judged(a: dict[int, float], b: dict[int, float], **options: object) -> Verdict:
    return verdict(Sample("A", a), Sample("B", b), **options)


def less(values: dict[int, float], by: float) -> dict[int, float]:
    return {seed: value - by for seed, value in values.items()}


THREE = {1: 0.990, 2: 0.991, 3: 0.992}


def test_the_same_seeds_are_paired_and_what_one_side_has_more_is_not_used() -> None:
    more = THREE | {4: 0.5, 9: 0.4}
    found = difference(Sample("A", more), Sample("B", less(THREE, 0.01)))
    assert found.pairs == ((1, 1), (2, 2), (3, 3))
    assert (found.mean, found.unused, found.is_by_seed) == (pytest.approx(0.01), (2, 0), True)
    said = judged(more, less(THREE, 0.01))
    assert (
        "The same seeds of both were compared with each other. The test does not use 2 further seeds of A."
        in said.reason
    )


def test_other_seeds_are_paired_in_the_order_of_their_numbers() -> None:
    found = difference(Sample("A", {5: 0.99, 3: 0.98}), Sample("B", {8: 0.9, 7: 0.8, 9: 0.7}))
    assert found.pairs == ((3, 7), (5, 8))
    assert (found.mean, found.unused) == (pytest.approx(((0.98 - 0.8) + (0.99 - 0.9)) / 2), (0, 1))
    mixed = difference(Sample("A", {1: 0.99, 2: 0.98, 3: 0.97}), Sample("B", {2: 0.9, 7: 0.8}))
    assert mixed.pairs == ((2, 2), (1, 7))
    words = judged({1: 0.99, 2: 0.98, 3: 0.97}, {4: 0.90, 5: 0.91, 6: 0.895}).reason
    assert "They have different seeds, which were paired in the order of their numbers." in words


@given(seeds, seeds, st.sets(st.integers(1, 12), max_size=3), st.sets(st.integers(1, 12), max_size=3))
def test_a_verdict_does_not_depend_on_who_is_first(a: dict, b: dict, lost_a: set, lost_b: set) -> None:
    first = Sample("A", a, lost_a - a.keys())
    second = Sample("B", b, lost_b - b.keys())
    one, other = verdict(first, second), verdict(second, first)
    turned = {"better": "worse", "worse": "better"}
    assert other.kind == turned.get(one.kind, one.kind)
    assert other.more == one.more
    if one.difference:
        used = [seed for pair in one.difference.pairs for seed in pair]
        assert not {seed for seed in used if seed in first.diverged and seed in second.diverged}
        assert one.difference.n + one.difference.unused[0] == len(a)
        assert one.difference.mean == pytest.approx(-other.difference.mean)


def test_too_few_seeds_are_no_verdict_and_it_says_how_many_are_needed() -> None:
    one = judged({1: 0.99}, {1: 0.98})
    assert (one.kind, one.more) == ("not enough data", 2)
    assert one.words == (
        "Not enough data: A is ahead of B by 1.00 points of test accuracy, with 1 seed each; at least 3 seeds each are needed."
    )
    assert "a single run proves nothing" in one.reason
    two = judged({1: 0.99, 2: 0.991}, {1: 0.98, 2: 0.981})
    assert (two.kind, two.more) == ("not enough data", 1)
    among = judged(THREE, less(THREE, 0.01), comparisons=3)
    assert (among.kind, among.more) == ("not enough data", 1)
    assert among.words.endswith("at least 4 seeds each are needed.")
    none = judged(THREE, {})
    assert "no run of B has finished; at least 3 seeds each are needed" in none.words
    assert none.more == 3


def test_verdicts_in_words() -> None:
    a = {seed: 0.99 + 0.0001 * (seed % 3) for seed in range(1, 6)}
    better = judged(a, less(a, 0.01))
    assert better.kind == "better"
    assert (
        better.words == "A is better than B by 1.00 points of test accuracy; 95 % interval 0.99 to 1.01, 5 seeds each."
    )
    assert "would ever happen in at most 1 of 20 such comparisons, however often one looks" in better.reason
    worse = verdict(Sample("B", less(a, 0.01)), Sample("A", a))
    assert (worse.kind, worse.words) == ("worse", better.words)
    unclear = judged(a, {1: 0.9905, 2: 0.990, 3: 0.9905, 4: 0.9893, 5: 0.9897})
    assert unclear.kind == "inconclusive"
    assert unclear.words.startswith(
        "Not decided: A is ahead of B by 0.01 points of test accuracy, but the 95 % interval, −"
    )
    assert unclear.words.endswith(", includes zero; 5 seeds each.")
    assert unclear.more
    same = judged(a, {seed: value + 1e-5 for seed, value in a.items()})
    assert same.kind == "equal"
    assert same.words.startswith("B and A are practically equal in test accuracy; 95 % interval of the difference ")
    wide = judged({1: 0.9, 2: 0.1, 3: 0.5}, {1: 0.1, 2: 0.5, 3: 0.9})
    assert "interval, −100.00 to +100.00, includes zero" in wide.words


def test_what_would_decide_follows_this_test() -> None:
    a = {1: 0.9816, 2: 0.9823, 3: 0.9818}
    found = judged(a, {1: 0.98, 2: 0.98, 3: 0.98})
    assert found.kind == "inconclusive"
    needed = anytime.seeds_needed(found.difference.mean, found.difference.sd)
    assert found.more == needed - 3
    assert f"About {found.more} more seed" in found.reason
    close = judged(
        {seed: 0.99 + 0.002 * (seed % 2) for seed in range(1, 9)},
        {seed: 0.99 + 0.002 * (seed % 3 == 0) for seed in range(1, 9)},
    )
    assert close.kind == "inconclusive"
    to_equal = anytime.seeds_for_equality(close.difference.mean, close.difference.sd, 0.001)
    assert f"equal within 0.1 points would take about {to_equal:,} seeds of each" in close.reason


def test_a_seed_that_diverged_leaves_its_pair_and_is_told() -> None:
    a = {seed: 0.99 + 0.0001 * (seed % 3) for seed in range(1, 8)}
    b = {seed: value - 0.01 for seed, value in a.items() if seed not in (2, 5)}
    found = verdict(Sample("A", a), Sample("B", b, {2, 5}))
    assert found.kind == "better"
    assert [one for one, _ in found.difference.pairs] == [1, 3, 4, 6, 7]
    assert found.words.startswith("Where training did not diverge, A is better than B by 1.00 points")
    assert found.words.endswith("Diverged: none of 7 of A, 2 of 7 of B.")
    equal_counts = verdict(
        Sample("A", {s: v for s, v in a.items() if s != 1}, {1}), Sample("B", b | {5: a[5] - 0.01}, {2})
    )
    assert not equal_counts.words.startswith("Where")
    unclear = verdict(Sample("A", THREE), Sample("B", {1: 0.9905, 3: 0.9915, 4: 0.99}, {2}))
    assert "Diverged: none of 3 of A, 1 of 4 of B." in unclear.words


def test_an_outlying_seed_is_a_warning() -> None:
    a = {seed: 0.99 + 0.0003 * (seed % 3) for seed in range(1, 11)}
    assert judged(a, less(a, 0.005)).warning == ""
    warned = judged(a, less(a, 0.005) | {7: 0.31}).warning
    assert warned.startswith("Seed 7 of B is an outlier: 31.00%, where the others have 98.5")
    assert warned.endswith("look at its run before you trust the verdict.")


def test_a_seed_that_differs_by_an_image_is_no_outlier() -> None:
    """Accuracies are rounded to an image, so that many are equal."""
    assert judged(dict.fromkeys(range(1, 6), 0.99) | {6: 0.9901}, dict.fromkeys(range(1, 7), 0.98)).warning == ""


def test_identical_seeds_are_no_proof_of_a_difference_of_one_image() -> None:
    """Accuracies are rounded to an image of 10,000: no spread at all is only a spread below that."""
    same = dict.fromkeys(range(1, 4), 0.99)
    assert judged(same, less(same, 0.0001)).kind == "equal"
    assert judged(same, same).kind == "equal"


def test_many_pairs_are_held_to_a_stricter_level() -> None:
    a = {1: 0.9905, 2: 0.9909, 3: 0.9912, 4: 0.991, 5: 0.9907}
    b = {1: 0.99, 2: 0.99, 3: 0.99, 4: 0.991, 5: 0.9904}
    alone, among_many = (judged(a, b, comparisons=m) for m in (1, 10))
    assert among_many.difference.low < alone.difference.low
    assert "99.5 % interval" in among_many.words
