"""What a teacher sends: to whom it is shown, what may be sent, and who has read it."""

import pytest

from mnist_lab.design.experiment import parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError, NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson.messages import MAX_TEXT, PAGES, PageLink, Sent
from mnist_lab.store import messages as stored
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.runs import trained


@pytest.fixture
def lab(store: Store) -> Lab:
    open_class(store)
    return Lab(store.url)


def test_a_note_to_all_reaches_all_and_one_to_somebody_only_them(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    to_all = lab.messages.note("Look up.", by=TEACHER)
    to_dana = lab.messages.note("Well done.", to=dana.key, by=TEACHER)
    assert [message.id for message in lab.messages.mine(by=cleo)] == [to_all]
    assert [message.id for message in lab.messages.mine(by=dana)] == [to_dana, to_all], "newest first"
    assert lab.messages.mine(by=TEACHER) == []


def test_whoever_has_put_a_message_away_sees_it_no_more_and_all_others_do(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    note = lab.messages.note("Look up.", by=TEACHER)
    lab.messages.show(note, by=cleo)
    lab.messages.show(note, by=dana)
    for _ in range(2):
        lab.messages.dismiss(note, by=cleo)
    lab.messages.show(note, by=cleo)
    assert lab.messages.mine(by=cleo) == []
    (message,) = lab.messages.mine(by=dana)
    assert message.shown == {cleo.key, dana.key}
    assert message.read == {cleo.key}


def test_what_was_sent_to_another_can_be_neither_seen_nor_put_away(lab: Lab) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    note = lab.messages.note("Well done.", to=dana.key, by=TEACHER)
    for act in (lab.messages.show, lab.messages.dismiss):
        with pytest.raises(NotAllowedError, match="was not sent to you"):
            act(note, by=cleo)
        with pytest.raises(NotAllowedError, match="was not sent to you"):
            act(99, by=cleo)
    assert lab.messages.all(by=TEACHER)[0].shown == set()


def test_what_was_withdrawn_is_shown_to_nobody(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    note = lab.messages.note("Look up.", by=TEACHER)
    lab.messages.withdraw(note, by=TEACHER)
    lab.messages.withdraw(99, by=TEACHER)
    assert lab.messages.mine(by=cleo) == []
    assert lab.messages.all(by=TEACHER)[0].is_withdrawn
    assert lab.messages.note("Look up.", by=TEACHER) != note, "it can be sent again"


def test_an_impatient_click_sends_nothing_twice(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lab.messages.send_design(PRESETS["fast"], by=TEACHER)
    assert lab.messages.send_design(PRESETS["fast"], by=TEACHER) == first
    assert lab.messages.send_design(PRESETS["3x3"], by=TEACHER) != first
    monkeypatch.setattr(stored, "AGAIN_SECONDS", 0.0)
    assert lab.messages.send_design(PRESETS["fast"], by=TEACHER) != first


def test_a_design_comes_back_as_it_was_sent(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    lab.messages.send_design(PRESETS["7x7"], "What if kernels are large?", by=TEACHER)
    (message,) = lab.messages.mine(by=cleo)
    assert (message.kind, message.design, message.page) == (Sent.DESIGN, PRESETS["7x7"], None)


def test_a_page_is_sent_with_what_it_shows(lab: Lab) -> None:
    cleo = pupil(lab.store, "Cleo")
    run_id = trained(lab.store, 1)
    lab.messages.send_page(PageLink(page="train", run=run_id), by=TEACHER)
    (message,) = lab.messages.mine(by=cleo)
    assert message.page == PageLink(page="train", run=run_id)
    assert message.page.query == {"run": str(run_id)}
    with pytest.raises(InputError, match="Run: there is none"):
        lab.messages.send_page(PageLink(page="compare", runs=(run_id, 99)), by=TEACHER)
    with pytest.raises(InputError, match="Study: there is none"):
        lab.messages.send_page(PageLink(page="studies", study=99), by=TEACHER)


@pytest.mark.parametrize(
    "given",
    [
        {"page": "https://example.com"},
        {"page": "../teach/x"},
        {"page": "class"},
        {"page": "train", "runs": [1, 2]},
        {"page": "run"},
        {"page": "run", "run": 0},
        {"page": "run", "run": 2**63},
        {"page": "run", "run": "1&x=2"},
        {"page": "compare", "runs": [1]},
        {"page": "compare", "runs": [1, 1]},
        {"page": "compare", "runs": list(range(1, 100))},
        {"page": "results", "view": "x"},
    ],
)
def test_nothing_but_pages_of_the_lab_can_be_sent(given: dict[str, object]) -> None:
    with pytest.raises(InputError) as refused:
        parse(PageLink, given)
    assert len(str(refused.value)) <= 300


def test_the_pages_that_can_be_sent_are_those_that_pupils_have() -> None:
    pages = {page.path for page in navigation.PAGES if not page.is_teachers}
    assert set(PAGES) <= pages


def test_a_note_is_short_plain_text(lab: Lab) -> None:
    lab.messages.note("  One \u202e line\n\n\tand <b>*another*</b>  ", by=TEACHER)
    assert lab.messages.all(by=TEACHER)[0].text == "One line\nand <b>*another*</b>"
    lab.messages.note("x" * MAX_TEXT, by=TEACHER)
    for text in ("x" * (MAX_TEXT + 1), "x" * 10**6, "x\n" * 6):
        with pytest.raises(InputError, match="at most 300 characters"):
            lab.messages.note(text, by=TEACHER)
    for text in ("", " \n ", "\u200b"):
        with pytest.raises(InputError, match="should say something"):
            lab.messages.note(text, by=TEACHER)
    assert len(lab.messages.all(by=TEACHER)) == 2


def test_nothing_is_sent_to_whoever_has_gone_or_where_no_class_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    cleo = pupil(lab.store, "Cleo")
    lab.classroom.remove(cleo.key, by=TEACHER)
    for key in (cleo.key, "nobody"):
        with pytest.raises(InputError, match="not in the class any more"):
            lab.messages.note("Well done.", to=key, by=TEACHER)
    monkeypatch.setattr(stored, "MOST", 1)
    lab.messages.note("One.", by=TEACHER)
    with pytest.raises(InputError, match="room for 1"):
        lab.messages.note("Two.", by=TEACHER)
    room = lab.store.classes.current()
    lab.classroom.end(by=TEACHER)
    with pytest.raises(InputError, match="there is none"):
        lab.messages.note("Two.", by=TEACHER)
    with pytest.raises(InputError, match="has ended"):
        lab.store.messages.send(room.id, None, "note", "Two.", None)


def test_messages_go_with_their_class(lab: Lab) -> None:
    room = lab.store.classes.current()
    cleo = pupil(lab.store, "Cleo")
    lab.messages.dismiss(lab.messages.note("Look up.", by=TEACHER), by=cleo)
    lab.classroom.end(by=TEACHER)
    lab.classroom.delete(room.id, by=TEACHER)
    assert lab.messages.of(room.id) == []
