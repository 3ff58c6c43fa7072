"""A click counts once."""

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

_CLICKS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")


class Once:
    """ASGI middleware that takes clicks out of what a fragment's timer sends.

    Streamlit's pages (1.67) send a click a moment after it, as soon as the browser has time. A timer that fires in that
    moment sends the click too, with all other widgets' values, and its callback would be called twice: a switch would
    turn back, an undo would undo two changes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("bytes"):
                message["bytes"] = without_clicks(message["bytes"])
            return message

        await self.app(scope, received if scope["type"] == "websocket" else receive, send)


def without_clicks(sent: bytes) -> bytes:
    """A browser's message as it should arrive: without clicks where a timer sent it, else as it is."""
    try:
        message = BackMsg.FromString(sent)
    except DecodeError:
        return sent  # Streamlit says so itself
    if not message.rerun_script.is_auto_rerun:
        return sent
    states = message.rerun_script.widget_states
    kept = [state for state in states.widgets if state.WhichOneof("value") not in _CLICKS]
    if len(kept) == len(states.widgets):
        return sent
    del states.widgets[:]
    states.widgets.extend(kept)
    return bytes(message.SerializeToString())
