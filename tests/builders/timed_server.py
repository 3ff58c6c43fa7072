"""The lab's own server, which writes down how long each request of a page took: for `streamlit run`.

A line of JSON each, in the file that `TIMES` names: from the arrival of a browser's message to the sending of the last
element that it asked for.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

import app as product  # noqa: E402, found in the folder above


@dataclass
class Request:
    """What a page asked for.

    Attributes:
        page: its path when it asked.
        shown: its path when it was answered: another one where a click led there.
        is_first: whether the page was opened by it.
        interval: of the timer that asked, in seconds; None where a person did.
        at: when it arrived, on the clock of all processes of this machine.
        seconds: until it was answered.
    """

    page: str
    is_first: bool
    interval: float | None
    at: float
    shown: str = ""
    seconds: float = 0.0


class Times:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.file = Path(os.environ["TIMES"]).open("a", buffering=1)  # noqa: SIM115, as long as the server lives

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            timed = _Timed(self, receive, send)
            await self.app(scope, timed.receive, timed.send)
        else:
            await self.app(scope, receive, send)

    def write(self, request: Request) -> None:
        print(json.dumps(asdict(request)), file=self.file)


class _Timed:
    """One browser's connection."""

    def __init__(self, times: Times, receive: Receive, send: Send) -> None:
        self._times, self._receive, self._send = times, receive, send
        self._pages: dict[str, str] = {}  # paths by the hashes of their scripts
        self._page: str | None = None
        self._intervals: dict[str, float] = {}
        self._waiting: dict[str, Request] = {}  # by fragment, "" the whole page

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and message.get("bytes"):
            asked = BackMsg.FromString(message["bytes"])
            if asked.WhichOneof("type") == "rerun_script":
                self._ask(asked.rerun_script)
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if not message.get("bytes"):
            return
        sent = ForwardMsg.FromString(message["bytes"])
        kind = sent.WhichOneof("type")
        if kind == "navigation":
            self._pages = {page.page_script_hash: page.url_pathname for page in sent.navigation.app_pages}
            self._page = self._pages.get(sent.navigation.page_script_hash, "")
        elif kind == "auto_rerun":
            self._intervals[sent.auto_rerun.fragment_id] = sent.auto_rerun.interval
        elif kind == "script_finished" and sent.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            # A run of the whole page answers all that waits, but for timers of what it has replaced.
            answered = sent.metadata.run.fragment_ids
            for fragment in list(answered or self._waiting):
                request = self._waiting.pop(fragment, None)
                if request and (answered or request.interval is None):
                    request.seconds, request.shown = time.monotonic() - request.at, self._page or ""
                    self._times.write(request)

    def _ask(self, asked: object) -> None:
        page = self._pages.get(asked.page_script_hash, asked.page_name)
        interval = self._intervals.get(asked.fragment_id) if asked.is_auto_rerun else None
        request = Request(page, page != self._page, interval, time.monotonic())
        # The oldest that waits: a timer asks again where it has not been answered.
        self._waiting.setdefault(asked.fragment_id, request)


app = st.App(
    product.ROUTER,
    lifespan=product.lifespan,
    routes=product.app._user_routes,
    middleware=[Middleware(Times), *product.app._user_middleware],
    on_script_error=product.on_script_error,
)
