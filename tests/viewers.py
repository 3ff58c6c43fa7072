"""Viewers of a page without browsers: what a browser says to the server, said by a coroutine."""

import asyncio
import time
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@dataclass
class Viewer:
    """One open page. `seconds` of each of its updates, from asking for it to its last element; errors it showed."""

    server: str
    page: str
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    intervals: set[float] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    async def watch(self, until: asyncio.Event) -> None:
        """Look at the page until an event is set, updating what updates itself."""
        address = self.server.replace("http", "ws") + "/_stcore/stream"
        options = {"origin": self.server, "subprotocols": ["streamlit"], "max_size": None}
        async with websockets.connect(address, **options) as socket:
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
                if kind == "new_session" and not message.new_session.fragment_ids_this_run:
                    for timer in timers.values():  # the whole page is drawn anew, its timers with it
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
                    self.seconds += [time.monotonic() - at for at in asked.values()]
                    asked.clear()
                elif kind == "delta":
                    element = message.delta.new_element
                    if element.WhichOneof("type") == "exception":
                        self.errors.append(element.exception.message)
                    elif element.WhichOneof("type") == "progress":
                        self.texts.add(element.progress.text)
            for task in (*timers.values(), end):
                task.cancel()

    def _ask(self, fragment: str, *, is_timer: bool) -> bytes:
        state = ClientState(page_name=self.page, fragment_id=fragment, is_auto_rerun=is_timer)
        state.context_info.timezone = "UTC"
        return BackMsg(rerun_script=state).SerializeToString()

    async def _every(self, interval: float, name: str, socket: object, asked: dict[str, float]) -> None:
        while True:
            await asyncio.sleep(interval)
            if name not in asked:
                asked[name] = time.monotonic()
                await socket.send(self._ask(name, is_timer=True))
