"""Viewers of a page without browsers: coroutines that speak Streamlit's protocol."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

LOOK_SECONDS = 0.05
RETURN_SECONDS = 0.2  # until a browser tries again to reach a server that is away


def _connected(server: str, cookie: str = "") -> Any:
    address = server.replace("http", "ws") + "/_stcore/stream"
    subprotocol: Any = "streamlit"
    origin: Any = server
    headers = {"Cookie": cookie} if cookie else {}
    return websockets.connect(
        address, origin=origin, subprotocols=[subprotocol], additional_headers=headers, max_size=None
    )


def _asked_for(
    page: str,
    page_hash: str,
    fragment: str = "",
    *,
    is_timer: bool = False,
    query: str = "",
    widgets: Iterable[WidgetState] = (),
) -> bytes:
    state = ClientState(
        page_name="" if page_hash else page,
        page_script_hash=page_hash,
        fragment_id=fragment,
        is_auto_rerun=is_timer,
        query_string=query,
    )
    state.context_info.timezone = "UTC"
    state.widget_states.widgets.extend(widgets)
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
    """An open page, and somebody who may use what is on it.

    Attributes:
        page: the path by which it was opened.
        query: of its address, as the server last set it.
        cookie: what the browser shows, as `name=value`.
        returns: whether it comes back to a server that was away, as a browser does; else `watch` raises.
        seconds: of each update, from request to last element.
        errors: what it showed in red.
        intervals: of its timers, in seconds.
        texts: of its progress bars.
        pages: the hash of each page's script, by its path.
        widgets: by label, or a component's by its name: id and fragment of each widget that it shows.
    """

    server: str
    page: str
    query: str = ""
    cookie: str = ""
    returns: bool = False
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    intervals: set[float] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    pages: dict[str, str] = field(default_factory=dict)
    widgets: dict[str, tuple[str, str]] = field(default_factory=dict)
    page_hash: str = ""
    _socket: Any = None
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _wanted: tuple[str, asyncio.Future[None]] | None = None
    _has_begun: bool = False  # what is wanted: the end of a run that had begun before is none of it

    async def watch(self, until: asyncio.Event) -> None:
        """Keep the page open until an event is set, and answer its timers as a browser does."""
        end = asyncio.ensure_future(until.wait())
        while not until.is_set():
            try:
                async with self._open() as socket:
                    await socket.send(self._ask(""))
                    while not until.is_set():
                        receiving = asyncio.ensure_future(socket.recv())
                        done, _ = await asyncio.wait({receiving, end}, return_when=asyncio.FIRST_COMPLETED)
                        if receiving not in done:
                            receiving.cancel()
                            break
                        self._take(ForwardMsg.FromString(receiving.result()))
            except (OSError, websockets.WebSocketException):
                if not self.returns:
                    raise
                await asyncio.sleep(RETURN_SECONDS)
        end.cancel()

    async def go(self, page: str) -> None:
        """Go to another page by the menu, and wait until it is drawn."""
        self.page, self.page_hash, self.query = page, self.pages[page], ""
        self._states.clear()
        await self._answer("")

    async def enter_address(self, page: str, query: str) -> None:
        """Open a page by its address: in a new session, which begins when the next message is received."""
        self.page, self.page_hash, self.query = page, "", query
        self.widgets.clear()
        await self._socket.close()

    async def enter(self, label: str, **value: Any) -> None:
        """Change what a widget holds, and wait until what depends on it is drawn.

        Args:
            value: the value of a `WidgetState`, by the name of its kind.
        """
        widget, fragment = await self._found(label)
        self._states[widget] = WidgetState(id=widget, **value)
        await self._answer(fragment)

    async def press(self, label: str) -> None:
        """Press a button, and wait until what it does is drawn."""
        widget, fragment = await self._found(label)
        await self._answer(fragment, WidgetState(id=widget, trigger_value=True))

    def drawn(self, element: Any) -> None:
        """Called with each element that the server sends."""
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.errors.append(element.alert.body)
        elif kind == "progress":
            self.texts.add(element.progress.text)

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Any]:
        async with _connected(self.server, self.cookie) as socket:
            self._socket = socket
            try:
                yield socket
            finally:
                self._socket = None
                self._forget_timers()
                if self._wanted and not self._wanted[1].done():
                    self._wanted[1].set_exception(ConnectionError("The server is away."))

    def _take(self, message: ForwardMsg) -> None:
        kind, fragments = message.WhichOneof("type"), list(message.metadata.run.fragment_ids)
        if kind == "navigation":
            self.page_hash = message.navigation.page_script_hash
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self.page = next((path for path, known in self.pages.items() if known == self.page_hash), self.page)
        elif kind == "new_session":
            self._has_begun = self._has_begun or self._is_wanted(fragments)
            if not fragments:
                self._forget_timers()  # the whole page runs again, and sets its timers again
                self.widgets.clear()
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            name, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self.intervals.add(interval)
            if name in self._timers:
                self._timers[name].cancel()
            self._timers[name] = asyncio.ensure_future(self._every(interval, name))
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            ended = [self._asked.pop(name) for name in fragments if name in self._asked]
            self.seconds += [time.monotonic() - at for at in ended]
            if self._wanted and self._has_begun and self._is_wanted(fragments):
                self._wanted[1].set_result(None)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            widget = getattr(element, element.WhichOneof("type") or "", None)
            if known := getattr(widget, "id", ""):
                name = getattr(widget, "label", "") or getattr(widget, "component_name", "")
                self.widgets[name] = known, message.delta.fragment_id
            self.drawn(element)

    async def _found(self, label: str) -> tuple[str, str]:
        """A widget, as soon as it is drawn."""
        while label not in self.widgets:
            await asyncio.sleep(LOOK_SECONDS)
        return self.widgets[label]

    async def _answer(self, fragment: str, *clicks: WidgetState) -> None:
        """Ask for a run of the script, or of a fragment, and wait for its end. Raises ConnectionError where the server goes
        away."""
        if self._socket is None:
            raise ConnectionError("The server is away.")
        self._wanted, self._has_begun = (fragment, asyncio.get_running_loop().create_future()), False
        with contextlib.suppress(websockets.WebSocketException):  # `watch` hears of it too
            await self._socket.send(self._ask(fragment, *clicks))
        await self._wanted[1]

    def _is_wanted(self, fragments: list[str]) -> bool:
        """Whether somebody waits for a run of these fragments, or of the whole script."""
        return (
            self._wanted is not None and not self._wanted[1].done() and (not fragments or self._wanted[0] in fragments)
        )

    def _ask(self, fragment: str, *clicks: WidgetState, is_timer: bool = False) -> bytes:
        shown = {widget for widget, _ in self.widgets.values()}
        states = [state for widget, state in self._states.items() if widget in shown]
        return _asked_for(
            self.page, self.page_hash, fragment, is_timer=is_timer, query=self.query, widgets=[*states, *clicks]
        )

    def _forget_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._asked.clear()

    async def _every(self, interval: float, name: str) -> None:
        while True:
            await asyncio.sleep(interval)
            # The server drops requests while the whole page is running; a browser repeats them.
            if self._socket and time.monotonic() - self._asked.get(name, 0.0) > max(5 * interval, 3.0):
                self._asked[name] = time.monotonic()
                with contextlib.suppress(websockets.WebSocketException):  # `watch` hears of it too
                    await self._socket.send(self._ask(name, is_timer=True))
