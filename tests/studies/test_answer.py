"""The answer of a study: its sentences, tables, and what it says of divergence, outliers and what is not decided."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_lab.results import anytime
from mnist_lab.studies.answer import Answer, answer
from mnist_lab.studies.statistics import Accuracies, Levels, compare, planned, seeds_for_equality, seeds_needed, spread

KERNELS = {"Kernel size": ["2", "3", "5", "7"]}
TWO = {"Kernel size": ["3", "5"], "Dropout": ["0", "0.5"]}
# What each seed adds, so that differences between cells have the same small spread.
NOISE = np.array(
    [
        [0, 1, 2, 0, 1, 2, 0, 1, 2, 1],
        [1, 0, 1, 2, 2, 0, 1, 2, 0, 1],
        [2, 2, 0, 1, 0, 1, 1, 0, 2, 1],
        [1, 2, 1, 0, 2, 1, 0, 0, 1, 2],
    ]
)


def study(means: Mapping[Levels, float], scale: float = 0.0001, seeds: int = 10) -> dict[Levels, dict[int, float]]:
    """Accuracies by cell and seed: the mean of each cell, and a noise of two units at most."""
    return {
        cell: {seed: mean + scale * float(NOISE[place % 4, (seed - 1) % 10]) for seed in range(1, seeds + 1)}
        for place, (cell, mean) in enumerate(means.items())
    }


def kernels(*means: float) -> dict[Levels, float]:
    return {(level,): mean for level, mean in zip(KERNELS["Kernel size"], means, strict=True)}


def answered(
    accuracies: Accuracies, factors: dict[str, list[str]] = KERNELS, reference: str | None = None, **options: object
) -> Answer:
    given_ = {"matters": 0.001, "is_unseen": True} | options
    return answer(factors, planned(factors, reference), accuracies, **given_)


def test_one_level_is_better_than_another() -> None:
    factors = {"Kernel size": ["2", "3"]}
    found = answered(study({("2",): 0.985, ("3",): 0.988}), factors)
    row = found.comparisons.iloc[0]
    low, high = 100 * row["low"], 100 * row["high"]
    assert found.words == (
        f"Kernel size 3 is better than 2 by 0.30 points of test accuracy (95 % interval {low:.2f} to {high:.2f}, 10 seeds each)."
    )
    assert (row["verdict"], row["n"], row["first"], row["second"]) == ("better", 10, "3", "2")
    worse = answered(study({("2",): 0.988, ("3",): 0.985}), factors)
    assert worse.words.startswith("Kernel size 2 is better than 3 by 0.30 points of test accuracy (95 % interval 0.")
    assert worse.comparisons.iloc[0]["verdict"] == "worse"


def test_of_four_levels_one_is_worse_and_the_others_are_equal() -> None:
    words = answered(study(kernels(0.985, 0.988, 0.988, 0.988))).words
    assert words.startswith("Kernel size 3 is better than 2 by 0.30 points of test accuracy (95 % interval 0.")
    assert ", 10 seeds each), and so are 5 by 0.30 (0." in words
    assert ") and 7 by 0.30 (0." in words
    assert "; 3, 5 and 7 are practically equal: all are within 0." in words
    assert words.endswith(" points, less than the 0.1 points that would matter.")
    assert words.count("test accuracy") == words.count("95 %") == words.count("seeds") == 1


def test_where_no_difference_is_shown_it_says_how_far_they_may_be_apart_and_what_would_decide() -> None:
    accuracies = study(kernels(0.98, 0.988, 0.988, 0.988), scale=0.0012)
    found = answered(accuracies)
    its = {(one["first"], one["second"]): one for _, one in found.comparisons.iterrows()}
    among = [its["5", "3"], its["7", "3"], its["7", "5"]]
    assert [one["verdict"] for one in among] == ["inconclusive"] * 3
    reach = max(max(-one["low"], one["high"]) for one in among)
    assert "; between 3, 5 and 7 no difference is shown: all are within " in found.words
    said = float(found.words.split("all are within ")[1].split()[0])
    assert 0 <= said - 100 * reach < 0.01, "rounded up"
    sd = max(one.sd for one in compare(planned(KERNELS), accuracies, is_unseen=True) if one.contrast.second != "2")
    fresh, added = (seeds_needed(0.001, sd, 6, is_unseen=is_unseen) for is_unseen in (True, False))
    assert found.words.endswith(
        "What is not decided: to show a difference of 0.1 points there would take about "
        f"{fresh} seeds each in a new study with other seeds, or about {added} in all if seeds are added to these."
    )


def test_a_sentence_without_a_better_one_names_factor_metric_and_seeds() -> None:
    words = answered(study(kernels(0.988, 0.988, 0.988, 0.988)), what="validation accuracy").words
    assert words.startswith("Kernel size 2, 3, 5 and 7 are practically equal: all are within 0.")
    assert " points of validation accuracy (95 %, 10 seeds each), less than the 0.1 points that would matter." in words
    two = answered(study({("2",): 0.988, ("3",): 0.988}, scale=0.001), {"Kernel size": ["2", "3"]}).words
    assert two.startswith("Between kernel size 2 and 3 no difference is shown: they are within 0.")


def test_compared_with_a_reference() -> None:
    found = answered(study(kernels(0.985, 0.988, 0.988, 0.988)), reference="3")
    assert found.words.startswith("Kernel size 3 is better than 2 by ")
    assert "; 5 and 7 are practically equal to 3: all are within " in found.words
    assert [(one["first"], one["second"]) for _, one in found.comparisons.iterrows()] == [
        ("2", "3"),
        ("5", "3"),
        ("7", "3"),
    ]
    undecided = answered(study(kernels(0.95, 0.988, 0.988, 0.988), scale=0.001), reference="3").words
    assert "; 5 and 7 are not shown to differ from 3: all are within " in undecided


def test_what_is_equal_to_a_reference_is_not_told_again_with_what_is_not_decided() -> None:
    accuracies = study(kernels(0.98, 0.988, 0.988, 0.988), scale=0.0003)
    accuracies["7",] = {seed: value + 0.003 * (NOISE[3, seed - 1] - 1) for seed, value in accuracies["7",].items()}
    words = answered(accuracies, reference="3").words
    assert "; 3 and 5 are practically equal: they are within 0." in words
    assert "; between 3 and 7 no difference is shown: they are within " in words


def test_levels_are_within_the_farther_end_of_the_interval_on_either_side() -> None:
    factors = {"Kernel size": ["2", "3"]}
    means = {("2",): 0.988, ("3",): 0.9882}
    within = [
        answered(study(dict(zip(order, means.values(), strict=True)), scale=0.001), factors)
        .words.split("within ")[1]
        .split()[0]
        for order in (means, reversed(means))
    ]
    assert within[0] == within[1] > "0.10"


def test_no_accuracy_differs_by_more_than_all() -> None:
    factors = {"Kernel size": ["2", "3"]}
    wild = {("2",): {1: 0.1, 2: 0.9}, ("3",): {1: 0.8, 2: 0.2}}
    assert "they are within 100.00 points" in answered(wild, factors).words
    four = {("3", "0"): wild["2",], ("3", "0.5"): wild["3",], ("5", "0"): wild["3",], ("5", "0.5"): wild["2",]}
    assert "differences of differences are within 200.00 points" in answered(four, TWO).words
    sure = {("2",): {1: 0.01, 2: 0.02, 3: 0.1}, ("3",): {1: 0.99, 2: 0.95, 3: 0.98}}
    assert " to 100.00, 3 seeds each)" in answered(sure, factors).words
    four = {("3", "0"): sure["2",], ("3", "0.5"): sure["3",], ("5", "0"): sure["3",], ("5", "0.5"): sure["2",]}
    assert " points of test accuracy less at dropout 0.5 than at 0 (95 % interval 1" in (
        words := answered(four, TWO).words
    )
    assert " to 200.00, 3 seeds each)" in words


def test_each_difference_that_is_too_small_to_matter_is_called_so() -> None:
    words = answered(study({("2",): 0.985, ("3",): 0.9854, ("5",): 0.988}), {"Kernel size": ["2", "3", "5"]}).words
    one, other = words.removesuffix(".").split("; ")
    large, small = one.split("), and so is 3, by 0.04 (")
    assert "would matter" not in large
    assert small.endswith("), less than the 0.1 points that would matter")
    assert other.startswith("5 is better than 3 by 0.26 points (")
    assert other.endswith(")")
    every = answered(study({("2",): 0.985, ("3",): 0.985, ("5",): 0.9855}), {"Kernel size": ["2", "3", "5"]}).words
    both = every.split("; ")[0]
    assert "), and better than 3 by 0." in both
    assert both.endswith("), all less than the 0.1 points that would matter")
    assert both.count("would matter") == 1


def test_the_end_of_an_interval_that_is_too_small_to_matter_is_below_what_matters() -> None:
    factors = {"Kernel size": ["2", "3"]}
    accuracies = study({("2",): 0.9880, ("3",): 0.98846})
    high = answered(accuracies, factors).comparisons.iloc[0]["high"]
    matters = round(high + 5e-7, 6)
    assert round(100 * high, 2) >= 100 * matters
    words = answered(accuracies, factors, matters=matters).words
    assert words.endswith(f"), less than the {100 * matters:g} points that would matter.")
    assert float(words.split(" to ")[1].split(",")[0]) < 100 * matters


def test_a_small_interaction_is_called_small() -> None:
    four = {("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988, ("5", "0.5"): 0.9893}
    first, *_ = answered(study(four), TWO, matters=0.01).words.split(" So averages")
    assert first.startswith("Going from kernel size 3 to 5 gives 0.")
    assert first.endswith(" seeds each), less than the 1 points that would matter.")
    assert "would matter" not in answered(study(four), TWO, matters=0.0001).words.split(" So averages")[0]


def test_a_difference_may_be_shown_and_too_small_to_matter() -> None:
    words = answered(study({("2",): 0.9880, ("3",): 0.9884}), {"Kernel size": ["2", "3"]}).words
    assert words.endswith(", 10 seeds each), less than the 0.1 points that would matter.")


def test_it_cannot_be_taken_for_the_opposite() -> None:
    """Who reads that 7 is better than 3 and 5 must not take 5 for a loser where it won, too."""
    levels = {"Kernel size": ["3", "5", "7"]}
    winners = answered(study({("3",): 0.980, ("5",): 0.987, ("7",): 0.988}, scale=0.0008), levels).words
    head, *_ = winners.split("; ")
    assert head.startswith("Kernel size 7 is better than 3 by 0.")
    assert "), and so is 5, by 0.7" in head
    losers = answered(study({("3",): 0.980, ("5",): 0.980, ("7",): 0.988}, scale=0.0008), levels).words
    head, *_ = losers.split("; ")
    assert head.startswith("Kernel size 7 is better than 3 by 0.")
    assert "), and better than 5 by 0." in head


def test_what_is_less_is_written_with_a_number_that_is_less() -> None:
    accuracies = study(kernels(0.988, 0.988, 0.988, 0.988), scale=0.0004)
    rows = answered(accuracies, matters=0.01).comparisons
    reach = max(-rows["low"].min(), rows["high"].max())
    matters = round(reach + 5e-7, 6)
    assert round(100 * reach + 0.005, 2) >= 100 * matters > 100 * reach
    words = answered(accuracies, matters=matters).words
    within, less = words.split("all are within ")[1].split(" points of test accuracy")
    assert reach <= float(within) / 100 < matters
    assert f"less than the {100 * matters:g} points that would matter" in less
    two = {("3", "0"): 0.985, ("3", "0.5"): 0.985, ("5", "0"): 0.985, ("5", "0.5"): 0.985}
    last = answered(study(two, scale=0.0004), TWO, matters=0.01).comparisons.iloc[-1]
    reach = max(-last["low"], last["high"])
    words = answered(study(two, scale=0.0004), TWO, matters=round(reach + 5e-7, 6)).words
    assert float(words.split("differences are within ")[1].split()[0]) / 100 < round(reach + 5e-7, 6)


def test_names_without_a_factor_s_title() -> None:
    words = answered(study({("Small",): 0.985, ("Large",): 0.988}), {"": ["Small", "Large"]}).words
    assert words.startswith("Large is better than Small by 0.30 points")


def test_many_differences_are_left_to_the_table() -> None:
    levels = [str(number) for number in range(8)]
    found = answered(study({(level,): 0.9 + 0.01 * int(level) for level in levels}), {"Depth": levels})
    assert set(found.comparisons["verdict"]) == {"better"}
    assert len(found.comparisons) == 28
    assert found.words.startswith("Depth 7 is better than 0 by 7.00 points of test accuracy (95 % interval ")
    assert ", 10 seeds each), better than 1 by 6.00 (5.9" in found.words
    assert "), and better than 6 by 1.00 (0.9" in found.words
    assert found.words.endswith("); 21 more differences can be seen in the table.")


def test_two_factors() -> None:
    alike = {("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988, ("5", "0.5"): 0.990}
    words = answered(study(alike), TWO).words
    assert ". Averaged over dropout, kernel size 5 is better than 3 by 0.3" in words
    assert " Averaged over kernel size, dropout 0.5 is better than 0 by 0." in words
    assert words.startswith(
        "The effect of kernel size practically does not depend on dropout: differences of differences are within 0."
    ), "the interaction comes first"
    found = answered(study(alike | {("5", "0.5"): 0.986}), TWO)
    assert found.comparisons["verdict"].iloc[-1] == "lower"
    size = -100 * found.comparisons["difference"].iloc[-1]
    assert found.words.startswith(
        f"Going from kernel size 3 to 5 gives {size:.2f} points of test accuracy less at dropout 0.5 than at 0 (95 % interval 0."
    )
    assert "So averages over the other factor do not tell all" in found.words
    unclear = answered(study(alike, scale=0.001), TWO).words
    assert unclear.startswith(
        "That the effect of kernel size depends on dropout is not shown: differences of differences are within "
    )


def test_many_interactions_are_left_to_the_table() -> None:
    factors = {"Depth": ["1", "2", "3"], "Dropout": ["0", "1", "2", "3", "4"]}
    cells = {(a, b): 0.9 + 0.001 * int(a) * int(b) for a in factors["Depth"] for b in factors["Dropout"]}
    found = answered(study(cells), factors)
    assert list(found.comparisons["verdict"][-8:]) == ["higher"] * 8
    assert found.words.count("going from depth 1 to ") + found.words.count("Going from depth 1 to ") == 7
    assert "; 1 more such difference can be seen in the table. So averages over" in found.words


def test_too_few_seeds_for_anything() -> None:
    levels = ["1", "2", "3", "4", "5"]
    words = answered(study({(level,): 0.99 for level in levels}, seeds=1), {"Depth": levels}).words
    assert words.startswith("Too few seeds for depth 2 against 1, 3 against 1, ")
    assert words.count(" against ") == 7
    assert words.endswith(" and others.")
    accuracies = study({("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988, ("5", "0.5"): 0.990}, seeds=1)
    assert answered(accuracies, TWO).words.startswith(
        "Too few seeds to say whether the effect of kernel size depends on dropout."
    )


def test_divergence_is_an_outcome() -> None:
    accuracies = study(kernels(0.985, 0.988, 0.988, 0.988))
    for seed in (2, 5):
        del accuracies["2",][seed]
    found = answered(accuracies, diverged={("2",): [2, 5]})
    assert found.words.startswith("Where training did not diverge, kernel size ")
    assert found.words.endswith(" Training diverged: 2 of 10 at kernel size 2; nowhere else.")
    assert "are practically equal" in found.words.split("; ")[1]
    assert not found.words.split("; ")[1].startswith("where"), "of which none diverged"
    assert list(found.cells["diverged"]) == [2, 0, 0, 0]
    assert list(found.cells["n"]) == [8, 10, 10, 10]
    assert list(found.comparisons["n"]) == [8, 8, 8, 10, 10, 10]
    assert list(found.comparisons["diverged_second"]) == [2, 2, 2, 0, 0, 0]
    assert found.warning == ""
    other = study(kernels(0.985, 0.988, 0.9875, 0.987))
    del other["5",][7]
    assert ", 10 seeds each), " in (words := answered(other, diverged={("5",): [7]}).words)
    assert words.split(" 5 by ")[1].split(")")[0].endswith(", 9 seeds each")
    every = answered(accuracies | {("2",): {}}, diverged={("2",): range(1, 11)})
    assert every.words.startswith("Kernel size 3, 5 and 7 are practically equal: all are within 0.")
    assert every.words.endswith(" Kernel size 2 diverged in all 10 seeds, so it is compared with nothing.")
    assert set(every.comparisons["verdict"]) == {"diverged", "equal"}
    both = answered(accuracies | {("2",): {}, ("7",): {}}, diverged={("2",): range(1, 11), ("7",): range(1, 11)})
    assert " Kernel size 2 and 7 diverged in all 10 seeds, so they are compared with nothing." in both.words
    assert "few seeds" not in every.words + both.words
    some = answered(accuracies | {("7",): {}}, diverged={("2",): [2, 5], ("7",): range(1, 11)})
    assert ". Kernel size 7 diverged in all 10 seeds, so it is compared with nothing. " in some.words
    assert some.words.endswith(" Training also diverged: 2 of 10 at kernel size 2; nowhere else.")


def test_where_all_diverged_there_is_nothing_to_compare() -> None:
    every = {cell: [1, 2, 3] for cell in kernels(0, 0, 0, 0)}
    found = answered({}, diverged=every)
    assert found.words == "Training diverged at every level, in all 3 seeds each, so there is nothing to compare."
    cells = [(a, b) for a in TWO["Kernel size"] for b in TWO["Dropout"]]
    two = answered({}, TWO, diverged={cell: [1, 2, 3] for cell in cells})
    assert two.words.startswith("Training diverged at every combination of levels, in all 3 seeds each, ")
    reference = answered(
        study(kernels(0.98, 0.98, 0.98, 0.98)) | {("3",): {}}, reference="3", diverged={("3",): [1, 2]}
    )
    assert reference.words == "Kernel size 3 diverged in all 2 seeds, so it is compared with nothing."
    once = study(kernels(0.98, 0.98, 0.98, 0.98))
    for its in once.values():
        del its[1]
    assert "nowhere else" not in (words := answered(once, diverged={cell: [1] for cell in once}).words)
    assert words.endswith(" and 1 of 10 at kernel size 7.")


def test_nothing_that_includes_a_combination_that_always_diverged_is_compared() -> None:
    accuracies = study({("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988}) | {("5", "0.5"): {}}
    found = answered(accuracies, TWO, diverged={("5", "0.5"): range(1, 11)})
    assert found.words == (
        "Kernel size 5, dropout 0.5 diverged in all 10 seeds, so nothing that includes it can be compared."
    )
    assert set(found.comparisons["verdict"]) == {"diverged"}


def test_divergence_in_one_of_the_cells_of_an_interaction() -> None:
    accuracies = study({("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988, ("5", "0.5"): 0.986})
    lost = {("5", "0.5"): [4], ("3", "0"): [6]}
    for cell, (seed,) in lost.items():
        del accuracies[cell][seed]
    found = answered(accuracies, TWO, diverged=lost)
    assert list(found.comparisons["n"]) == [8, 8, 8]
    assert list(found.comparisons["diverged_first"]) == list(found.comparisons["diverged_second"]) == [1, 1, 1]
    assert "Where training did not diverge, going from kernel size 3 to 5 gives " in found.words
    assert found.words.endswith(
        "Training diverged: 1 of 10 at kernel size 5, dropout 0.5 and 1 of 10 at kernel size 3, dropout 0; nowhere else."
    )


def test_an_outlying_seed_is_a_warning() -> None:
    accuracies = study(kernels(0.985, 0.988, 0.988, 0.988))
    assert answered(accuracies).warning == ""
    accuracies["5",][4] = 0.31
    warned = answered(accuracies).warning
    assert warned.startswith("Seed 4 at kernel size 5 is an outlier: 31.00%, where the others have 98.8")
    assert warned.endswith("look at its run before you trust the answer.")


def test_a_seed_without_a_result_is_told() -> None:
    accuracies = study(kernels(0.985, 0.988, 0.988, 0.988))
    for seed in (3, 9):
        del accuracies["7",][seed]
    found = answered(accuracies)
    assert found.warning == "Seeds without a result, which are left out of comparisons there: 3 and 9 at kernel size 7."
    assert ", 8 seeds each)" in found.words


def test_which_test_was_used_and_why() -> None:
    accuracies = study(kernels(0.985, 0.988, 0.988, 0.988))
    unseen = answered(accuracies)
    assert unseen.test == (
        "Student's paired t test: the number of seeds was fixed before the first run, and nobody had looked at results. "
        "Its p-values are corrected for 6 comparisons by Holm's method; the intervals hold all at once with 95 % (Bonferroni: each has 99.17 %)."
    )
    why = "Somebody looked at results after the first 4 runs."
    seen = answered(accuracies, is_unseen=False, why_seen=why)
    assert seen.test.startswith(f"{why} So the answer is from a test that stays valid however often somebody looks")
    assert seen.test.endswith("at most 5 %, shared among 6 comparisons (Bonferroni: each interval has 99.17 %).")
    assert unseen.comparisons["evidence"].isna().all()
    assert seen.comparisons["evidence"].notna().all()
    assert (seen.comparisons["high"] > unseen.comparisons["high"]).all()
    pair = answered(study({("2",): 0.985, ("3",): 0.988}), {"Kernel size": ["2", "3"]}).test
    assert "Holm" not in pair
    assert "99.58 %" in answered(accuracies, is_unseen=False, why_seen=why, among=12).test


def test_an_answer_that_was_looked_at_says_why_it_is_judged_so() -> None:
    with pytest.raises(ValueError, match="reason"):
        answered(study(kernels(0.985, 0.988, 0.988, 0.988)), is_unseen=False)


def test_titles_are_written_as_within_a_sentence() -> None:
    two = {"L2 penalty": ["0", "1"], "Shift (pixels)": ["0", "2"]}
    accuracies = study({(a, b): 0.985 + 0.003 * int(a) for a in "01" for b in "02"})
    words = answered(accuracies, two).words
    assert ". Averaged over shift, L2 penalty 1 is better than 0 by " in words
    assert " Averaged over L2 penalty, shift 0 and 2 are practically equal: " in words
    one = answered(study({("0",): 0.985, ("0.5",): 0.988}), {"Dense: Dropout": ["0", "0.5"]}).words
    assert one.startswith("Dense dropout 0.5 is better than 0 by ")


def test_with_too_few_seeds_to_look_at_nothing_is_said() -> None:
    found = answered(
        study({("2",): 0.985, ("3",): 0.988}, seeds=2), {"Kernel size": ["2", "3"]}, is_unseen=False, why_seen="Seen."
    )
    assert found.words == "Too few seeds for kernel size 3 against 2."
    assert list(found.comparisons["verdict"]) == ["not enough data"]


@pytest.mark.parametrize(
    ("scale", "said"), [(0.001, "0.08 points (−0.01 to 0.17)"), (0.0003, "0.02 points (0.00 to 0.05)")]
)
def test_a_difference_that_only_holm_s_method_shows_is_explained(scale: float, said: str) -> None:
    values = study(kernels(0.97, 0.988, 0.988, 0.988), scale=0.0003)
    values["7",] = {seed: value + scale * (float(NOISE[0, seed - 1]) - 0.2) for seed, value in values["5",].items()}
    found = answered(values)
    only = found.comparisons[(found.comparisons["verdict"] == "better") & (found.comparisons["low"] <= 0)]
    assert len(only) == 1
    assert only["adjusted_p"].iloc[0] <= 0.05 < 6 * only["p"].iloc[0]
    assert found.test.endswith("it is by Holm's method, which is less strict.")
    assert f"7 is better than 5 by {said}" in found.words


def test_the_table_of_cells() -> None:
    accuracies = study({("3", "0"): 0.985, ("3", "0.5"): 0.987, ("5", "0"): 0.988, ("5", "0.5"): 0.990})
    cells = answered(accuracies, TWO).cells
    assert list(cells.columns) == ["Kernel size", "Dropout", "n", "mean", "sd", "low", "high", "diverged"]
    assert list(zip(cells["Kernel size"], cells["Dropout"], strict=True)) == [*accuracies]
    its = spread([*accuracies["5", "0"].values()], is_unseen=True)
    assert list(cells.iloc[2][["n", "mean", "sd", "low", "high"]]) == [its.n, its.mean, its.sd, its.low, its.high]
    looked = answered(accuracies, TWO, is_unseen=False, why_seen="Seen.").cells
    assert looked["low"].iloc[2] == anytime.spread([*accuracies["5", "0"].values()]).low


def test_what_would_decide_where_these_seeds_would_probably_have_shown_what_matters() -> None:
    accuracies = study({("2",): 0.988, ("3",): 0.9885}, scale=0.00065)
    factors = {"Kernel size": ["2", "3"]}
    (its,) = compare(planned(factors), accuracies, is_unseen=True)
    assert seeds_needed(0.001, its.sd) <= 10
    fresh, added = (seeds_for_equality(its.mean, its.sd, 0.001, is_unseen=is_unseen) for is_unseen in (True, False))
    assert answered(accuracies, factors).words.endswith(
        f"to show that the difference there is less than 0.1 points would take about {fresh} seeds each in a new study "
        f"with other seeds, or about {added} in all if seeds are added to these."
    )


def test_what_would_decide_where_even_many_seeds_would_not() -> None:
    words = answered(study({("2",): 0.9, ("3",): 0.9}, scale=0.05), {"Kernel size": ["2", "3"]}).words
    assert words.endswith("there would take more than 200 seeds each.")
    words = answered(study({("2",): 0.9, ("3",): 0.9}, scale=0.0032), {"Kernel size": ["2", "3"]}).words
    assert words.endswith(
        " seeds each in a new study with other seeds, or more than 200 in all if seeds are added to these."
    )


accuracy = st.floats(0, 1).map(lambda value: round(value, 4))
runs = st.dictionaries(st.integers(1, 6), accuracy | st.none(), max_size=6)


@given(st.lists(runs, min_size=4, max_size=4), st.booleans(), st.sampled_from([None, "2", "5"]), st.booleans())
def test_every_comparison_is_told_of_whatever_came_out(
    found: list[dict[int, float | None]], is_unseen: bool, reference: str | None, has_two: bool
) -> None:
    factors = {"Kernel size": ["2", "5"], "Dropout": ["0", "0.5"]} if has_two else KERNELS
    cells = (
        [(a, b) for a in ["2", "5"] for b in ["0", "0.5"]]
        if has_two
        else [(level,) for level in KERNELS["Kernel size"]]
    )
    accuracies = {cell: {s: v for s, v in its.items() if v is not None} for cell, its in zip(cells, found, strict=True)}
    diverged = {cell: [s for s, v in its.items() if v is None] for cell, its in zip(cells, found, strict=True)}
    its = answered(accuracies, factors, reference, diverged=diverged, is_unseen=is_unseen, why_seen="Somebody looked.")
    assert its.words.endswith(".")
    assert "nan" not in its.words
    assert "inf" not in its.words
    assert len(its.comparisons) == len(planned(factors, reference))
    shown = its.comparisons["verdict"].isin(["better", "worse", "higher", "lower"])
    assert (its.comparisons["adjusted_p"][shown] <= 0.05).all()
    assert ("no difference is shown" in its.words or "not shown" in its.words) <= ("What is not decided" in its.words)
    assert ("diverged" in its.words) == any(diverged.values())


@pytest.mark.parametrize("is_unseen", [True, False])
def test_the_order_of_seeds_and_cells_says_nothing(*, is_unseen: bool) -> None:
    accuracies = study(kernels(0.985, 0.988, 0.9881, 0.988))
    turned = {cell: dict(reversed(its.items())) for cell, its in reversed(accuracies.items())}
    one, other = (answered(given_, is_unseen=is_unseen, why_seen="Seen.") for given_ in (accuracies, turned))
    assert one.words == other.words
    assert one.comparisons.equals(other.comparisons)


@pytest.mark.parametrize("is_unseen", [True, False])
def test_what_differs_by_as_much_as_matters_is_called_equal_at_most_once_in_twenty(*, is_unseen: bool) -> None:
    rng = np.random.default_rng(0)
    factors = {"": ["A", "B"]}
    equal = 0
    for _ in range(200):
        values = 0.99 + 0.0003 * rng.standard_normal((2, 10)) + np.array([[0.001], [0.0]])
        cells = {(name,): dict(enumerate(map(float, row))) for name, row in zip("AB", values, strict=True)}
        found = answered(cells, factors, is_unseen=is_unseen, why_seen="Seen.")
        equal += "practically equal" in found.words or ", less than the 0.1 points that would matter" in found.words
    print(f"called equal, or too small to matter: {equal / 200:.1%}")
    assert stats.binomtest(equal, 200, 0.05, alternative="greater").pvalue > 1e-3, equal
