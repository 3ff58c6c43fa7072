"""Questions and answers in the store: written once, and no answer read before the outcome."""

from pathlib import Path

import pytest

from mnist_lab.errors import InputError
from mnist_lab.store import guesses
from mnist_lab.store.store import Store
from tests.builders.classes import open_class


@pytest.fixture
def question(store: Store) -> int:
    return store.guesses.add(open_class(store), "ada", "{}")


def test_an_answer_is_kept_once_and_counted(store: Store, question: int) -> None:
    assert store.guesses.give(question, "pupil 1", "1", "why", [])
    assert not store.guesses.give(question, "pupil 1", "2", "", [])
    assert store.guesses.give(question, "pupil 2", "3", "", [])
    assert store.guesses.counts([question, 99]) == {question: 2}
    assert store.guesses.own([question], "pupil 1")[question].answer_json == "1"
    assert store.guesses.own([question], "pupil 3") == {}


def test_answers_are_read_when_the_outcome_is_there_which_is_written_once(store: Store, question: int) -> None:
    store.guesses.give(question, "pupil 1", "1", "", [])
    assert store.guesses.told([question]) == []
    store.guesses.conclude(question, "first")
    store.guesses.conclude(question, "second")
    found = store.guesses.get(question)
    assert (found.outcome_json, found.closed) == ("first", found.shown)
    assert [one.person for one in store.guesses.told([question])] == ["pupil 1"]
    with pytest.raises(InputError, match="the guessing was closed"):
        store.guesses.give(question, "pupil 2", "1", "", [])


def test_of_two_who_bind_a_question_one_does(store: Store, question: int) -> None:
    assert store.guesses.replace(question, "{}", "bound")
    assert not store.guesses.replace(question, "{}", "bound otherwise")
    assert store.guesses.get(question).question_json == "bound"


def test_one_sees_the_classes_questions_and_ones_own(store: Store, question: int) -> None:
    room = store.classes.current().id
    own = store.guesses.add(room, "pupil 1", "{}", answer=("1", ""))
    assert [one.id for one in store.guesses.of(room, "pupil 1")] == [own, question]
    assert [one.id for one in store.guesses.of(room, "pupil 2")] == [question]
    assert [one.id for one in store.guesses.of(None, "pupil 1")] == [own]
    assert [one.id for one in store.guesses.all_of(room)] == [own, question]


def test_nobody_asks_themselves_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_OWN", 2)
    for _ in range(2):
        store.guesses.add(None, "ada", "{}", answer=("1", ""))
    with pytest.raises(InputError, match="you have asked yourself 2 questions"):
        store.guesses.add(None, "ada", "{}", answer=("1", ""))
    assert store.guesses.add(None, "bob", "{}", answer=("1", ""))


def test_what_is_deleted_is_gone_from_the_file(store: Store, question: int, tmp_path: Path) -> None:
    store.guesses.give(question, "pupil 1", "1", "Only the zebra knows.", [])
    store.guesses.delete(question)
    assert store.guesses.get(question) is None
    assert store.guesses.counts([question]) == {}
    store.close()
    assert b"zebra" not in b"".join(path.read_bytes() for path in tmp_path.glob("lab.db*"))
