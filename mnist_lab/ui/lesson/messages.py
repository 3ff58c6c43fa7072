"""What the teacher sends: a line above the pages of whom it is for, a part of the Class page, a button on the Design page."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any

import streamlit as st

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.errors import InputError
from mnist_lab.lesson.messages import MAX_TEXT, MOST_SHOWN, PAGES, Message, PageLink, Sent
from mnist_lab.person import Kind
from mnist_lab.reader import Reader
from mnist_lab.store.classes import Class
from mnist_lab.ui import navigation
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.lesson import glance
from mnist_lab.ui.results import table
from mnist_lab.ui.session import ONCE, act, errors_shown, lab, looker, path, person, pressed_once, seen, shared, zone
from mnist_lab.ui.text import plain, refusal

REFRESH_SECONDS = 3.0
_MOST_LISTED = 20
_MOST_RUNS = 200
_AWAY, _MINE, _TURN = "messages_away", "draft_before_message", "message_turn"
_EVERYBODY, _OPEN_ONE = "", 0  # whom it is for, and which run's design, where it is none of those listed
_KINDS = {Sent.NOTE: "A note", Sent.DESIGN: "A design", Sent.PAGE: "A page"}
_TITLES = {page.path: page.title for page in navigation.PAGES if page.path in PAGES}
_NUMBERS = {
    "train": ("run", "Which run; empty: their own"),
    "studies": ("study", "Which study; empty: all"),
    "inspect": ("runs", "Which runs, as 3,7; empty: their choice"),
    "run": ("run", "Which run"),
    "compare": ("runs", "Which runs, as 3,7"),
}


@shared
def _of(class_id: int) -> list[Message]:
    return lab().messages.of(class_id)


# For pupils


def now(class_id: int) -> Hashable:
    """What of it whoever looks is to be shown now."""
    return tuple(message.id for message in _for(looker(), class_id))


def show(reader: Reader) -> None:
    """A line for each message that whoever looks has not put away, the newest first; nothing for the teacher."""
    if reader.rights.room is None or reader.rights.person.kind is not Kind.PUPIL:
        return
    _back()
    messages = _for(reader, reader.rights.room.id)
    if new := [message.id for message in messages if reader.rights.owner not in message.shown]:
        lab().messages.show(*new, by=person())
    for message in messages:
        _line(message, reader)


def _for(reader: Reader, class_id: int) -> list[Message]:
    if reader.rights.person.kind is not Kind.PUPIL:
        return []
    # What this session has put away is away at once; what all sessions share is up to a second old.
    away = st.session_state.get(_AWAY, frozenset())
    mine = [message for message in _of(class_id) if message.is_for(reader.rights.owner) and message.id not in away]
    return mine[:MOST_SHOWN]


def _line(message: Message, reader: Reader) -> None:
    text = plain(message.text)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"message-{message.id}"):
        opened = navigation.DESIGN.path if message.page is None else message.page.page
        words, label = {
            Sent.NOTE: ("Your teacher: ", ""),
            Sent.DESIGN: (f"Your teacher shows you a design, **{_design(message)}**. ", "Open the design"),
            Sent.PAGE: (f"Your teacher asks you to open **{_TITLES.get(opened, '')}**. ", f"Open {_page(message)}"),
        }[message.kind]
        st.markdown(f":material/campaign: {words}{text}")
        is_locked = not reader.rights.may_open(opened)
        if label and pressed_once(
            label,
            f"message-open-{message.id}",
            icon=":material/open_in_full:",
            type="primary",
            disabled=is_locked,
            help="This page is locked at the moment." if is_locked else None,
        ):
            _put_away(message.id)
            _open(message)
        st.button(
            "Dismiss",
            key=f"message-away-{message.id}",
            icon=":material/close:",
            type="tertiary",
            on_click=_put_away,
            args=(message.id,),
        )


def _design(message: Message) -> str:
    return plain(message.design.name) if message.design else ""


def _page(message: Message) -> str:
    """A page that was sent, in words."""
    link = message.page
    if link is None:
        return ""
    title = _TITLES.get(link.page, "")
    for noun, number in (("run", link.run), ("study", link.study), ("runs", ", ".join(map(str, link.runs)))):
        if number:
            return f"{title} {number}" if link.page == noun else f"{title}, {noun} {number}"
    return title


def _put_away(message_id: int) -> None:
    st.session_state[_AWAY] = st.session_state.get(_AWAY, frozenset()) | {message_id}
    act(lab().messages.dismiss, message_id)


def _open(message: Message) -> None:
    """Go to what was sent; a design becomes the draft, as a change that can be undone, and what was there is kept."""
    if message.design:
        mine = drafts.current() if drafts.is_begun() else None
        drafts.open_run(message.design)
        st.session_state[_MINE] = mine if mine != drafts.current() else None
        st.switch_page(navigation.DESIGN.script, query_params=drafts.query())
    if message.page:
        page = next(page for page in navigation.PAGES if page.path == message.page.page)
        st.switch_page(page.script, query_params=message.page.query)


def _back() -> None:
    """A way back from the design that was opened last to one's own."""
    if st.session_state.get(_MINE) is None or path() != navigation.DESIGN.path:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="message-back"):
        st.markdown(":material/architecture: This design is from your teacher; change it as you like. Yours is kept.")
        st.button("Back to mine", icon=":material/undo:", key="message-mine", on_click=_return)
        st.button("Dismiss", icon=":material/close:", type="tertiary", key="message-keep", on_click=_forget)


def _return() -> None:
    drafts.save(st.session_state[_MINE])
    _forget()


def _forget() -> None:
    st.session_state[_MINE] = None


# For the teacher


def send_draft(experiment: Experiment | None) -> None:
    """On the Design page of a class's teacher: a button that sends everybody the design that is open."""
    rights = looker().rights
    if rights.room is None or rights.person.kind is not Kind.TEACHER:
        return
    pressed = pressed_once(
        "Open at everyone's",
        "message-draft",
        icon=":material/campaign:",
        disabled=experiment is None,
        help="Your pupils get a line above their page that opens this design with one click; theirs is kept.",
    )
    if pressed == ONCE and experiment:
        try:
            lab().messages.send_design(experiment, by=person())
        except InputError as error:
            refusal(error)
        else:
            st.toast("Sent to everybody in the class.", icon=":material/campaign:")


def compose(room: Class) -> None:
    """On the Class page: what to send and to whom, and what was sent."""
    st.header("Send", anchor=False)
    people = {pupil.key: pupil.name for pupil in glance.of(room.id).pupils}
    turn = st.session_state.setdefault(_TURN, 0)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="send"):
        kind = st.segmented_control(
            "What", list(_KINDS), default=Sent.NOTE, required=True, format_func=_KINDS.__getitem__, key="message-kind"
        )
        to = st.selectbox(
            "To",
            [_EVERYBODY, *people],
            format_func=lambda key: people.get(key, key) or "everybody",
            key="message-to",
            width=240,
        )
        given = {Sent.NOTE: dict, Sent.DESIGN: _which_design, Sent.PAGE: _which_page}[kind]()
    text = st.text_area(
        "Note" if kind is Sent.NOTE else "With a few words, if you like",
        max_chars=MAX_TEXT,
        height=80,
        key=f"message-text-{turn}",
    )
    if pressed_once("Send", "message-send", type="primary", icon=":material/send:") == ONCE:
        try:
            _send(kind, given, text, to or None)
        except InputError as error:
            refusal(error)
        else:
            st.session_state[_TURN] = turn + 1  # an empty field
            st.toast("Sent.", icon=":material/send:")
            st.rerun()
    st.fragment(_sent, run_every=REFRESH_SECONDS)()


def _which_design() -> dict[str, Any]:
    runs = table.every(seen().fingerprint()).head(_MOST_RUNS)  # read once for all, until something of the runs changes
    names = seen().names()
    listed = {
        ids[0]: f"run {ids[0]}: {name}, by {names.get(owner, owner)}"
        for ids, name, owner in zip(runs["ids"], runs["name"], runs["owner"], strict=True)
    }
    chosen = st.selectbox(
        "Which design",
        [_OPEN_ONE, *listed],
        format_func=lambda run_id: listed.get(run_id, "the one that is open on my Design page"),
        key="message-design",
        width=360,
    )
    return {"run": chosen}


def _which_page() -> dict[str, Any]:
    page = st.selectbox(
        "Which page", [*_TITLES], format_func=lambda path: _TITLES.get(path, path), key="message-page", width=160
    )
    if page not in _NUMBERS:
        return {"page": page}
    name, label = _NUMBERS[page]
    typed = st.text_input(label, max_chars=60, key=f"message-number-{page}", width=260)
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    return {"page": page} | ({name: parts if name == "runs" else typed.strip()} if parts else {})


def _send(kind: Sent, given: dict[str, Any], text: str, to: str | None) -> None:
    messages, by = lab().messages, person()
    if kind is Sent.NOTE:
        messages.note(text, to=to, by=by)
    elif kind is Sent.PAGE:
        messages.send_page(parse(PageLink, given), text, to=to, by=by)
    else:
        design = seen().run(given["run"]).experiment if given["run"] else drafts.trainable()
        messages.send_design(design, text, to=to, by=by)


@errors_shown()
def _sent() -> None:
    """What was sent, to how many it was shown, and a way to withdraw it."""
    room = seen().rights.room
    sent = lab().messages.all(by=person())[:_MOST_LISTED]
    if room is None or not sent:
        st.caption("Nothing was sent yet. Pupils see what you send within seconds, in a line above their page.")
        return
    people = {pupil.key: pupil.name for pupil in glance.of(room.id).pupils}
    for message in sent:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"message-sent-{message.id}"):
            st.markdown(f"{datetime.fromtimestamp(message.sent, zone()):%H:%M}  {_in_words(message, people)}")
            st.caption(_seen_by(message, people), width="content")
            if not message.is_withdrawn:
                st.button(
                    "Withdraw",
                    key=f"message-withdraw-{message.id}",
                    icon=":material/undo:",
                    type="tertiary",
                    on_click=act,
                    args=(lab().messages.withdraw, message.id),
                )


def _in_words(message: Message, people: dict[str, str]) -> str:
    to = "everybody" if message.to is None else people.get(message.to, "somebody who has gone")
    what = {Sent.NOTE: "", Sent.DESIGN: f"design **{_design(message)}** ", Sent.PAGE: f"page **{_page(message)}** "}
    return f"{what[message.kind]}to {plain(to)}" + (f": {plain(message.text)}" if message.text else "")


def _seen_by(message: Message, people: dict[str, str]) -> str:
    addressed = people.keys() if message.to is None else people.keys() & {message.to}
    shown, read = (len(addressed & keys) for keys in (message.shown, message.read))
    words = f"shown to {shown} of {len(addressed)}, put away or opened by {read}"
    return f"withdrawn; was {words}" if message.is_withdrawn else words
