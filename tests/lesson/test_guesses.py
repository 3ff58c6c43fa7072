"""Guesses before the answer: locked, hidden until the outcome is there, and told beside it then."""

import io
import json
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mnist_lab.classroom.settings import Sees
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson import guess
from mnist_lab.lesson.challenges import Rules
from mnist_lab.lesson.guess import Kind
from mnist_lab.lesson.guesses import Asked
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.classes import TEACHER, allow
from tests.builders.runs import ADA, LINE, OUTCOME
from tests.builders.studies import ends, small_plan

TELLING = 0.731234567  # an answer that nothing else has
WHY = "Because of the zebra."


def queued(lab: Lab, experiment: Experiment, seeds: int = 1, by: Person = TEACHER) -> list[int]:
    return lab.start(experiment, seeds, by=by)


def first_epoch(store: Store, run_id: int) -> None:
    assert store.queue.claim("engine", only=[run_id])
    store.recording.begin(run_id, {})
    store.recording.record(run_id, Report([], replace(LINE, validation_accuracy=0.5), None, None, None))


def asked(lab: Lab, question_id: int, by: Person) -> Asked:
    return lab.guesses.get(question_id, by=by)


def other(small: Experiment) -> Experiment:
    return small.with_changes(name="other", recipe=small.recipe.model_dump() | {"epochs": small.recipe.epochs + 1})


def test_a_class_guesses_what_accuracy_and_sees_it_beside_the_outcome(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    (run_id,) = queued(lab, small)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    seen = asked(lab, question, cleo)
    assert seen.question.words == f"What validation accuracy will {small.name} reach?"
    assert (seen.count, seen.mine, seen.refusal, seen.outcome) == (0, None, "", None)
    lab.guesses.answer(question, 0.985, WHY, by=cleo)
    lab.guesses.answer(question, 0.9, by=dana)
    seen = asked(lab, question, cleo)
    assert (seen.count, seen.mine, seen.my_why, seen.told) == (2, 0.985, WHY, ())
    assert seen.waits == "Its run has not ended yet."
    ends(store, run_id, 0.9897)
    seen = asked(lab, question, cleo)
    assert seen.outcome.values == (0.9897,)
    assert [(one.number, one.why, one.who, one.is_mine) for one in seen.told] == [
        (0.9, "", None, False),
        (0.985, WHY, None, True),
    ]
    assert guess.gap_in_words(seen.question, seen.outcome, 0.985) == (
        "You said 98.5 %; it was 98.97 %: 0.47 points too low."
    )
    assert guess.outcome_in_words(seen.question, seen.outcome) == (
        f"The validation accuracy of {small.name} was 98.97 %: one run, and another seed would give another figure."
    )


def test_an_answer_is_locked_and_the_same_once_more_has_no_effect(lab: Lab, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.SECONDS, [small], by=TEACHER)
    for _ in range(2):
        lab.guesses.answer(question, 60, WHY, by=cleo)
    with pytest.raises(InputError, match="you said 60 s, and that is locked"):
        lab.guesses.answer(question, 61, by=cleo)
    seen = asked(lab, question, cleo)
    assert (seen.count, seen.mine, seen.my_why) == (1, 60, WHY)


def test_of_two_answers_of_one_person_at_once_one_is_kept(url: str, lab: Lab, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.SECONDS, [small], by=TEACHER)
    labs, done = [Lab(url) for _ in range(6)], []
    together = threading.Barrier(len(labs))

    def give(number: int) -> None:
        together.wait()
        try:
            labs[number].guesses.answer(question, 10 + number, by=cleo)
            done.append(number)
        except InputError as error:
            assert "is locked" in str(error)

    threads = [threading.Thread(target=give, args=(number,)) for number in range(len(labs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = asked(lab, question, cleo)
    assert (len(done), seen.count, seen.mine) == (1, 1, 10 + done[0])


@pytest.mark.parametrize("answer", [-0.1, 1.01, float("nan"), float("inf")])
def test_an_accuracy_is_a_share(lab: Lab, small: Experiment, cleo: Person, answer: float) -> None:
    question = lab.guesses.ask(Kind.ACCURACY, [small], by=TEACHER)
    with pytest.raises(InputError, match="an accuracy is from 0 to 100 %"):
        lab.guesses.answer(question, answer, by=cleo)
    assert asked(lab, question, cleo).count == 0


@pytest.mark.parametrize(
    ("kind", "answer"), [(Kind.SECONDS, 0.0), (Kind.SECONDS, 1e9), (Kind.BETTER, 3), (Kind.BETTER, 0.5)]
)
def test_what_is_no_answer_is_refused(lab: Lab, small: Experiment, cleo: Person, kind: Kind, answer: float) -> None:
    about = [small, other(small)] if kind is Kind.BETTER else [small]
    question = lab.guesses.ask(kind, about, by=TEACHER)
    with pytest.raises(InputError, match=r"Guess: should be .* received"):
        lab.guesses.answer(question, answer, by=cleo)


@pytest.mark.parametrize("text", ["98.5", "98,5 %", "0.985", "98.5%"])
def test_an_accuracy_is_read_as_people_write_it(lab: Lab, small: Experiment, cleo: Person, text: str) -> None:
    question = asked(lab, lab.guesses.ask(Kind.ACCURACY, [small], by=TEACHER), cleo).question
    assert guess.read_answer(question, text) == pytest.approx(0.985)
    for wrong in ("1", "100.5", "much"):
        with pytest.raises(InputError):
            guess.read_answer(question, wrong)


def test_a_reason_is_bounded_and_may_be_left_out(lab: Lab, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.SECONDS, [small], asks_why=False, by=TEACHER)
    lab.guesses.answer(question, 10, "Not asked for.", by=cleo)
    assert asked(lab, question, cleo).my_why == ""
    question = lab.guesses.ask(Kind.SECONDS, [small], by=TEACHER)
    with pytest.raises(InputError, match="Why: should be 1 to 200 characters"):
        lab.guesses.answer(question, 10, "x" * 201, by=cleo)
    lab.guesses.answer(question, 10, "  ", by=cleo)
    assert asked(lab, question, cleo).my_why == ""


# Hidden


def everything(lab: Lab, room: int, question: int, by: Person) -> dict[str, Callable[[], Any]]:
    """All that anybody can ask for."""

    def taken() -> str:
        with zipfile.ZipFile(io.BytesIO(lab.take_away(room, by=by))) as archive:
            return "".join(archive.read(name).decode() for name in archive.namelist())

    reader = lab.reader
    return {
        "all": lambda: lab.guesses.all(by=by),
        "get": lambda: lab.guesses.get(question, by=by),
        "current": lambda: lab.guesses.current(by=by),
        "state": lambda: lab.guesses.state(room),
        "table": lambda: lab.guesses.table(room, by=by).to_csv(),
        "close": lambda: lab.guesses.close(question, by=by),
        "conclude": lambda: lab.guesses.conclude(question, by=by),
        "start": lambda: lab.guesses.start(question, by=by),
        "answer": lambda: lab.guesses.answer(question, 0.5, by=by),
        "ask": lambda: lab.guesses.ask(Kind.SECONDS, [[1]], by=by),
        "ask_of_round": lambda: lab.guesses.ask_of_round(Kind.SECONDS, by=by),
        "ask_myself": lambda: lab.guesses.ask_myself(Kind.SECONDS, [[1]], 3, by=by),
        "the class as a file": taken,
        "runs": lambda: reader(by).table().to_csv(),
        "members": lambda: lab.classroom.members(by=by),
    }


def test_nobody_is_told_anothers_answer_before_the_outcome_is_there(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    room = store.classes.current().id
    ids = queued(lab, small, 2)
    question = lab.guesses.ask(Kind.ACCURACY, [ids], with_names=True, by=TEACHER)
    (hers,) = queued(lab, small.with_changes(seed=9), by=cleo)
    lab.guesses.ask_myself(Kind.ACCURACY, [[hers]], TELLING, why=WHY, by=cleo)
    lab.guesses.answer(question, TELLING, WHY, by=cleo)

    def tells(of: Callable[[], Any]) -> bool:
        try:
            found = repr(of())
        except InputError as error:
            found = str(error)
        return "0.7312" in found or "zebra" in found or "73.12" in found

    public = {name for name in vars(type(lab.guesses)) if not name.startswith("_")}
    assert public <= {*everything(lab, room, question, TEACHER), "delete"}
    first_epoch(store, ids[0])
    for by in (TEACHER, dana):
        for name, of in everything(lab, room, question, by).items():
            assert not tells(of), (by, name)
    assert "0.7312" in repr(lab.guesses.get(question, by=cleo)), "one's own is known to oneself"
    assert asked(lab, question, TEACHER).is_closed
    store.recording.finish(ids[0], _outcome(0.9))
    assert not tells(lambda: lab.guesses.get(question, by=TEACHER)), "of two runs one has not ended"
    ends(store, ids[1], 0.92)
    for by in (TEACHER, dana):
        (told,) = (one for one in asked(lab, question, by).told if one.why)
        assert (told.number, told.who) == (TELLING, "Cleo")
    assert not tells(lambda: [one for one in lab.guesses.all(by=TEACHER) if not one.is_for_class]), "her own is hers"


def _outcome(accuracy: float) -> Any:
    return replace(OUTCOME, validation_accuracy=accuracy, test_accuracy=accuracy)


def test_the_store_itself_reads_no_answer_before_the_outcome(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    question = lab.guesses.ask(Kind.SECONDS, [small], by=TEACHER)
    lab.guesses.answer(question, 5, by=cleo)
    assert store.guesses.told([question]) == []


# Late


def test_the_guessing_ends_with_the_first_epoch_and_stays_ended(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    (run_id,) = queued(lab, small)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    store.queue.claim("engine", only=[run_id])
    store.recording.begin(run_id, {})
    lab.guesses.answer(question, 0.9, by=cleo)
    store.recording.record(run_id, Report([], LINE, None, None, None))
    with pytest.raises(InputError, match="the first results are there already"):
        lab.guesses.answer(question, 0.9, by=dana)
    assert asked(lab, question, dana).refusal
    store.recording.begin(run_id, {})  # it lost its worker, and begins again without its first epoch
    assert store.guesses.showing([run_id]) == set()
    with pytest.raises(InputError, match="the first results are there already"):
        lab.guesses.answer(question, 0.9, by=dana)


def test_what_begins_between_asking_and_answering_is_noticed_in_the_same_transaction(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    (run_id,) = queued(lab, small)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    first_epoch(store, run_id)
    with pytest.raises(InputError, match="the first results are there already"):
        store.guesses.give(question, cleo.key, '{"number": 0.5}', "", [run_id])
    assert store.guesses.counts([question]) == {}


def test_closed_is_closed(lab: Lab, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.SECONDS, [small], by=TEACHER)
    lab.guesses.close(question, by=TEACHER)
    with pytest.raises(InputError, match="or the guessing was closed"):
        lab.guesses.answer(question, 5, by=cleo)


def test_who_can_see_all_results_cannot_guess_and_who_cannot_may(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    (run_id,) = queued(lab, small)
    ends(store, run_id, 0.9)
    with pytest.raises(InputError, match="Its results can be seen already, so it is no guess any more"):
        lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    allow(lab, sees=Sees.OWN)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    with pytest.raises(InputError, match="Its results can be seen already"):
        lab.guesses.answer(question, 0.9, by=TEACHER)
    lab.guesses.answer(question, 0.8, by=cleo)
    assert asked(lab, question, cleo).waits == "The outcome is shown when the guessing is closed."
    lab.guesses.close(question, by=TEACHER)
    assert asked(lab, question, cleo).outcome.values == (0.9,)


# Outcomes


def test_designs_are_trained_from_the_question_once(lab: Lab, store: Store, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.BETTER, [small, other(small)], by=TEACHER)
    assert asked(lab, question, cleo).waits == "It has not been trained yet."
    ids = lab.guesses.start(question, 3, by=TEACHER)
    assert lab.guesses.start(question, 3, by=TEACHER) == asked(lab, question, cleo).question.run_ids
    assert len(ids) == len(lab.reader(TEACHER).active()) == 6
    subjects = asked(lab, question, cleo).question.subjects
    for subject, experiment in zip(subjects, (small, other(small)), strict=True):
        runs = [store.runs.get(run_id) for run_id in subject.runs]
        assert {run.design_key for run in runs} == {experiment.design_key}
        assert [run.seed for run in runs] == [experiment.seed + i for i in range(3)]


def test_which_is_better_has_the_labs_verdict(lab: Lab, store: Store, small: Experiment, cleo: Person) -> None:
    question = lab.guesses.ask(Kind.BETTER, [small, other(small)], by=TEACHER)
    lab.guesses.answer(question, 1, by=cleo)
    lab.guesses.start(question, 5, by=TEACHER)
    first, second = asked(lab, question, cleo).question.subjects
    for place in range(5):
        ends(store, first.runs[place], 0.9 + 0.0001 * place)
        ends(store, second.runs[place], 0.95 + 0.0002 * place)
    seen = asked(lab, question, cleo)
    assert (seen.outcome.best, seen.outcome.counts) == (1, (5, 5))
    assert "B: other is better than A:" in seen.outcome.verdict
    assert guess.gap_in_words(seen.question, seen.outcome, 1) == "You said B: other, and that is right."
    assert guess.gap_in_words(seen.question, seen.outcome, 0).endswith("that is not what came out.")


def test_one_seed_each_is_not_enough_and_the_means_are_no_proof(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    question = lab.guesses.ask(Kind.BETTER, [small, other(small)], by=TEACHER)
    lab.guesses.answer(question, 0, by=cleo)
    for run_id, accuracy in zip(lab.guesses.start(question, by=TEACHER), (0.91, 0.9), strict=True):
        ends(store, run_id, accuracy)
    seen = asked(lab, question, cleo)
    assert (seen.outcome.best, seen.outcome.ahead) == (None, 0)
    words = guess.outcome_in_words(seen.question, seen.outcome)
    assert words.startswith("Not enough data:")
    assert "91.00 % (1 seed)" in words
    assert "What is ahead now need not be the better one." in words
    assert guess.gap_in_words(seen.question, seen.outcome, 0).endswith("It is not decided.")


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda lab, i: ends(lab.store, i, 0.5, Status.FAILED), "diverged"),
        (lambda lab, i: ends(lab.store, i, 0.5, Status.STOPPED), "was stopped early"),
        (lambda lab, i: lab.stop(i, by=TEACHER), "was cancelled"),
        (lambda lab, i: lab.label([i], by=TEACHER, deleted=True), "is deleted"),
    ],
)
def test_runs_without_a_result_are_told_in_words(
    lab: Lab, store: Store, small: Experiment, cleo: Person, end: Callable[[Lab, int], Any], why: str
) -> None:
    lost, kept = queued(lab, small, 2)
    alone = lab.guesses.ask(Kind.ACCURACY, [[lost]], by=TEACHER)
    both = lab.guesses.ask(Kind.ACCURACY, [[lost, kept]], by=TEACHER)
    lab.guesses.answer(alone, 0.9, by=cleo)
    end(lab, lost)
    seen = asked(lab, alone, cleo)
    assert guess.outcome_in_words(seen.question, seen.outcome) == f"There is no outcome. Not counted: run {lost} {why}."
    assert (
        guess.gap_in_words(seen.question, seen.outcome, 0.9) == "You said 90 %; there is no outcome to compare it with."
    )
    assert len(seen.told) == 1
    ends(store, kept, 0.93)
    found = asked(lab, both, cleo).outcome
    assert (found.values, found.counts, found.missing) == ((0.93,), (1,), f"Not counted: run {lost} {why}.")


def test_a_run_that_is_gone_for_good_is_said_to_be(lab: Lab, store: Store, small: Experiment, cleo: Person) -> None:
    (run_id,) = queued(lab, small)
    question = lab.guesses.ask(Kind.SECONDS, [[run_id]], by=TEACHER)
    lab.label([run_id], by=TEACHER, deleted=True)
    store.runs.purge(days=-1)
    assert asked(lab, question, cleo).outcome.missing == f"Not counted: run {run_id} has been removed for good."


def test_an_outcome_can_be_taken_before_all_has_ended_but_not_before_anything_has(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    ids = queued(lab, small, 3)
    question = lab.guesses.ask(Kind.ACCURACY, [ids], by=TEACHER)
    lab.guesses.answer(question, 0.9, by=cleo)
    with pytest.raises(InputError, match="nothing has finished"):
        lab.guesses.conclude(question, by=TEACHER)
    assert asked(lab, question, TEACHER).told == ()
    ends(store, ids[0], 0.91)
    lab.guesses.conclude(question, by=TEACHER)
    seen = asked(lab, question, TEACHER)
    assert (seen.outcome.counts, len(seen.told)) == ((1,), 1)
    assert f"run {ids[1]} has not finished" in seen.outcome.missing
    ends(store, ids[1], 0.95)
    lab.label([ids[0]], by=TEACHER, deleted=True)
    assert asked(lab, question, TEACHER).outcome == seen.outcome, "it stays as it was"


def test_of_several_seeds_the_mean_is_asked_and_its_range_is_told(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    ids = queued(lab, small, 2)
    question = lab.guesses.ask(Kind.SECONDS, [ids], by=TEACHER)
    for run_id in ids:
        ends(store, run_id, 0.9)
    seen = asked(lab, question, cleo)
    assert seen.question.words == f"How many seconds will the training of {small.name} take (mean of 2 seeds)?"
    words = guess.outcome_in_words(seen.question, seen.outcome)
    assert words == f"The training of {small.name} was 2.0 s, the mean of 2 seeds, which reached from 2.0 s to 2.0 s."


def test_a_sealed_study_keeps_its_outcome_hidden_until_it_is_complete(
    lab: Lab, store: Store, small: Experiment
) -> None:
    study = lab.studies.start(small_plan(small), by=ADA)
    first, *_ = store.studies.unended(study)
    with pytest.raises(InputError, match="whose results nobody has looked at yet"):
        lab.guesses.ask_myself(Kind.ACCURACY, [[first]], 0.9, by=ADA)
    question = guess.Question(kind=Kind.ACCURACY, subjects=(guess.Subject(name="x", runs=(first,)),))
    number = store.guesses.add(
        None, ADA.key, question.model_dump_json(), answer=('{"number": 0.5}', ""), awaited=[first]
    )
    ends(store, first, TELLING)
    seen = asked(lab, number, ADA)
    assert seen.waits == f"Run {first} belongs to a study whose results nobody has looked at yet."
    assert str(TELLING) not in repr(seen)
    lab.studies.look(study, by=ADA)
    assert asked(lab, number, ADA).outcome.values == (TELLING,)


def test_of_a_challenge_only_validation_is_asked_and_test_figures_wait_for_its_reveal(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    question = lab.guesses.ask(Kind.ACCURACY, [small], "test accuracy", by=TEACHER)
    lab.guesses.answer(question, 0.9, by=cleo)
    challenge = lab.challenges.begin(Rules(parameters=1_000_000), by=TEACHER)
    (run_id,) = queued(lab, small, 1, by=cleo)
    (after,) = lab.guesses.start(question, by=TEACHER)
    with pytest.raises(InputError, match="was queued during a challenge, and its test figures are hidden"):
        lab.guesses.ask_myself(Kind.ACCURACY, [[run_id]], 0.9, "test accuracy", by=cleo)
    assert lab.guesses.ask_myself(Kind.ACCURACY, [[run_id]], 0.9, by=cleo)
    ends(store, after, TELLING)
    assert "was queued during a challenge" in asked(lab, question, cleo).waits
    assert str(TELLING) not in repr(asked(lab, question, cleo))
    lab.challenges.close(challenge, by=TEACHER)
    lab.challenges.reveal(challenge, by=TEACHER)
    assert asked(lab, question, cleo).outcome.values == (TELLING,)


# Asking


def test_what_makes_no_question_is_refused(lab: Lab, small: Experiment, cleo: Person) -> None:
    run_id, same = queued(lab, small, 2)
    (different,) = queued(lab, other(small))
    notebook = small.with_changes(protocol="notebook", train_images=small.train_images)
    for about, kind, words in (
        ([[run_id]], Kind.BETTER, "needs at least two designs"),
        ([[run_id], [different]], Kind.ACCURACY, "a number is asked of one design"),
        ([[run_id], [same]], Kind.BETTER, "seeds of one design"),
        ([[run_id, different]], Kind.ACCURACY, "the runs of one side should be seeds of one design"),
        ([small, notebook], Kind.BETTER, "measured on different images"),
        ([[]], Kind.ACCURACY, "choose what it is about"),
        ([], Kind.ACCURACY, "received 0|at least 1 item"),
        ([[99]], Kind.ACCURACY, "Run: there is none with the number 99"),
    ):
        with pytest.raises(InputError, match=words):
            lab.guesses.ask(kind, about, by=TEACHER)
    assert lab.guesses.all(by=TEACHER) == []


def test_what_nobody_asked_for_is_not_found(lab: Lab, small: Experiment, cleo: Person, dana: Person) -> None:
    (run_id,) = queued(lab, small, by=cleo)
    own = lab.guesses.ask_myself(Kind.SECONDS, [[run_id]], 5, by=cleo)
    for by, number in ((dana, own), (TEACHER, own), (cleo, 99), (cleo, 2**70)):
        with pytest.raises(InputError, match=f"there is no question with the number {number} here"):
            lab.guesses.get(number, by=by)


def test_alone_one_asks_oneself_and_is_never_gated(lab: Lab, store: Store, small: Experiment) -> None:
    (run_id,) = queued(lab, small, by=ADA)
    (question,) = (lab.guesses.ask_myself(Kind.ACCURACY, [[run_id]], 0.9, why=WHY, by=ADA),)
    assert lab.guesses.current(by=ADA) == []
    (seen,) = lab.guesses.all(by=ADA)
    assert (seen.id, seen.mine, seen.my_why, seen.is_for_class) == (question, 0.9, WHY, False)
    ends(store, run_id, 0.95)
    assert asked(lab, question, ADA).outcome.values == (0.95,)
    with pytest.raises(InputError, match="Its results can be seen already"):
        lab.guesses.ask_myself(Kind.ACCURACY, [[run_id]], 0.95, by=ADA)
    lab.guesses.delete(question, by=ADA)
    assert lab.guesses.all(by=ADA) == []


def test_one_may_guess_whether_one_beats_a_baseline_that_has_finished(
    lab: Lab, store: Store, small: Experiment
) -> None:
    (baseline,) = queued(lab, small, by=ADA)
    ends(store, baseline, 0.9)
    (mine,) = queued(lab, other(small), by=ADA)
    question = lab.guesses.ask_myself(Kind.BETTER, [[baseline], [mine]], 1, by=ADA)
    assert asked(lab, question, ADA).question.known == {baseline}
    ends(store, mine, 0.91)
    assert asked(lab, question, ADA).outcome.ahead == 1


def test_own_guesses_are_late_too(lab: Lab, store: Store, small: Experiment) -> None:
    (run_id,) = queued(lab, small, by=ADA)
    first_epoch(store, run_id)
    with pytest.raises(InputError, match="guess before its first epoch has ended"):
        lab.guesses.ask_myself(Kind.ACCURACY, [[run_id]], 0.9, by=ADA)
    assert store.guesses.of(None, ADA.key) == []


# People


def test_names_are_told_only_where_it_was_said_before(
    lab: Lab, store: Store, small: Experiment, cleo: Person, dana: Person
) -> None:
    room = store.classes.current().id
    (run_id,) = queued(lab, small)
    named, unnamed = (
        lab.guesses.ask(Kind.ACCURACY, [[run_id]], with_names=with_names, by=TEACHER) for with_names in (True, False)
    )
    promises = {guess.promise(asked(lab, question, cleo).question) for question in (named, unnamed)}
    assert any("everybody sees who said what" in words for words in promises)
    assert any("nobody sees who said what" in words for words in promises)
    for question in (named, unnamed):
        lab.guesses.answer(question, 0.9, WHY, by=cleo)
        lab.guesses.answer(question, 0.8, by=dana)
    lab.classroom.remove(dana.key, by=TEACHER)
    ends(store, run_id, 0.95)
    assert [one.who for one in asked(lab, named, cleo).told] == [dana.key, "Cleo"], "whoever left keeps a pseudonym"
    for by in (TEACHER, cleo):
        assert {one.who for one in asked(lab, unnamed, by).told} == {None}
    rows = lab.guesses.table(room, by=TEACHER)
    assert sorted(rows["pupil"]) == ["", "", cleo.key, dana.key]
    assert "Cleo" not in rows.to_csv()


def test_guesses_outlive_a_server_and_go_with_their_class(
    url: str, lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    room = store.classes.current().id
    (run_id,) = queued(lab, small)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    lab.guesses.answer(question, 0.9, by=cleo)
    lab.store.close()
    again = Lab(url)
    assert asked(again, question, cleo).mine == 0.9
    ends(store, run_id, 0.95)
    again.classroom.end(by=TEACHER)
    assert len(again.guesses.table(room, by=TEACHER)) == 1
    again.classroom.delete(room, by=TEACHER)
    assert again.guesses.table(room, by=TEACHER).empty
    assert store.guesses.get(question) is None


def test_a_pupil_deletes_no_guess(lab: Lab, small: Experiment, cleo: Person) -> None:
    (run_id,) = queued(lab, small, by=cleo)
    own = lab.guesses.ask_myself(Kind.SECONDS, [[run_id]], 5, by=cleo)
    with pytest.raises(NotAllowedError):
        lab.guesses.delete(own, by=cleo)


def test_what_is_drawn_changes_with_questions_and_outcomes_but_not_with_answers(
    lab: Lab, store: Store, small: Experiment, cleo: Person
) -> None:
    room = store.classes.current().id
    (run_id,) = queued(lab, small)
    states = [lab.guesses.state(room)]
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    states.append(lab.guesses.state(room))
    lab.guesses.answer(question, 0.9, by=cleo)
    assert lab.guesses.state(room) == states[-1]
    first_epoch(store, run_id)
    states.append(lab.guesses.state(room))
    store.recording.finish(run_id, _outcome(0.9))
    states.append(lab.guesses.state(room))
    assert len(set(states)) == 4


def test_a_question_of_a_newer_version_is_refused_in_a_sentence(lab: Lab, store: Store, cleo: Person) -> None:
    number = store.guesses.add(store.classes.current().id, TEACHER.key, json.dumps({"kind": "colour"}))
    with pytest.raises(InputError, match=r"Guess: this one cannot be read here\."):
        lab.guesses.get(number, by=cleo)


def test_half_of_the_class_is_said_where_there_are_enough() -> None:
    question = guess.Question(kind=Kind.ACCURACY, subjects=(guess.Subject(name="x"),))
    assert guess.class_in_words(question, []) == "Nobody gave a guess."
    assert guess.class_in_words(question, [0.9]) == "There is one guess: 90 %."
    assert guess.class_in_words(question, [0.9, 0.95]) == "The 2 guesses are from 90 % to 95 %."
    assert guess.class_in_words(question, [0.9, 0.979, 0.98, 0.985, 0.988, 0.99]).startswith(
        "The middle half of the 6 guesses is from 97.9 % to 98.8 %, the middle one is 98 %."
    )
    better = guess.Question(kind=Kind.BETTER, subjects=(guess.Subject(name="x"), guess.Subject(name="y")))
    assert guess.class_in_words(better, [0, 1, 1]) == "Of 3 guesses, 2 said B: y, 1 said A: x."
