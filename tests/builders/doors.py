"""The way into a class as a server has it: routes, guard and gate over a real store, without a network."""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from mnist_lab.classroom import cookies
from mnist_lab.store.classes import Class
from mnist_lab.store.store import Store
from mnist_lab.ui import door, gate, guard, shell
from mnist_lab.ui.attempts import Attempts
from tests.builders.asking import Asking

TEACHER = cookies.teacher()


class Clock:
    """A clock that stands still until a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def served(clock: Clock | None = None) -> Starlette:
    """What the server serves of its own. Another one on the same store is like a restarted one."""
    codes, tokens, stages = (Attempts(clock=clock or Clock()) for _ in range(3))
    middleware = [Middleware(guard.Guard), Middleware(gate.Gate)]
    return Starlette(routes=[*door.Door(codes, tokens, stages=stages).routes(), *shell.routes()], middleware=middleware)


def current(store: Store) -> Class:
    """The class that is on."""
    room = store.classes.current()
    assert room
    return room


def joined(app: Starlette, store: Store, name: str) -> Asking:
    """The browser of somebody who is in."""
    browser = Asking(app)
    assert browser.post("/join", code=current(store).code, name=name).to == (303, "/")
    return browser


def taught(app: Starlette, store: Store) -> Asking:
    """The teacher's browser."""
    browser = Asking(app)
    assert browser.get(f"/teach/{cookies.choose_token(store)}").to == (303, "/class")
    return browser
