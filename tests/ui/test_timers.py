"""What arrives of what a timer sends, and when."""

import asyncio

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from mnist_lab.ui import timers


def sent(*, by_timer: bool) -> bytes:
    message = BackMsg()
    message.rerun_script.is_auto_rerun = by_timer
    message.rerun_script.query_string = "run=1"
    message.rerun_script.widget_states.widgets.add(id="undo", trigger_value=True)
    message.rerun_script.widget_states.widgets.add(id="pad", json_trigger_value="[]")
    message.rerun_script.widget_states.widgets.add(id="kernel", int_value=3)
    return message.SerializeToString()


def arrives(*messages: dict[str, object]) -> dict[str, object]:
    got, coming = [], list(messages)

    async def app(scope, receive, send) -> None:
        got.append(await receive())

    async def receive() -> dict[str, object]:
        return coming.pop(0)

    async def nothing(_message: object) -> None:
        pass

    asyncio.run(timers.Timers(app)({"type": "websocket"}, receive, nothing))  # type: ignore[arg-type]
    return got[0]


def test_a_timer_sends_everything_but_clicks() -> None:
    got = BackMsg.FromString(arrives({"type": "websocket.receive", "bytes": sent(by_timer=True)})["bytes"])
    assert [state.id for state in got.rerun_script.widget_states.widgets] == ["kernel"]
    assert got.rerun_script.query_string == "run=1"
    assert got.rerun_script.is_auto_rerun


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.receive", "bytes": sent(by_timer=False)},
        {"type": "websocket.receive", "bytes": b"\xff no such message"},
        {"type": "websocket.disconnect", "code": 1000},
    ],
)
def test_all_else_arrives_as_it_was_sent(message: dict[str, object]) -> None:
    assert arrives(dict(message)) == message


@pytest.mark.parametrize(
    "unheard",
    [
        {"type": "websocket.receive", "text": "words"},
        *(
            {"type": "websocket.receive", "bytes": BackMsg(**{kind: True}).SerializeToString()}
            for kind in ("clear_cache", "set_run_on_save", "load_git_info", "debug_shutdown_runtime")
        ),
    ],
    ids=str,
)
def test_what_no_page_sends_is_not_heard(unheard: dict[str, object]) -> None:
    """Else anybody could clear what all share, and what a session remembers of the page it has open."""
    end = {"type": "websocket.disconnect", "code": 1000}
    assert arrives(unheard, end) == end


def asks(fragment: str, *, by_timer: bool, page: str = "") -> dict[str, object]:
    message = BackMsg()
    message.rerun_script.page_script_hash = page
    message.rerun_script.is_auto_rerun = by_timer
    message.rerun_script.fragment_id = fragment
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


def tells(kind: str, status: int = ForwardMsg.FINISHED_SUCCESSFULLY, *fragments: str) -> dict[str, object]:
    message = ForwardMsg()
    message.metadata.run.fragment_ids.extend(fragments)
    if kind == "begun":
        message.new_session.SetInParent()
    elif kind.startswith("page "):
        message.navigation.page_script_hash = kind.removeprefix("page ")
    else:
        message.script_finished = status
    return {"type": "websocket.send", "bytes": message.SerializeToString()}


class Connection:
    """A browser and a server that speak when the test says so."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.arrived: list[str] = []
        self.pages: list[str] = []

    async def run(self, story) -> None:
        async def app(scope, receive, send) -> None:
            self.tell = send
            while (message := await receive())["type"] == "websocket.receive":
                asked = BackMsg.FromString(message["bytes"]).rerun_script
                self.arrived.append(asked.fragment_id)
                self.pages.append(asked.page_script_hash)

        async def send(_message: dict[str, object]) -> None:
            pass

        served = asyncio.create_task(timers.Timers(app)({"type": "websocket"}, self.sent.get, send))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await story(self)
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await served

    async def browser(self, *messages: dict[str, object]) -> list[str]:
        """What has arrived when all of these could have."""
        for message in messages:
            self.sent.put_nowait(message)
        return await self.server()

    async def server(self, *messages: dict[str, object]) -> list[str]:
        """What has arrived when all of these were sent."""
        for message in messages:
            await self.tell(message)
        for _ in range(20):
            await asyncio.sleep(0)
        return self.arrived


def test_a_timer_waits_until_what_was_asked_before_has_been_sent_to_its_end() -> None:
    async def story(connection: Connection) -> None:
        person, timer, other = (asks(name, by_timer=name != "person") for name in ("person", "timer", "other"))
        assert await connection.browser(person, timer, other, timer) == ["person"]
        assert await connection.server(tells("ended")) == ["person"], "that is the end of a run before"
        assert await connection.server(tells("begun")) == ["person"]
        assert await connection.server(tells("ended", ForwardMsg.FINISHED_EARLY_FOR_RERUN)) == ["person"]
        assert await connection.server(tells("begun"), tells("ended")) == ["person", "other"], "the older first"
        assert await connection.server(tells("begun"), tells("ended")) == ["person", "other", "timer"], "once"
        assert await connection.server(tells("begun"), tells("ended")) == ["person", "other", "timer"]

    asyncio.run(Connection().run(story))


def test_a_person_never_waits_and_no_timer_brings_back_what_fields_held_before() -> None:
    async def story(connection: Connection) -> None:
        first, timer, second = (asks(name, by_timer=name == "timer") for name in ("first", "timer", "second"))
        assert await connection.browser(first, timer, second) == ["first", "second"]
        assert await connection.server(tells("begun"), tells("ended")) == ["first", "second"]
        assert await connection.browser(timer) == ["first", "second", "timer"], "the next one is new"

    asyncio.run(Connection().run(story))


def test_a_timer_does_not_wait_for_an_answer_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "LONGEST_SECONDS", 0.01)

    async def story(connection: Connection) -> None:
        assert await connection.browser(asks("gone", by_timer=True), asks("timer", by_timer=True)) == ["gone"]
        while connection.arrived != ["gone", "timer"]:
            await asyncio.sleep(0.01)

    asyncio.run(Connection().run(story))


@pytest.mark.parametrize("asked", ["", "slow"])
def test_a_timer_waits_however_long_a_run_takes(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes long to draw would else lose a part of it where a timer begins another run."""
    monkeypatch.setattr(timers, "LONGEST_SECONDS", 0.01)

    async def story(connection: Connection) -> None:
        assert await connection.browser(asks(asked, by_timer=False)) == [asked]
        if asked:
            await connection.server(tells("begun"))
        assert await connection.browser(asks("timer", by_timer=True)) == [asked]
        await asyncio.sleep(0.1)  # ten times as long as a timer waits for what may never be answered
        assert await connection.server() == [asked]
        assert await connection.server(tells("begun"), tells("ended")) == [asked, "timer"]

    asyncio.run(Connection().run(story))


def test_who_asks_for_a_part_of_a_page_asks_for_the_page_that_is_shown() -> None:
    """The fault: a browser that had not taken note yet of where it was led named the page before, and showed neither."""

    async def story(connection: Connection) -> None:
        await connection.browser(asks("", by_timer=False, page="Design"))
        await connection.server(tells("begun"), tells("page Design"), tells("page Train"))
        await connection.browser(asks("live", by_timer=True, page="Design"))
        await connection.server(tells("ended"))
        await connection.browser(asks("a switch", by_timer=False, page="Design"))
        await connection.browser(asks("", by_timer=False, page="Inspect"))
        assert connection.arrived == ["", "live", "a switch", ""]
        assert connection.pages == ["Design", "Train", "Train", "Inspect"]

    asyncio.run(Connection().run(story))


def test_the_end_of_a_timer_s_run_is_no_answer_to_a_click() -> None:
    """The fault: who pressed Train while a timer's run had not begun was shown the next page half, for where a click leads
    was not heard of any more."""
    ended = ForwardMsg.FINISHED_SUCCESSFULLY

    async def story(connection: Connection) -> None:
        live, click, other = (asks(name, by_timer=bool(name)) for name in ("live", "", "other"))
        assert await connection.browser(live, click, other) == ["live", ""]
        assert await connection.server(tells("begun", 0, "live"), tells("ended", ended, "live")) == ["live", ""]
        await connection.server(tells("begun"), tells("page Train"), tells("ended"))
        assert connection.arrived == ["live", "", "other"]
        await connection.server(tells("begun", 0, "other"), tells("ended", ended, "other"), tells("page Results"))
        await connection.browser(asks("live", by_timer=True, page="Train"))
        assert connection.pages[-2:] == ["Train", "Results"]

    asyncio.run(Connection().run(story))


@pytest.mark.parametrize("by_timer", [False, True])
def test_nobody_is_sent_a_mere_reference_to_what_may_be_thrown_away_by_then(by_timer: bool) -> None:
    """The fault: a page broke off with "Cached ForwardMsg MISS", as the browser had kept something no longer."""
    asked = BackMsg.FromString(sent(by_timer=by_timer))
    asked.rerun_script.cached_message_hashes.append("of a chart")
    got = BackMsg.FromString(arrives({"type": "websocket.receive", "bytes": asked.SerializeToString()})["bytes"])
    assert not got.rerun_script.cached_message_hashes
    assert got.rerun_script.query_string == "run=1"
