"""Challenges: begun, entered within the budget, ranked, closed and revealed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mnist_lab.classroom.settings import ClassSettings
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock
from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson.challenges import Rules, entered, parse_rules
from mnist_lab.results import anytime
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies import equal
from tests.builders.challenges import AMPLE, begun, ends, entry
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.runs import ADA


@pytest.fixture
def lab(store: Store) -> Lab:
    open_class(store)
    return Lab(store.url)


def test_rules_have_a_budget_and_are_kept_as_they_are() -> None:
    with pytest.raises(ValidationError, match="at least one of parameters, multiply-adds and seconds"):
        Rules()
    for wrong in ({"parameters": 0}, {"seconds": float("nan")}, {"seconds": -1.0}, {"multiply_adds": 10**19}):
        with pytest.raises(ValidationError):
            Rules(**wrong)
    rules = Rules(parameters=20_000, multiply_adds=10**12, seconds=90.0, names=False)
    assert parse_rules(rules.model_dump_json()) == rules
    assert rules.words == (
        "at most 20,000 parameters, 1,000,000,000,000 multiply-adds of training and 90 s of predicted training"
    )
    assert Rules(seconds=600).words == "at most 10 min of predicted training"


BLOCKS = st.lists(
    st.builds(
        ConvBlock,
        filters=st.integers(1, 64),
        kernel_size=st.integers(1, 7).map(lambda n: (n, n)),
        padding=st.just("same"),
        convolution=st.sampled_from(["plain", "separable"]),
        batch_normalization=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60)
@given(blocks=BLOCKS, images=st.integers(1, 55_000), epochs=st.integers(1, 50), over=st.sampled_from([-1, 0, 1]))
def test_a_design_fits_exactly_up_to_each_budget(blocks: list[ConvBlock], images: int, epochs: int, over: int) -> None:
    design = Experiment(architecture=Architecture(blocks=tuple(blocks)), recipe={"epochs": epochs}, train_images=images)
    parameters, adds = totals(trace(design.architecture)).parameters, equal.multiply_adds(design)
    for rules, limit, received in (
        (Rules(parameters=max(1, parameters - over)), parameters - over, parameters),
        (Rules(multiply_adds=max(1, adds - over)), adds - over, adds),
    ):
        words = rules.misfits(design, lambda _: pytest.fail("it is not limited"))
        assert bool(words) == (over > 0)
        assert not words or (f"{limit:,}" in words and f"received {received:,}" in words)
    rules = Rules(seconds=10.0)
    assert bool(rules.misfits(design, lambda _: 10.0 + over)) == (over > 0)


def test_of_several_budgets_each_that_is_exceeded_is_named(small: Experiment) -> None:
    rules = Rules(parameters=1, multiply_adds=2, seconds=3.0)
    words = rules.misfits(small, lambda _: 4.0)
    assert words.count("received") == 3
    assert "at most 3 s of predicted training, received 4.0 s" in words


def test_what_does_not_fit_is_refused_where_it_is_queued(lab: Lab, small: Experiment) -> None:
    cleo = pupil(lab.store, "Cleo")
    begun(lab, Rules(parameters=10))
    words = lab.challenges.misfits(small, by=cleo)
    with pytest.raises(InputError, match="Budget: at most 10 parameters, received"):
        lab.challenges.enter(small, by=cleo)
    assert words.startswith("Budget: at most 10 parameters, received")
    assert lab.store.runs.all() == []


def test_an_entry_is_a_holdout_run_on_as_many_images_as_that_has(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    begun(lab)
    design = PRESETS["7x7"]
    assert (design.protocol, design.train_images) == (Protocol.NOTEBOOK, 60_000)
    run = lab.reader(cleo).run(lab.challenges.enter(design, by=cleo))
    assert (run.experiment.protocol, run.experiment.train_images) == (Protocol.HOLDOUT, 55_000)
    assert run.design_key == entered(design).design_key != design.design_key
    assert run.owner == cleo.key


def test_a_seed_whose_result_may_have_been_seen_is_not_entered(lab: Lab, small: Experiment) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    for protocol, seed in (("holdout", small.seed), ("notebook", small.seed + 1)):
        (seen,) = lab.start(small.with_changes(protocol=protocol, seed=seed, train_images=small.train_images), by=dana)
        ends(lab.store, seen, 0.9, 0.9)
    begun(lab)
    ids = [lab.challenges.enter(small, by=by) for by in (cleo, dana, cleo)]
    assert [lab.reader(cleo).run(run_id).seed for run_id in ids] == [small.seed + i for i in (2, 3, 4)]
    last = small.with_changes(seed=2**31 - 1)
    for seed in (2**31 - 1, 0):
        assert lab.reader(cleo).run(lab.challenges.enter(last, by=cleo)).seed == seed


def test_one_at_a_time_and_none_where_no_class_is_open(lab: Lab, small: Experiment) -> None:
    cleo = pupil(lab.store, "Cleo")
    assert lab.challenges.current(by=cleo) is None
    assert lab.challenges.board(by=cleo) is None
    with pytest.raises(InputError, match="none is open"):
        lab.challenges.enter(small, by=cleo)
    assert lab.challenges.misfits(small, by=cleo) == ""
    first = begun(lab)
    with pytest.raises(InputError, match="there is one already; reveal it before another begins"):
        begun(lab)
    lab.challenges.close(first, by=TEACHER)
    assert lab.challenges.current(by=cleo).state == "closed: no further entries, not revealed yet"
    with pytest.raises(InputError, match="none is open"):
        lab.challenges.enter(small, by=cleo)
    with pytest.raises(InputError, match="reveal it before the class ends"):
        lab.classroom.end(by=TEACHER)
    lab.challenges.reveal(first, by=TEACHER)
    second = begun(lab, Rules(seconds=100))
    assert lab.challenges.current(by=cleo).id == second
    lab.challenges.reveal(second, by=TEACHER)
    lab.classroom.close(by=TEACHER)
    with pytest.raises(InputError, match="it needs an open class"):
        begun(lab)
    room = lab.store.classes.current().id
    lab.classroom.end(by=TEACHER)
    assert lab.challenges.current(by=ADA) is None
    assert [board.challenge.id for board in lab.challenges.all(room, by=TEACHER)] == [first, second]
    with pytest.raises(InputError, match="the class has none with the number"):
        lab.challenges.reveal(second, by=TEACHER)


def test_closing_and_revealing_twice_is_as_once(lab: Lab) -> None:
    challenge = begun(lab)
    lab.challenges.close(challenge, by=TEACHER)
    before = lab.store.challenges.get(challenge)
    lab.challenges.close(challenge, by=TEACHER)
    assert lab.store.challenges.get(challenge) == before
    lab.challenges.reveal(challenge, by=TEACHER)
    revealed = lab.store.challenges.get(challenge)
    lab.challenges.reveal(challenge, by=TEACHER)
    assert lab.store.challenges.get(challenge) == revealed
    assert revealed.closed == before.closed


def test_of_many_who_begin_one_at_once_one_does(lab: Lab) -> None:
    def begin(_: int) -> bool:
        try:
            return bool(begun(Lab(lab.store.url)))
        except InputError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(begin, range(4))) == 1


def test_a_pupils_limits_hold_for_entries_and_the_teacher_enters_none(store: Store, small: Experiment) -> None:
    open_class(store, ClassSettings(waiting=1))
    lab, cleo = Lab(store.url), pupil(store, "Cleo")
    begun(lab)
    lab.challenges.enter(small, by=cleo)
    with pytest.raises(NotAllowedError, match="each pupil 1 waiting run"):
        lab.challenges.enter(small, by=cleo)
    with pytest.raises(NotAllowedError, match="only pupils enter"):
        lab.challenges.enter(small, by=TEACHER)
    assert lab.challenges.board(by=cleo).entries == 1


def test_the_board_ranks_pupils_by_their_best_validation(lab: Lab, small: Experiment) -> None:
    cleo, dana, emil = (pupil(lab.store, name) for name in ("Cleo", "Dana", "Emil"))
    begun(lab)
    smaller = small.with_changes(architecture={"blocks": [{"filters": 2, "kernel_size": 3}]})
    assert equal.parameters(smaller) != equal.parameters(small)
    entry(lab, cleo, small, 0.91, 0.99)
    best = entry(lab, cleo, small, 0.95, 0.80)
    same = entry(lab, dana, smaller, 0.95, 0.90)
    last = entry(lab, emil, small, 0.90, 0.99)
    few, many = sorted([best, same], key=lambda run_id: lab.store.runs.get(run_id).parameters)
    board = lab.challenges.board(by=dana)
    assert [(place.rank, place.run.id) for place in board.places] == [(1, few), (2, many), (3, last)]
    assert {place.called: place.finished for place in board.places} == {"Cleo": 2, "Dana": 1, "Emil": 1}
    assert (board.entries, board.pupils, board.notes) == (4, 3, ())
    assert board.luck is None
    assert board.first_two is None
    assert all(place.run.test_accuracy is None for place in board.places)


def test_equal_places_are_shared_and_pseudonyms_are_kept(lab: Lab, small: Experiment) -> None:
    cleo, dana, emil = (pupil(lab.store, name) for name in ("Cleo", "Dana", "Emil"))
    begun(lab, Rules(parameters=10**6, names=False))
    for by, accuracy in ((cleo, 0.9), (dana, 0.9), (emil, 0.8)):
        entry(lab, by, small, accuracy, 0.9)
    places = lab.challenges.board(by=emil).places
    assert [(place.rank, place.called) for place in places] == [(1, cleo.key), (1, dana.key), (3, emil.key)]


def test_what_is_not_ranked_is_said(lab: Lab, small: Experiment) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    begun(lab)
    entry(lab, cleo, small, 0.9, 0.9)
    entry(lab, cleo, small, 0.99, 0.9, status=Status.STOPPED)
    entry(lab, cleo, small, 0.99, 0.9, status=Status.FAILED)
    deleted = entry(lab, cleo, small, 0.99, 0.9)
    lab.label([deleted], by=cleo, deleted=True)
    entry(lab, dana, small, 0.99, 0.9)
    lab.challenges.enter(small, by=cleo)
    lab.classroom.remove(dana.key, by=TEACHER)
    board = lab.challenges.board(by=cleo)
    assert [place.called for place in board.places] == ["Cleo"]
    (words,) = board.notes
    for part in (
        "1 stopped before its end",
        "1 diverged",
        "1 deleted",
        "1 of somebody who was removed from the class",
        "1 waiting",
    ):
        assert part in words


def test_after_the_reveal_the_board_says_how_lucky_the_first_was_and_what_would_decide(
    lab: Lab, small: Experiment
) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    challenge = begun(lab)
    other = small.with_changes(architecture={"blocks": [{"filters": 2, "kernel_size": 3}]})
    first, second = entry(lab, cleo, small, 0.95, 0.90), entry(lab, dana, other, 0.94, 0.93)
    with pytest.raises(InputError, match="reveal it first"):
        lab.challenges.add_seeds(challenge, by=TEACHER)
    lab.challenges.reveal(challenge, by=TEACHER)
    board = lab.challenges.board(by=cleo)
    assert [place.run.test_accuracy for place in board.places] == [0.90, 0.93]
    assert board.luck.gap == pytest.approx(0.05)
    assert board.luck.mean_gap == pytest.approx(0.03)
    one, two, verdict = board.first_two
    assert (one.id, two.id, verdict.kind) == (first, second, "not enough data")
    assert verdict.more == anytime.least() - 1
    new = lab.challenges.add_seeds(challenge, by=TEACHER)
    assert len(new) == 2 * verdict.more
    assert lab.challenges.add_seeds(challenge, by=TEACHER) == [], "they wait already"
    for run_id in new:
        run = lab.store.runs.get(run_id)
        ends(lab.store, run_id, 0.9, 0.9 if run.design_key == one.design_key else 0.93)
    *_, verdict = lab.challenges.board(by=dana).first_two
    assert verdict.kind == "worse"
    assert lab.challenges.add_seeds(challenge, by=TEACHER) == [], "it is decided"
    assert lab.challenges.board(by=dana).entries == 2, "seeds that decide are no entries"


def test_one_design_needs_no_verdict(lab: Lab, small: Experiment) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    challenge = begun(lab)
    entry(lab, cleo, small, 0.9, 0.9)
    entry(lab, dana, small, 0.8, 0.8)
    lab.challenges.reveal(challenge, by=TEACHER)
    assert lab.challenges.board(by=cleo).first_two is None
    with pytest.raises(InputError, match="no two designs"):
        lab.challenges.add_seeds(challenge, by=TEACHER)


def test_it_outlives_the_server_and_goes_with_its_class(lab: Lab, small: Experiment) -> None:
    cleo = pupil(lab.store, "Cleo")
    challenge = begun(lab)
    entry(lab, cleo, small, 0.9, 0.9)
    before = lab.challenges.board(by=cleo)
    lab.store.close()
    again = Lab(lab.store.url)
    assert again.challenges.board(by=cleo) == before
    again.challenges.reveal(challenge, by=TEACHER)
    room = again.store.classes.current().id
    again.classroom.end(by=TEACHER)
    again.classroom.delete(room, by=TEACHER)
    assert again.store.challenges.get(challenge) is None
    again.store.close()


def test_a_run_that_is_removed_for_good_is_no_entry_any_more(lab: Lab, small: Experiment) -> None:
    cleo = pupil(lab.store, "Cleo")
    begun(lab, AMPLE)
    gone = entry(lab, cleo, small, 0.9, 0.9)
    lab.label([gone], by=cleo, deleted=True)
    lab.store.runs.purge(days=-1)
    board = lab.challenges.board(by=cleo)
    assert (board.entries, board.places) == (0, ())
