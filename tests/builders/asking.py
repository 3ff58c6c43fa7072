"""A browser as a server sees it, without a network between them: it keeps cookies, and says where its forms are from."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp, Message

HOST = "192.168.1.20:8501"


@dataclass(frozen=True)
class Answer:
    """What a server answers; names of headers in small letters."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def to(self) -> tuple[int, str]:
        """Its status, and where it leads."""
        return self.status, self.headers.get("location", "")


@dataclass
class Asking:
    """A browser at a network address.

    Attributes:
        cookies: that it shows, by name. A server's paths for them are not heeded.
    """

    app: ASGIApp
    address: str = "192.168.1.50"
    scheme: str = "http"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for what a window shows."""
        return self.ask("GET", path, {"accept": "text/html,*/*;q=0.8"} | headers)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form of a page of this server."""
        return self.ask("POST", path, {"origin": f"{self.scheme}://{HOST}"}, urlencode(fields).encode())

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send any request."""
        return asyncio.run(self._ask(method, path, headers, body))

    def connects(self) -> bool:
        """Whether a page of this server may open a websocket."""
        return asyncio.run(self._connects())

    async def _connects(self) -> bool:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"host": HOST, "origin": f"{self.scheme}://{HOST}", "cookie": cookie}
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": "/_stcore/stream",
            "query_string": b"",
            "root_path": "",
            "subprotocols": [],
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": (self.address, 50000),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        with contextlib.suppress(AssertionError, RuntimeError):  # of what is served, which knows no websockets
            await self.app(scope, receive, send)
        return not any(message["type"] == "websocket.close" and message["code"] == 1008 for message in sent)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        url = urlsplit(path)
        given = {"host": HOST, **headers}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": self.scheme,
            "path": url.path,
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (self.address, 50000),
            "server": (HOST.partition(":")[0], 8501),
        }
        sent: list[Message] = []
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        found = [(name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]]
        for name, value in found:
            if name == "set-cookie":
                self._keep(value)
        return Answer(start["status"], dict(found), b"".join(part.get("body", b"") for part in rest).decode())

    def _keep(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
