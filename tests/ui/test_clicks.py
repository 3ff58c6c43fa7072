"""What arrives of a click."""

import asyncio

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from mnist_lab.ui import clicks


def sent(*, by_timer: bool) -> bytes:
    message = BackMsg()
    message.rerun_script.is_auto_rerun = by_timer
    message.rerun_script.query_string = "run=1"
    message.rerun_script.widget_states.widgets.add(id="undo", trigger_value=True)
    message.rerun_script.widget_states.widgets.add(id="pad", json_trigger_value="[]")
    message.rerun_script.widget_states.widgets.add(id="kernel", int_value=3)
    return message.SerializeToString()


def arrives(message: dict[str, object]) -> dict[str, object]:
    got = []

    async def app(scope, receive, send) -> None:
        got.append(await receive())

    async def receive() -> dict[str, object]:
        return message

    asyncio.run(clicks.Once(app)({"type": "websocket"}, receive, None))  # type: ignore[arg-type]
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
        {"type": "websocket.receive", "text": "words"},
        {"type": "websocket.disconnect", "code": 1000},
    ],
)
def test_all_else_arrives_as_it_was_sent(message: dict[str, object]) -> None:
    assert arrives(dict(message)) == message
