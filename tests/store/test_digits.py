"""Drawings in the store."""

import pytest

from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.store import digits as own
from mnist_lab.store.people import Allowance
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil


def picture(number: int) -> bytes:
    return number.to_bytes(784, "big")


def test_a_drawing_is_kept_byte_for_byte_in_the_set_of_its_class(store: Store) -> None:
    room = open_class(store)
    pixels = bytes(range(256)) * 3 + bytes(16)
    number = store.digits.add(room, "pupil 1", 7, pixels)
    alone = store.digits.add(None, "ada", 3, pixels)
    (digit,) = store.digits.of(room)
    assert (digit.id, digit.person, digit.label, digit.pixels) == (number, "pupil 1", 7, pixels)
    assert digit.image.shape == (28, 28)
    assert digit.image.tobytes() == pixels
    assert digit.thrown_out is None
    assert [digit.id for digit in store.digits.of(None)] == [alone]
    assert list(store.digits.some([alone, 99, number])) == [number, alone]


def test_the_same_drawing_is_kept_once_whatever_its_label_and_by_another_person_again(store: Store) -> None:
    first = store.digits.add(None, "ada", 3, picture(1))
    assert store.digits.add(None, "ada", 4, picture(1)) == first, "an impatient press, when the next digit is asked for"
    assert store.digits.add(None, "bob", 3, picture(1)) != first
    assert [digit.label for digit in store.digits.of(None, "ada")] == [3]


def test_nobody_has_more_than_may_be_and_neither_has_the_set(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(own.MOST_EACH):
        store.digits.add(None, "ada", 0, picture(number))
    with pytest.raises(InputError, match="you have 50, which is as many as one person may have"):
        store.digits.add(None, "ada", 0, picture(99))
    monkeypatch.setattr(own, "MOST", own.MOST_EACH + 1)
    store.digits.add(None, "bob", 0, picture(0))
    with pytest.raises(InputError, match="the set has 51"):
        store.digits.add(None, "bob", 0, picture(1))


def test_the_end_of_a_class_or_of_a_membership_comes_before_the_drawing(store: Store) -> None:
    room = open_class(store)
    cleo = pupil(store, "Cleo")
    store.people.remove(cleo.key)
    with pytest.raises(NotAllowedError, match="removed from it, a moment ago"):
        store.digits.add(room, cleo.key, 1, picture(1), Allowance(cleo.key, 1))
    assert store.digits.of(room) == []


def test_what_is_thrown_out_is_taken_back_and_its_first_time_stays(store: Store) -> None:
    number = store.digits.add(None, "ada", 3, picture(1))
    store.digits.throw_out([number, 99], is_out=True)
    (first,) = store.digits.of(None)
    assert first.thrown_out
    store.digits.throw_out([number], is_out=True)
    assert store.digits.of(None) == [first]
    store.digits.throw_out([number], is_out=False)
    assert store.digits.of(None)[0].thrown_out is None


def test_drawings_are_deleted_for_good_and_with_their_class(store: Store) -> None:
    room = open_class(store)
    first, second = (store.digits.add(room, "pupil 1", 1, picture(number)) for number in range(2))
    store.digits.delete([first, 99])
    assert [digit.id for digit in store.digits.of(room)] == [second]
    assert store.digits.add(room, "pupil 1", 1, picture(0)) > second, "a number is never used again"
    store.classes.end(room)
    store.classes.delete(room)
    assert store.digits.some([second]) == {}
