"""Guesses about a round: how accurate its best network will be, and how long it takes until everybody's first is trained."""

import pytest

from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson import guess
from mnist_lab.lesson.guess import Kind
from mnist_lab.lesson.guesses import Asked
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER
from tests.builders.studies import ends

RECIPE = LessonRecipe(epochs=1, train_images=2000)
PLAN = RoundPlan(minutes=5, people=4, design_seconds=30, by_hand=RECIPE)


def begin(lab: Lab) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.rounds.begin(by=TEACHER)


def trained(lab: Lab, design: Experiment, accuracy: float, by: Person) -> int:
    (run_id,) = lab.start(RECIPE.applied(design), 1, by=by)
    ends(lab.store, run_id, accuracy)
    return run_id


def told(lab: Lab, question: int, by: Person) -> Asked:
    return lab.guesses.get(question, by=by)


def test_before_a_round_the_class_guesses_what_its_best_will_reach(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    question = lab.guesses.ask_of_round(Kind.ACCURACY, by=TEACHER)
    seen = told(lab, question, cleo)
    assert seen.question.words == "What validation accuracy will the best network of the round reach?"
    assert (seen.waits, seen.refusal) == ("The round has not begun.", "")
    trained(lab, small, 0.999, cleo)
    assert told(lab, question, cleo).refusal == "", "what is trained before the round is not of it"
    lab.guesses.answer(question, 0.97, by=cleo)
    begin(lab)
    assert told(lab, question, dana).waits == "The round is going on."
    lab.guesses.answer(question, 0.96, by=dana)
    trained(lab, small, 0.95, cleo)
    trained(lab, small, 0.9612, dana)
    trained(lab, small, 0.9999, TEACHER)  # the class is asked about, not its teacher
    assert told(lab, question, dana).outcome is None, "somebody may still train a better one"
    (last,) = lab.start(RECIPE.applied(small), 1, by=cleo)
    lab.rounds.end(by=TEACHER)
    assert told(lab, question, dana).waits == "2 of 3 runs have ended."
    ends(store, last, 0.955)
    seen = told(lab, question, dana)
    assert (seen.outcome.values, seen.outcome.counts) == ((0.9612,), (3,))
    assert guess.outcome_in_words(seen.question, seen.outcome) == (
        "The best network of the round reached 96.12 % validation accuracy; the best of 3 is partly the luckiest, so another "
        "seed of it would probably reach less."
    )
    assert (
        guess.gap_in_words(seen.question, seen.outcome, 0.96) == "You said 96 %; it was 96.12 %: 0.12 points too low."
    )
    begin(lab)
    trained(lab, small, 0.99, cleo)
    assert told(lab, question, dana).outcome == seen.outcome, "another round is not what was asked about"


def test_the_guessing_ends_with_the_first_result_of_the_round(
    lab: Lab, small: Experiment, cleo: Person, dana: Person
) -> None:
    begin(lab)
    question = lab.guesses.ask_of_round(Kind.ACCURACY, by=TEACHER)
    trained(lab, small, 0.95, cleo)
    assert told(lab, question, dana).is_closed
    with pytest.raises(InputError, match="the first results are there already"):
        lab.guesses.answer(question, 0.96, by=dana)
    with pytest.raises(InputError, match="can be seen already"):
        lab.guesses.ask_of_round(Kind.SECONDS, by=TEACHER)


def test_how_long_it_takes_is_measured_from_its_beginning_to_the_last_first_network(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    question = lab.guesses.ask_of_round(Kind.SECONDS, by=TEACHER)
    assert told(lab, question, cleo).question.words == (
        "How many seconds will it take from the round's beginning until everybody's first network is trained?"
    )
    begin(lab)
    trained(lab, small, 0.95, cleo)
    last = trained(lab, small, 0.96, dana)
    trained(lab, small, 0.96, cleo)
    lab.rounds.end(by=TEACHER)
    outcome = told(lab, question, cleo).outcome
    begun = store.rounds.current(store.classes.current().id).begun
    assert outcome.values == (pytest.approx(store.runs.get(last).ended - begun),)
    assert outcome.counts == (2,)


def test_what_a_round_did_not_bring_is_said(lab: Lab, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask_of_round(Kind.ACCURACY, by=TEACHER)
    begin(lab)
    with pytest.raises(InputError, match="nothing has finished"):
        lab.guesses.conclude(question, by=TEACHER)
    lab.rounds.lift(by=TEACHER)  # else all train under one protocol
    ends(lab.store, lab.start(small.with_changes(protocol="notebook"), 1, by=cleo)[0], 0.99)
    lab.rounds.end(by=TEACHER)
    seen = told(lab, question, cleo)
    assert guess.outcome_in_words(seen.question, seen.outcome) == (
        "There is no outcome. Not counted: run 1 was trained under the protocol notebook."
    )
    empty = lab.guesses.ask_of_round(Kind.SECONDS, by=TEACHER)
    begin(lab)
    lab.rounds.end(by=TEACHER)
    seen = told(lab, empty, cleo)
    words = guess.outcome_in_words(seen.question, seen.outcome)
    assert words == "There is no outcome. Nobody has trained anything in the round."


def test_of_a_round_a_number_is_asked_of_a_class_by_its_teacher(lab: Lab, store: Store, cleo: Person) -> None:
    with pytest.raises(InputError, match="at least two"):
        lab.guesses.ask_of_round(Kind.BETTER, by=TEACHER)
    with pytest.raises(NotAllowedError):
        lab.guesses.ask_of_round(Kind.SECONDS, by=cleo)
    question = lab.guesses.ask_of_round(Kind.SECONDS, by=TEACHER)
    with pytest.raises(InputError, match="what the class queues"):
        lab.guesses.start(question, by=TEACHER)
    lab.classroom.end(by=TEACHER)
    with pytest.raises((InputError, NotAllowedError)):
        lab.guesses.ask_of_round(Kind.SECONDS, by=TEACHER)


def test_what_was_asked_before_a_round_is_trained_as_the_class_trains_in_it(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    question = lab.guesses.ask(Kind.ACCURACY, [small.with_changes(protocol="notebook")], by=TEACHER)
    begin(lab)
    (run_id,) = lab.guesses.start(question, by=TEACHER)
    trained_as = store.runs.get(run_id).experiment
    assert RECIPE.refusal(trained_as) == ""
    assert (trained_as.recipe.epochs, trained_as.train_images) == (1, 2000)
