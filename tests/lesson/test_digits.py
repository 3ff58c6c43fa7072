"""People's own digits: drawn, refused, deleted, thrown out, exported."""

import io

import numpy as np
import pytest

from mnist_lab.classroom.cookies import teacher
from mnist_lab.data import drawing
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from tests.builders.classes import allow, open_class, pupil
from tests.builders.runs import ADA

TEACHER = teacher()
ONE, SEVEN = [[[0.5, 0.2], [0.5, 0.8]]], [[[0.3, 0.2], [0.7, 0.2], [0.4, 0.8]]]


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def cleo(store: Store) -> Person:
    open_class(store)
    return pupil(store, "Cleo")


def test_a_drawing_is_kept_as_mnists_digits_were_prepared_and_once(lab: Lab, store: Store, cleo: Person) -> None:
    number = lab.digits.keep(1, ONE, by=cleo)
    assert lab.digits.keep(2, ONE, by=cleo) == number, "a double press, after which the next digit is asked for"
    (digit,) = lab.digits.mine(by=cleo)
    assert (digit.label, digit.person) == (1, cleo.key)
    assert (digit.image == drawing.prepared(drawing.rendered(drawing.strokes(ONE)))).all()
    rows = np.flatnonzero(digit.image.any(axis=1))
    assert rows[-1] - rows[0] + 1 == drawing.DIGIT_SIDE
    store.close()
    assert Lab(store.url).digits.all(by=cleo).digits == (digit,), "another server finds it"


@pytest.mark.parametrize(
    ("label", "strokes", "words"),
    [
        (3, [], "the pad is empty; draw a 3 on it first"),
        (3, "x", "should be a list of strokes"),
        (3, [[["a", 1]]], "a list of points"),
        (10, ONE, "from 0 to 9; received '10'"),
        (True, ONE, "from 0 to 9; received 'True'"),
    ],
)
def test_what_is_no_drawing_or_no_digit_is_refused_in_a_sentence(
    lab: Lab, cleo: Person, label: int, strokes: object, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        lab.digits.keep(label, strokes, by=cleo)
    assert lab.digits.mine(by=cleo) == []


def test_one_deletes_ones_own_and_the_teacher_anybodys(lab: Lab, store: Store, cleo: Person) -> None:
    dana = pupil(store, "Dana")
    hers, other, third = (
        lab.digits.keep(label, drawn, by=who)
        for label, drawn, who in ((1, ONE, cleo), (7, SEVEN, cleo), (1, ONE, dana))
    )
    with pytest.raises(NotAllowedError, match=f"Digit {third}: it is not yours"):
        lab.digits.delete(hers, third, by=cleo)
    assert len(lab.digits.all(by=cleo).digits) == 3, "none of them"
    lab.digits.delete(hers, by=cleo)
    lab.digits.delete(hers, by=cleo)
    lab.digits.delete(third, by=TEACHER)
    assert [digit.id for digit in lab.digits.all(by=TEACHER).digits] == [other]


def test_the_teacher_throws_out_and_takes_back_and_the_count_says_so(lab: Lab, store: Store, cleo: Person) -> None:
    first, second = lab.digits.keep(1, ONE, by=cleo), lab.digits.keep(7, SEVEN, by=pupil(store, "Dana"))
    lab.digits.throw_out(second, by=TEACHER)
    found = lab.digits.all(by=cleo)
    assert found.words == "1 digit by 1 person, 1 thrown out"
    assert [digit.id for digit in found.kept] == [first]
    with pytest.raises(NotAllowedError, match="Only the teacher"):
        lab.digits.take_back(second, by=cleo)
    lab.digits.take_back(second, by=TEACHER)
    assert lab.digits.all(by=cleo).words == "2 digits by 2 people"


def test_a_set_is_of_one_class_or_of_whoever_is_alone(lab: Lab, store: Store) -> None:
    mine = lab.digits.keep(1, ONE, by=ADA)
    room = open_class(store)
    hers = lab.digits.keep(7, SEVEN, by=pupil(store, "Cleo"))
    assert [digit.id for digit in lab.digits.all(by=TEACHER).digits] == [hers]
    lab.digits.delete(mine, by=TEACHER)
    lab.digits.throw_out(mine, by=TEACHER)
    store.classes.end(room)
    assert lab.digits.all(by=ADA).words == "1 digit by 1 person", "what is in another set is not touched"
    assert lab.digits.mine(by=ADA)[0].id == mine


@pytest.mark.parametrize(("ticked", "called"), [(False, "pupil 1"), (True, "Cleo")])
def test_the_files_hold_names_for_the_teacher_who_wants_them_only(
    lab: Lab, cleo: Person, ticked: bool, called: str
) -> None:
    lab.digits.keep(1, ONE, by=cleo)
    allow(lab, names_in_files=ticked)
    for who, name in ((TEACHER, called), (cleo, "pupil 1")):
        with np.load(io.BytesIO(lab.digits.npz(by=who)), allow_pickle=False) as file:
            assert file["drawers"].tolist() == [name]
            assert file["labels"].tolist() == [1]
            assert (file["images"][0] == lab.digits.mine(by=cleo)[0].image).all()
    assert lab.digits.sheet(by=cleo)[:4] == b"\x89PNG"
