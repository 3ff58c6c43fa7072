"""What browsers send: nothing but what pages need; from the timers of fragments no clicks, only when what was asked before
has been answered, and of the page that is shown."""

import asyncio
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LONGEST_SECONDS = 5.0  # that a timer waits for a fragment to begin: what asks for one that is gone is never answered
# What pages send. The rest is for who develops Streamlit's own: to clear the caches that all share, to shut down.
_HEARD = ("rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "backend_operation_request", None)
_CLICKS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")


class Timers:
    """ASGI middleware that mends four faults of Streamlit (1.67), which a busy machine meets.

    A page sends a click a moment after it, as soon as the browser has time. A timer that fires in that moment sends the
    click too, with all other widgets' values, and its callback would be called twice: a switch would turn back, an undo
    would undo two changes. So clicks are taken out of what a timer sends.

    And where a timer's message arrives before all that the last run of the page's script drew has been sent, Streamlit
    begins another run as soon as that one has ended and drops some of the rest, with the timers that would repair it: the
    page would stay half drawn, and say that it is running, or stop at an element that has no place. So a timer's message
    waits until the run before has been sent to its end.

    And where a timer of a new page fires before the browser has taken note that it is on that page, its message names the
    page before. The browser would clear the page for the answer, which is only a part of it, and stop at an element that has
    no place. So what asks for a fragment is made to name the page that the server has shown last.

    And a message names what the browser keeps of earlier runs, so that it need not be sent again. By the time of the answer
    the browser may have thrown some of it away, as more runs have ended meanwhile, and would break off with an error. So
    everything is sent.
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
        self._held: dict[str, BackMsg] = {}  # the newest of each fragment, in their order
        self._page = ""  # that is shown: the hash of its script
        self._answered = asyncio.Event()
        self._answered.set()
        self._has_begun = False
        self._fragment = ""  # for which was asked last; empty for the whole page

    async def receive(self) -> Message:
        """The browser's next message whose turn it is."""
        while True:
            if self._held and self._answered.is_set():
                return self._asked(self._held.pop(next(iter(self._held))))
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
            if not sent.rerun_script.is_auto_rerun:
                self._held.clear()  # they say what the page's fields held before
                return self._asked(sent)
            _take_clicks_out(sent)
            if self._answered.is_set():
                return self._asked(sent)
            self._held.pop(sent.rerun_script.fragment_id, None)
            self._held[sent.rerun_script.fragment_id] = sent

    async def send(self, message: Message) -> None:
        """Send it, and see whether a run of the script has begun or been sent to its end."""
        await self._send(message)
        if not message.get("bytes"):
            return
        sent = ForwardMsg.FromString(message["bytes"])
        kind = sent.WhichOneof("type")
        fragments = sent.metadata.run.fragment_ids  # none of a run of the whole page, which answers everything
        if kind == "navigation":
            self._page = sent.navigation.page_script_hash
        elif fragments and self._fragment not in fragments:
            return  # of a timer that asked before
        elif kind == "new_session":
            self._has_begun = True
        elif kind == "script_finished" and self._has_begun and not _goes_on(sent):
            self._answered.set()

    def close(self) -> None:
        """Ask for nothing more."""
        if self._coming is not None:
            self._coming.cancel()

    def _asked(self, sent: BackMsg) -> Message:
        """The message that asks for a run of the script."""
        asked = sent.rerun_script
        if asked.fragment_id and self._page:
            asked.page_script_hash = self._page
        del asked.cached_message_hashes[:]
        self._answered.clear()
        self._has_begun = False
        self._fragment = asked.fragment_id
        return {"type": "websocket.receive", "bytes": sent.SerializeToString()}

    @property
    def _longest(self) -> float | None:
        """Seconds to wait for the end of what was asked; None where it comes for sure: a fragment's may be gone."""
        return LONGEST_SECONDS if self._fragment and not self._has_begun else None

    async def _arrived(self) -> Message | None:
        """The browser's next message; None where before it comes it is the turn of one that was held."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())
        if self._held:
            answered = asyncio.ensure_future(self._answered.wait())
            both: list[asyncio.Future[Any]] = [self._coming, answered]
            await asyncio.wait(both, timeout=self._longest, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                answered.cancel()
                if not self._coming.done() and self._longest is not None:
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


def _take_clicks_out(sent: BackMsg) -> None:
    """Of what a timer sends."""
    states = sent.rerun_script.widget_states
    kept = [state for state in states.widgets if state.WhichOneof("value") not in _CLICKS]
    del states.widgets[:]
    states.widgets.extend(kept)
