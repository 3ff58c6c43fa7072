"""Who gets to the lab's pages: while a class is on, only its people and its teacher; everybody else is led to the door."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from mnist_lab.classroom.rights import JOIN_FIRST
from mnist_lab.errors import LabError, NotAllowedError
from mnist_lab.ui import session, shell


class Gate:
    """ASGI middleware before the pages. What a page shows and does is decided by the use cases that it calls, for it may
    have been open already when the class was opened; this leads a stranger to where they can become somebody.

    Streamlit answers any path that it does not know with its page, so that more is asked for than the pages' own paths:
    whatever a browser wants to show in a window. A stranger gets no connection for a page either, and neither fetches nor
    sends files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages = set(shell.pages())
        self._doors = {f"{shell.base()}/join", f"{shell.base()}/join/wait"}
        self._files = tuple(f"{shell.base()}/{path}" for path in ("media/", "_stcore/upload_file/"))
        self._others = tuple(f"{shell.base()}/{path}" for path in ("teach/", "watch/", "_stcore/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self.app
        if scope["type"] == "websocket" and await _is_stranger(HTTPConnection(scope)):
            answer = WebSocketClose(1008)
        elif scope["type"] == "http":
            request = Request(scope)
            if self._is_page(request) and await _is_stranger(request):
                answer = RedirectResponse(f"{shell.base()}/join", 303, {"Cache-Control": "no-store"})
            elif request.url.path.startswith(self._files) and await _is_stranger(request):
                answer = PlainTextResponse(JOIN_FIRST, 403)
        await answer(scope, receive, send)

    def _is_page(self, request: Request) -> bool:
        path = request.url.path
        if request.method not in ("GET", "HEAD") or path in self._doors or path.startswith(self._others):
            return False
        return path in self._pages or "text/html" in request.headers.get("accept", "")


async def _is_stranger(asking: HTTPConnection) -> bool:
    try:
        await run_in_threadpool(_rights, asking)
    except NotAllowedError:
        return True
    except LabError:  # the page says so itself, and has nothing else to show
        return False
    return False


def _rights(asking: HTTPConnection) -> None:
    known = session.cookies()
    session.lab().classroom.rights(known.person(asking.cookies.get(known.name)))
