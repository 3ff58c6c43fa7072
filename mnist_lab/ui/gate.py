"""Who gets to the lab's pages: while a class is on, only its people and its teacher; everybody else is led to the door."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mnist_lab.errors import LabError, NotAllowedError
from mnist_lab.ui import session, shell


class Gate:
    """ASGI middleware before the pages. What a page shows and does is decided by the use cases that it calls, for it may
    have been open already when the class was opened; this leads a stranger to where they can become somebody.

    Streamlit answers any path that it does not know with its page, so that more is asked for than the pages' own paths:
    whatever a browser wants to show in a window.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages = set(shell.pages())
        self._doors = {f"{shell.base()}/join", f"{shell.base()}/join/wait"}
        self._others = tuple(f"{shell.base()}/{path}" for path in ("teach/", "_stcore/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_page(request := Request(scope)) and await _is_stranger(request):
            led = RedirectResponse(f"{shell.base()}/join", 303, {"Cache-Control": "no-store"})
            await led(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_page(self, request: Request) -> bool:
        path = request.url.path
        if request.method not in ("GET", "HEAD") or path in self._doors or path.startswith(self._others):
            return False
        return path in self._pages or "text/html" in request.headers.get("accept", "")


async def _is_stranger(request: Request) -> bool:
    try:
        await run_in_threadpool(_rights, request)
    except NotAllowedError:
        return True
    except LabError:  # the page says so itself, and has nothing else to show
        return False
    return False


def _rights(request: Request) -> None:
    known = session.cookies()
    session.lab().classroom.rights(known.person(request.cookies.get(known.name)))
