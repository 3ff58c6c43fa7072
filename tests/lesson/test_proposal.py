"""What is proposed for a round: over generated rounds, and predictions that follow a simple rule."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import NOTEBOOK_PRESETS
from mnist_lab.lesson import proposal
from mnist_lab.lesson.proposal import MARGIN, OVERHEAD, Conditions, RoundPlan, fit, least, minutes_text, proposed

COST = {"7x7": 3.0, "3x3": 1.0, "2x2": 1.5}


def seconds_per_thousand(rate: float):
    """Predicts so many seconds for a thousand images of the 3×3 network, and half a second for its start."""

    def seconds(experiment: Experiment) -> float:
        name = experiment.name.split(" · ")[0]
        return 0.5 + rate * COST.get(name, 1.0) * experiment.recipe.epochs * experiment.train_images / 1000

    return seconds


rounds = st.builds(
    Conditions,
    plan=st.builds(
        RoundPlan,
        minutes=st.integers(1, 120),
        design_seconds=st.integers(0, 600),
        preset=st.sampled_from([None, "fast", "3x3"]),
    ),
    people=st.integers(1, 200),
    slowdowns=st.sampled_from([(1.0,), (1.0, 1.6), (1.0, 1.0, 1.2), (1.0, 1.6, 2.4, 3.2)]),
    seconds=st.floats(0.001, 10).map(seconds_per_thousand),
    factor=st.floats(0.5, 4),
)


# Many people, little time, a slow machine.
tight = st.builds(
    Conditions,
    plan=st.builds(RoundPlan, minutes=st.integers(1, 6), design_seconds=st.integers(30, 600)),
    people=st.integers(20, 200),
    slowdowns=st.sampled_from([(1.0,), (1.0, 1.6)]),
    seconds=st.floats(1, 10).map(seconds_per_thousand),
    factor=st.floats(1, 4),
)


def work(given: Conditions) -> int:
    found = proposed(given)
    return found.recipe.work if found else 0


@given(rounds)
def test_what_is_proposed_is_predicted_to_fit_and_what_is_not_proposed_is_not(given: Conditions) -> None:
    found = proposed(given)
    if found is None:
        assert not least(given).fits
        return
    assert found.fits
    assert found.designing + (1 + MARGIN) * found.training <= found.round == 60 * given.plan.minutes
    assert found == fit(found.recipe, given), "what a teacher would see who chose it by hand"
    more = found.recipe.model_copy(update={"epochs": found.recipe.epochs + 1, "train_images": 55_000})
    if found.recipe.epochs < 12:
        assert not fit(more, given).fits


@given(rounds, st.integers(1, 200))
def test_more_people_or_a_shorter_round_never_get_more_work(given: Conditions, more: int) -> None:
    crowd = Conditions(given.plan, given.people + more, given.slowdowns, given.seconds, given.factor)
    shorter = given.plan.model_copy(update={"minutes": max(1, given.plan.minutes - more)})
    hurried = Conditions(shorter, given.people, given.slowdowns, given.seconds, given.factor)
    assert max(work(crowd), work(hurried)) <= work(given)


@given(rounds)
def test_the_time_is_what_it_takes_run_by_run(given: Conditions) -> None:
    """Workers that each take the next run, as the engine's do."""
    found = least(given)
    each = found.alone * given.slowdowns[found.at_once - 1] + OVERHEAD
    workers = [0.0] * len(given.slowdowns)
    for _ in range(given.people):
        workers[workers.index(min(workers))] += each
    assert found.training == pytest.approx(given.factor * max(workers))


@given(tight)
def test_where_nothing_fits_it_is_said_what_would(given: Conditions) -> None:
    assume(proposed(given) is None)
    words = proposal.what_would_fit(given)
    assert words.startswith("Nothing fits: even 1 epoch of 1,000 images")
    needed = -(-least(given).needed // 60)
    if needed <= proposal.MOST_MINUTES:
        assert f"a round of {needed:.0f} minutes" in words
        longer = given.plan.model_copy(update={"minutes": int(needed)})
        assert proposed(Conditions(longer, given.people, given.slowdowns, given.seconds, given.factor))
    told = re.search(r"or (\d+) networks? at most in place", words)
    most = int(told[1]) if told else 0
    for people in {most, most + 1, given.people - 1} - {0}:
        fewer = Conditions(given.plan, people, given.slowdowns, given.seconds, given.factor)
        assert least(fewer).fits == (people <= most)


def test_it_is_said_in_a_sentence() -> None:
    given = Conditions(RoundPlan(minutes=6), 30, (1.0, 1.6), seconds_per_thousand(0.43))
    found = proposed(given)
    assert found is not None
    assert found.slowest == "7x7", "the slowest of the notebook's three"
    assert set(NOTEBOOK_PRESETS) == set(COST)
    assert found.words() == (
        "30 people, 6 minutes: 1 epoch of 6,000 images; everyone's first run is predicted to be done after 4 min 50 s, two at "
        "a time; margin 20 %."
    )
    by_hand = fit(LessonRecipe(epochs=12, train_images=60_000), given)
    assert not by_hand.fits
    assert by_hand.excess_words().startswith(
        "12 epochs of 60,000 images do not fit: with the margin of 20 % the round would need "
    )
    alone = proposed(Conditions(RoundPlan(minutes=1, design_seconds=0), 1, (1.0, 1.6), seconds_per_thousand(0.1)))
    assert alone is not None
    assert alone.words().startswith("1 person, 1 minute: ")
    assert "one at a time" in alone.words()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (281, "4 min 50 s"), (290, "4 min 50 s"), (3600, "1 h"), (7190, "2 h")],
)
def test_durations_are_rounded_up(seconds: float, text: str) -> None:
    assert minutes_text(seconds) == text
