"""The people of a class."""

import threading

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.store.people import MOST, Allowance, Member
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command
from tests.builders.classes import open_class, pupil


@pytest.fixture
def room(store: Store) -> int:
    return open_class(store)


def names(store: Store, room: int) -> list[str]:
    return [member.name for member in store.people.of(room)]


def test_who_joins_is_known_by_their_token_under_a_pseudonym(store: Store, room: int) -> None:
    cleo, dana = store.people.join(room, "Cleo"), store.people.join(room, "Dana")
    assert store.people.by_token(cleo.token) == store.people.by_key(cleo.key) == cleo
    assert cleo.token != dana.token
    assert (cleo.key, dana.key) == (f"pupil {cleo.id}", f"pupil {dana.id}")
    assert store.people.by_token("") is store.people.by_token("pupil 1") is store.people.by_key("ada") is None
    assert store.people.of(room) == [cleo, dana]


@pytest.mark.parametrize("again", ["Zoë", "ZOË", "zoë"])
def test_a_name_is_taken_but_for_capitals(store: Store, room: int, again: str) -> None:
    zoe = store.people.join(room, "Zoë")
    assert store.people.join(room, again) is None
    assert store.people.join(room, "Zoe")
    token = store.people.ask(room, again)
    store.people.answer(token, admit=True)
    assert store.people.admitted(token) == zoe
    with pytest.raises(InputError, match=f"Name: somebody else is called {again!r}; choose another one"):
        store.people.rename(store.people.join(room, "Dana").key, again)
    store.people.rename(zoe.key, again)  # capitals of one's own name
    assert names(store, room) == [again, "Zoe", "Dana"]


def test_two_who_join_under_one_name_at_once_are_not_both_in(store: Store, url: str, room: int) -> None:
    found: list[Member | None] = []
    begin = threading.Barrier(4)

    def join() -> None:
        mine = Store(url)
        begin.wait()
        found.append(mine.people.join(room, "Cleo"))
        mine.close()

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(list(filter(None, found))) == 1


def test_a_class_has_so_many_people_and_no_more(store: Store, room: int) -> None:
    for number in range(MOST):
        assert store.people.join(room, f"name {number}")
    with pytest.raises(InputError, match="Class: it is full, with 200 people; ask your teacher to remove somebody"):
        store.people.join(room, "Cleo")
    assert store.people.join(room, "name 7") is None, "who is in may ask to be let in"
    store.people.remove("pupil 8")
    assert store.people.join(room, "Cleo")


def test_nobody_joins_a_class_that_is_closed_or_has_ended(store: Store, room: int) -> None:
    store.classes.close(room)
    with pytest.raises(InputError, match="Class: it is closed; ask your teacher to open it again"):
        store.people.join(room, "Cleo")
    store.classes.reopen(room)
    assert store.people.join(room, "Cleo")
    store.classes.end(room)
    with pytest.raises(InputError, match="Class: it is closed"):
        store.people.join(room, "Dana")
    with pytest.raises(InputError, match="Class: it is closed"):
        store.people.join(99, "Dana")


def test_a_pseudonym_is_never_given_again(store: Store, room: int) -> None:
    first = store.people.join(room, "Cleo").key
    store.people.remove(first)
    second = store.people.join(room, "Cleo").key
    store.classes.end(room)
    store.classes.delete(room)
    third = store.people.join(open_class(store), "Cleo").key
    assert len({first, second, third}) == 3


def test_who_is_removed_is_no_member_and_what_they_had_in_training_is_paused(store: Store, room: int) -> None:
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    training, waiting = store.queue.add([PRESETS["3x3"]] * 2, cleo.key)
    theirs, mine = *store.queue.add([PRESETS["3x3"]], dana.key), *store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine", only=[training])
    token = store.people.ask(room, "Cleo")
    store.people.remove(cleo.key)
    assert store.runs.get(training).command is Command.PAUSE
    assert [store.runs.get(i).status for i in (waiting, theirs, mine)] == [
        Status.PAUSED,
        Status.QUEUED,
        Status.QUEUED,
    ]
    assert names(store, room) == ["Dana"]
    assert [member.name for member in store.people.of(room, removed_too=True)] == ["Cleo", "Dana"]
    member = store.people.by_key(cleo.key)
    assert member.removed is not None
    assert store.people.admitted(token) is False, "whoever asked to be them is turned away"
    store.people.remove(cleo.key)
    assert store.people.by_key(cleo.key) == member, "twice is once"
    assert store.people.join(room, "Cleo").key != cleo.key
    store.people.remove("ada")
    assert store.runs.get(mine).status is Status.QUEUED, "the teacher is nobody who could be removed"


def test_who_asks_to_be_somebody_waits_until_the_teacher_answers(store: Store, room: int) -> None:
    cleo = store.people.join(room, "Cleo")
    store.people.join(room, "Dana")
    assert store.people.ask(room, "Emil") is None, "nobody has this name"
    first, second = store.people.ask(room, "cleo"), store.people.ask(room, "Dana")
    assert store.people.asking(room) == [(first, "Cleo"), (second, "Dana")]
    assert store.people.admitted(first) is store.people.admitted(second) is True
    store.people.answer(first, admit=True)
    store.people.answer(second, admit=False)
    assert store.people.admitted(first) == cleo
    assert store.people.admitted(second) is False
    assert store.people.asking(room) == []
    store.people.answer(second, admit=True)
    assert store.people.admitted(second) is store.people.admitted("") is False, "it is gone"


def test_so_many_ask_for_one_name_and_no_more(store: Store, room: int) -> None:
    store.people.join(room, "Cleo")
    store.people.join(room, "Dana")
    tokens = [store.people.ask(room, "Cleo") for _ in range(3)]
    with pytest.raises(InputError, match="Name: too many ask to be 'Cleo' already; choose another one"):
        store.people.ask(room, "Cleo")
    assert store.people.ask(room, "Dana")
    store.people.answer(tokens[0], admit=False)
    assert store.people.ask(room, "Cleo")


def test_requests_are_withdrawn_and_all_turned_away_at_once(store: Store, room: int) -> None:
    store.people.join(room, "Cleo")
    first, second, third = (store.people.ask(room, "Cleo") for _ in range(3))
    store.people.answer(first, admit=True)
    store.people.withdraw(first)
    store.people.withdraw(second)
    assert [token for token, _ in store.people.asking(room)] == [third]
    store.people.turn_all_away(room)
    assert store.people.asking(room) == []
    assert store.people.admitted(first).name == "Cleo", "what was answered stays"


def test_names_are_those_of_all_classes_or_of_one(store: Store, room: int) -> None:
    cleo = store.people.join(room, "Cleo").key
    store.people.remove(cleo)
    store.classes.end(room)
    later = open_class(store)
    dana = store.people.join(later, "Dana").key
    assert store.people.names() == {cleo: "Cleo", dana: "Dana"}
    assert store.people.names(later) == {dana: "Dana"}


def test_an_allowance_holds_however_many_queue_at_once(store: Store, url: str, room: int) -> None:
    cleo = store.people.join(room, "Cleo").key
    refused: list[str] = []
    begin = threading.Barrier(8)

    def queue() -> None:
        mine = Store(url)
        begin.wait()
        try:
            mine.queue.add([PRESETS["3x3"]] * 2, cleo, allowance=Allowance(cleo, 5))
        except NotAllowedError as error:
            refused.append(str(error))
        mine.close()

    threads = [threading.Thread(target=queue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.queue.active()) == 4
    assert set(refused) == {
        "Queue: your teacher allows each pupil 5 waiting runs; you have 4 and asked for 2 more. Wait for one to begin, or cancel "
        "one."
    }


@pytest.mark.parametrize("gone", ["closed", "ended", "removed"])
def test_who_was_allowed_a_moment_ago_queues_nothing_after_the_end(store: Store, room: int, gone: str) -> None:
    cleo = store.people.join(room, "Cleo").key
    allowance = Allowance(cleo, 5)
    (run_id,) = store.queue.add([PRESETS["3x3"]], cleo, allowance=allowance)
    ends = {"closed": store.classes.close, "ended": store.classes.end, "removed": lambda _: store.people.remove(cleo)}
    ends[gone](room)
    for do in (
        lambda: store.queue.add([PRESETS["3x3"]], cleo, allowance=allowance),
        lambda: store.queue.resume(run_id, allowance=allowance),
        lambda: store.labels.set([run_id], allowance=allowance, note="x"),
    ):
        with pytest.raises(NotAllowedError, match="The class was closed, or you were removed from it, a moment ago"):
            do()
    assert store.queue.active() == []
