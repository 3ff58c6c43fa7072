"""Viewers of a page without browsers: coroutines that speak Streamlit's protocol."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


def _connected(server: str) -> Any:
    address = server.replace("http", "ws") + "/_stcore/stream"
    subprotocol: Any = "streamlit"
    origin: Any = server
    return websockets.connect(address, origin=origin, subprotocols=[subprotocol], max_size=None)


def _asked_for(page: str, page_hash: str, fragment: str = "", *, is_timer: bool = False) -> bytes:
    state = ClientState(
        page_name="" if page_hash else page,
        page_script_hash=page_hash,
        fragment_id=fragment,
        is_auto_rerun=is_timer,
    )
    state.context_info.timezone = "UTC"
    message: bytes = BackMsg(rerun_script=state).SerializeToString()
    return message


async def visit(server: str, page: str, times: int) -> list[float]:
    """Open a page and request `times` runs of its script; returns the seconds of each, from request to last element."""
    seconds, page_hash = [], ""
    async with _connected(server) as socket:
        for _ in range(times):
            began = time.perf_counter()
            await socket.send(_asked_for(page, page_hash))
            while True:
                message = ForwardMsg.FromString(await socket.recv())
                kind = message.WhichOneof("type")
                if kind == "navigation":
                    page_hash = message.navigation.page_script_hash
                elif kind == "new_session":
                    page_hash = page_hash or message.new_session.page_script_hash
                elif kind == "script_finished" and not message.metadata.run.fragment_ids:
                    break
            seconds.append(time.perf_counter() - began)
    return seconds


@dataclass
class Viewer:
    """An open page.

    Attributes:
        seconds: of each update, from request to last element.
        errors: messages of exceptions that it showed.
        intervals: of its timers, in seconds.
        texts: of its progress bars.
    """

    server: str
    page: str
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    intervals: set[float] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    page_hash: str = ""

    async def watch(self, until: asyncio.Event) -> None:
        """Keep the page open until an event is set, and answer its timers as a browser does."""
        async with _connected(self.server) as socket:
            timers: dict[str, asyncio.Task[None]] = {}
            asked: dict[str, float] = {}
            await socket.send(self._ask("", is_timer=False))
            end = asyncio.ensure_future(until.wait())
            while not until.is_set():
                receiving = asyncio.ensure_future(socket.recv())
                done, _ = await asyncio.wait({receiving, end}, return_when=asyncio.FIRST_COMPLETED)
                if receiving not in done:
                    receiving.cancel()
                    break
                message = ForwardMsg.FromString(receiving.result())
                kind = message.WhichOneof("type")
                if kind == "navigation":
                    self.page_hash = message.navigation.page_script_hash
                elif kind == "new_session" and not message.metadata.run.fragment_ids:
                    for timer in timers.values():  # the whole page runs again, and sets its timers again
                        timer.cancel()
                    timers.clear()
                    asked.clear()
                elif kind == "auto_rerun":
                    name, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
                    self.intervals.add(interval)
                    if name in timers:
                        timers[name].cancel()
                    timers[name] = asyncio.ensure_future(self._every(interval, name, socket, asked))
                elif kind == "script_finished":
                    ended = [asked.pop(name) for name in message.metadata.run.fragment_ids if name in asked]
                    self.seconds += [time.monotonic() - at for at in ended]
                elif kind == "delta":
                    element = message.delta.new_element
                    if element.WhichOneof("type") == "exception":
                        self.errors.append(element.exception.message)
                    elif element.WhichOneof("type") == "progress":
                        self.texts.add(element.progress.text)
            for task in (*timers.values(), end):
                task.cancel()

    def _ask(self, fragment: str, *, is_timer: bool) -> bytes:
        return _asked_for(self.page, self.page_hash, fragment, is_timer=is_timer)

    async def _every(self, interval: float, name: str, socket: Any, asked: dict[str, float]) -> None:
        while True:
            await asyncio.sleep(interval)
            # The server drops requests while the whole page is running; a browser repeats them.
            if time.monotonic() - asked.get(name, 0.0) > max(5 * interval, 3.0):
                asked[name] = time.monotonic()
                await socket.send(self._ask(name, is_timer=True))
