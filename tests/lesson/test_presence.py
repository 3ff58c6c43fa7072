"""Who is there, and what they do, in the server's memory."""

from mnist_lab.lesson import presence
from mnist_lab.lesson.presence import Presence


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_sign_of_life_is_no_change() -> None:
    clock = Clock()
    here = Presence(clock)
    here.opened("pupil 1", "train")
    clock.now += 30
    here.seen("pupil 1")
    here.opened("pupil 1", "train")
    seat = here.seats()["pupil 1"]
    assert (seat.seen, seat.changed, seat.page) == (1030, 1000, "train")
    here.opened("pupil 1", "results")
    assert here.seats()["pupil 1"].changed == 1030


def test_a_design_changes_when_it_is_another_one() -> None:
    clock = Clock()
    here = Presence(clock)
    here.opened("pupil 1", "")
    clock.now += 30
    here.designs("pupil 1", "3x3", "key")
    assert here.seats()["pupil 1"].changed == 1000, "it was there when they came"
    here.designs("pupil 1", "3x3", "key")
    assert here.seats()["pupil 1"].changed == 1000
    here.designs("pupil 1", "3x3", "another")
    assert here.seats()["pupil 1"].changed == 1030


def test_how_long_a_design_has_been_impossible_is_counted_from_when_it_became_so() -> None:
    clock = Clock()
    here = Presence(clock)
    here.designs("pupil 1", "3x3", "key")
    clock.now += 10
    here.designs("pupil 1", "3x3", "another", "Too small.")
    clock.now += 10
    here.designs("pupil 1", "3x3", "a third", "Still too small.")
    seat = here.seats()["pupil 1"]
    assert (seat.wrong, seat.wrong_since) == ("Still too small.", 1010)
    here.designs("pupil 1", "3x3", "key")
    assert here.seats()["pupil 1"].wrong == ""


def test_a_refusal_lasts_until_the_design_changes() -> None:
    here = Presence(Clock())
    here.designs("pupil 1", "3x3", "key")
    here.refused("pupil 1", "Too long.")
    here.designs("pupil 1", "3x3", "key")
    here.opened("pupil 1", "train")
    assert here.seats()["pupil 1"].refused == "Too long."
    here.designs("pupil 1", "3x3", "another")
    assert here.seats()["pupil 1"].refused == ""


def test_whoever_was_seen_longest_ago_is_forgotten_where_there_are_too_many(monkeypatch) -> None:
    monkeypatch.setattr(presence, "MOST", 2)
    here = Presence(Clock())
    for key in ("a", "b", "a", "c"):
        here.seen(key)
    assert list(here.seats()) == ["a", "c"]
