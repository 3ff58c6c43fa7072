"""What the server lets browsers do: which requests it refuses, and what its pages may load, send to and be framed by.

There is no password, so whatever a browser on this machine or network shows could otherwise use the lab: a page of
another site may open a websocket to it, put it into a frame, or have its own name point to this machine's address.
"""

import base64
import hashlib
import ipaddress
import logging
import re
import socket
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import config
from streamlit.web.server import server_util

from mnist_lab.ui import network, shell

log = logging.getLogger("mnist_lab.guard")

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(:(?P<port>\d{1,5}))?", re.IGNORECASE)
_READS = {"GET", "HEAD", "OPTIONS"}
_MOST_TOLD = 20
_REFERRER, _NO_REFERRER = "Referrer-Policy", "no-referrer"  # which an answer may ask for, as it is stricter


def content_policy(page: str) -> str:
    """The Content-Security-Policy under which a page of Streamlit's works, from its HTML: nothing from elsewhere.

    Streamlit styles its elements one by one, and imports the scripts of components from blobs.
    """
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline]
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self' blob:", *(f"'sha256-{each}'" for each in hashes)]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class Guard:
    """ASGI middleware around the whole server.

    A websocket and whatever changes something must come from a page of this server: browsers say so in `Origin`, which
    has to be the address that they ask, or the one in the option `browser.serverAddress` (of a proxy that asks by
    another name). And the address that is asked must be one of this server's: an IP address, a name without a dot, this
    machine's own name, or one in `browser.serverAddress` or `server.allowedHosts`. Other names may be somebody's who has
    them point here, so that his pages and the lab are one site to a browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._told: set[str] = set()
        self._headers = {
            "Content-Security-Policy": content_policy(shell.html()),
            "X-Frame-Options": "DENY",  # for browsers that know no frame-ancestors
            "X-Content-Type-Options": "nosniff",
            _REFERRER: "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                kept = {_REFERRER: _NO_REFERRER} if headers.get(_REFERRER) == _NO_REFERRER else {}
                headers.update(self._headers | kept)
            await send(message)

        answer: ASGIApp = self.app
        if why := refusal(scope):
            self._tell(why)
            answer = PlainTextResponse(why, 403) if scope["type"] == "http" else WebSocketClose(1008)
        await answer(scope, receive, send_with_headers)

    def _tell(self, why: str) -> None:
        """Log it, once, and not without end: a refused client may ask as often as it likes."""
        if why not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(why)
            log.warning("refused: %s", why)


def addresses() -> list[str]:
    """Where this server's pages are: for this machine, and for others where they may come."""
    if _is_open():
        return [server_util.get_url("localhost"), *addresses_for_others()[:1]]
    return [server_util.get_url(_public_name() or _in_url(st.get_option("server.address")))]


def addresses_for_others(asked: str = "") -> list[str]:
    """Where this server's pages are for other devices on the network, the likeliest first; none where they cannot come.

    Args:
        asked: the host that a browser asked, without the port.
    """
    if _is_open():
        return [server_util.get_url(host) for host in network.hosts(asked)]
    if _public_name() or not network.is_loopback(st.get_option("server.address")):
        return addresses()
    return []


def _is_open() -> bool:
    """Whether the server listens on all interfaces, and has no public name."""
    return not _public_name() and st.get_option("server.address") in (None, "", "0.0.0.0", "::")  # noqa: S104


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def refusal(scope: Scope) -> str:
    """Why a request is not answered, in a sentence; empty where it is."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if host and not _is_ours(host):
        return (
            f"{host[:80]!r} is not known as a name of this lab: use its IP address, or start it with "
            "--browser.serverAddress and that name."
        )
    origins = headers.getlist("origin")
    if not origins and scope["type"] == "http" and scope["method"] in _READS:
        return ""
    if len(origins) == 1 and _is_same_site(origins[0], host):
        return ""
    received = ", ".join(origins)[:80] or "nothing"
    return (
        f"Origin should be the lab's own address, {host[:80]!r}: only its own pages may use it; received {received!r}. "
        "Behind a proxy that asks by another name, start it with --browser.serverAddress and the public name."
    )


def _is_ours(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if not found:
        return False
    name = found["name"].lower().rstrip(".")
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return "." not in name or any(fnmatchcase(name, ours.lower()) for ours in _names())
    return True


def _names() -> list[str]:
    """Names with a dot that are this server's, as patterns."""
    machine = socket.gethostname()
    named = [_public_name(), st.get_option("server.address")]
    names = [machine, f"{machine.split('.')[0]}.local", "*.localhost", *st.get_option("server.allowedHosts")]
    return [*names, *(name for name in named if name)]


def _public_name() -> str | None:
    """The name in `browser.serverAddress` where somebody set it: else it is a guess of Streamlit's."""
    named = st.get_option("browser.serverAddress") if config.is_manually_set("browser.serverAddress") else ""
    return urlsplit(named if "//" in named else f"//{named}").hostname


def _is_same_site(origin: str, host: str) -> bool:
    try:
        site = urlsplit(origin)
        port = site.port
    except ValueError:
        return False
    if site.scheme not in ("http", "https") or not site.hostname:
        return False
    if site.netloc.lower() == host.lower():
        return True
    return site.hostname == _public_name() and port in (None, int(st.get_option("browser.serverPort")))
