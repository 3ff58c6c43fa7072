"""What browsers send: nothing but what pages need; from the timers of fragments no clicks, and only when what was asked
before has been answered."""

import asyncio
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LONGEST_SECONDS = 2.0  # that a timer waits: what asks for a fragment that is gone is never answered
# What pages send. The rest is for who develops Streamlit's own: to clear the caches that all share, to shut down.
_HEARD = ("rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "backend_operation_request", None)
_CLICKS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")


class Timers:
    """ASGI middleware that mends two faults of Streamlit (1.67), which a busy machine meets.

    A page sends a click a moment after it, as soon as the browser has time. A timer that fires in that moment sends the
    click too, with all other widgets' values, and its callback would be called twice: a switch would turn back, an undo
    would undo two changes. So clicks are taken out of what a timer sends.

    And where a timer's message arrives in the moment in which a run of the page's script has ended, but not all that it
    drew has been sent, Streamlit begins another run and drops the rest, with the timers that would repair it: the page would
    stay half drawn, and say that it is running. So a timer's message waits until the run before has been sent to its end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        turns = _Turns(receive, send)
        try:
            await self.app(scope, turns.receive, turns.send)
        finally:
            turns.close()


class _Turns:
    """One browser's connection."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._coming: asyncio.Future[Message] | None = None
        self._held: dict[str, Message] = {}  # the newest of each fragment, in their order
        self._answered = asyncio.Event()
        self._answered.set()
        self._has_begun = False

    async def receive(self) -> Message:
        """The browser's next message whose turn it is."""
        while True:
            if self._held and self._answered.is_set():
                self._ask()
                return self._held.pop(next(iter(self._held)))
            message = await self._arrived()
            if message is None:
                continue
            if message["type"] == "websocket.receive" and not message.get("bytes"):
                continue  # a text, which no page sends, and Streamlit stumbles over
            sent = _sent(message)
            if sent is not None and sent.WhichOneof("type") not in _HEARD:
                continue
            if sent is None or sent.WhichOneof("type") != "rerun_script":
                return message
            asked = sent
            if asked.rerun_script.is_auto_rerun:
                message = {**message, "bytes": without_clicks(asked)}
                if not self._answered.is_set():
                    self._held.pop(asked.rerun_script.fragment_id, None)
                    self._held[asked.rerun_script.fragment_id] = message
                    continue
            else:
                self._held.clear()  # they say what the page's fields held before
            self._ask()
            return message

    async def send(self, message: Message) -> None:
        """Send it, and see whether a run of the script has begun or been sent to its end."""
        await self._send(message)
        if self._answered.is_set() or not message.get("bytes"):
            return
        sent = ForwardMsg.FromString(message["bytes"])
        kind = sent.WhichOneof("type")
        if kind == "new_session":
            self._has_begun = True
        elif kind == "script_finished" and self._has_begun and not _goes_on(sent):
            self._answered.set()

    def close(self) -> None:
        """Ask for nothing more."""
        if self._coming is not None:
            self._coming.cancel()

    def _ask(self) -> None:
        self._answered.clear()
        self._has_begun = False

    async def _arrived(self) -> Message | None:
        """The browser's next message; None where before it comes it is the turn of one that was held."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())
        if self._held:
            answered = asyncio.ensure_future(self._answered.wait())
            both: list[asyncio.Future[Any]] = [self._coming, answered]
            await asyncio.wait(both, timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                answered.cancel()
                if not self._coming.done():
                    self._answered.set()
        else:
            await asyncio.wait([self._coming])
        if not self._coming.done():
            return None
        message, self._coming = self._coming.result(), None
        return message


def _goes_on(sent: ForwardMsg) -> bool:
    """Whether a run that has finished did so in favour of another one."""
    return bool(sent.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN)


def _sent(message: Message) -> BackMsg | None:
    """What a browser sends; None where it is no message of Streamlit's."""
    if message["type"] != "websocket.receive" or not message.get("bytes"):
        return None
    try:
        sent: BackMsg = BackMsg.FromString(message["bytes"])
    except DecodeError:
        return None  # Streamlit says so itself
    return sent


def without_clicks(asked: BackMsg) -> bytes:
    """What a timer sends, as it should arrive."""
    states = asked.rerun_script.widget_states
    kept = [state for state in states.widgets if state.WhichOneof("value") not in _CLICKS]
    del states.widgets[:]
    states.widgets.extend(kept)
    return bytes(asked.SerializeToString())
