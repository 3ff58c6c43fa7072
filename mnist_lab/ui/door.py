"""How one enters a class: the teacher by a link, pupils by a code and their name. Plain pages, served without Streamlit."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from mnist_lab.classroom.classroom import Classroom, checked
from mnist_lab.classroom.cookies import DAYS, Claim, choose_token, is_token, stage_of
from mnist_lab.errors import InputError, LabError, NotAllowedError
from mnist_lab.person import Kind
from mnist_lab.store.people import Member
from mnist_lab.ui import door_page, guard, session, shell
from mnist_lab.ui.attempts import Attempts, TooManyError
from mnist_lab.ui.door_page import Form

_MOST_BYTES = 10_000  # of a form
_REFRESH_SECONDS = 3
_VISIT = 22  # characters
_MOST_VISITS = 1000
_MOST_ENTRIES = 40  # a minute from one address
_HEADERS = {"Cache-Control": "no-store"}
_NONE = "No class is open here at the moment, and nobody is asked for a name."


def teachers_links() -> list[str]:
    """The links that make a browser the teacher's, by each address of this server."""
    token = choose_token(session.lab().store)
    return [f"{address}/teach/{token}" for address in guard.addresses()]


class Door:
    """The routes by which browsers become somebody's.

    Args:
        codes: wrong codes so far, by network address.
        tokens: wrong tokens of a teacher. Apart, so that pupils behind the teacher's address do not lock the teacher out.
        entries: of people, right or not: a class behind one address comes in within a minute or two, and nobody fills it.
        stages: wrong tokens of a stage, apart for the same reason.
    """

    def __init__(
        self,
        codes: Attempts | None = None,
        tokens: Attempts | None = None,
        entries: Attempts | None = None,
        stages: Attempts | None = None,
    ) -> None:
        self._codes, self._tokens = codes or Attempts(), tokens or Attempts()
        self._entries, self._stages = entries or Attempts(_MOST_ENTRIES), stages or Attempts()
        # An impatient second click sends the form again, and the browser drops the answer to the first one: who joined by
        # it would be told that the name is taken. So the cookies of the latest forms are kept by what was sent.
        self._sent: OrderedDict[tuple[str, str, bool], str] = OrderedDict()
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """Where it is served."""
        base = shell.base()
        return [
            Route(f"{base}/teach/{{token}}", _answered(self._teach)),
            Route(f"{base}/watch/{{token}}", _answered(self._watch)),
            Route(f"{base}/join", _answered(_join)),
            Route(f"{base}/join", _sent(self._joined), methods=["POST"]),
            Route(f"{base}/join/wait", _answered(_wait)),
            Route(f"{base}/leave", _answered(_leave), methods=["POST"]),
        ]

    def _teach(self, request: Request) -> Response:
        """The answer to a teacher's link. Nothing that it leads to learns the link: a browser may tell where it comes from.
        (A form's page may not ask for that, for its browser would not say in `Origin` where the form is from.)"""
        answer = self._taught(request)
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    def _taught(self, request: Request) -> Response:
        title = "Not the teacher's link"
        try:
            if self._tokens.check(
                _address(request), lambda: is_token(session.lab().store, request.path_params["token"])
            ):
                return _known(request, session.cookies().teacher(), "/class")
        except TooManyError as error:
            return _too_many(door_page.saying(shell.base(), title, str(error)), error)
        sentence = "This is not the teacher's link: open the one that the server printed when it started."
        return _page(door_page.saying(shell.base(), title, sentence, to_join=True), 403)

    def _watch(self, request: Request) -> Response:
        """The answer to the link to the class's stage, for a projector's browser. Who is somebody already stays that."""
        answer = self._watched(request)
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    def _watched(self, request: Request) -> Response:
        title = "Not the stage's link"
        if _is_somebody(request):
            return _to("/stage")
        try:
            token = request.path_params["token"]
            store = session.lab().store
            self._stages.check(_address(request), lambda: stage_of(store, token) is not None)
            class_id = stage_of(store, token)
        except TooManyError as error:
            return _too_many(door_page.saying(shell.base(), title, str(error)), error)
        if class_id is not None:
            return _known(request, session.cookies().looker(class_id), "/stage")
        sentence = "This is not the link to the class's stage: the teacher finds it on the Class page, under Stage."
        return _page(door_page.saying(shell.base(), title, sentence, to_join=True), 403)

    def _joined(self, request: Request, sent: dict[str, str]) -> Response:
        """The answer to a form: whoever it is from is in, or waits for the teacher, or mends what is wrong."""
        if _is_somebody(request):
            return _to("/join")
        room = session.lab().classroom
        given = Form(_visit(sent.get("visit", "")), sent.get("code", ""), sent.get("name", ""))
        try:
            given = replace(given, name=checked(given.name))
        except InputError as error:
            given = replace(given, wrong_name=str(error))
        try:
            if not given.code.strip():
                given = replace(given, wrong_code="Code: type the code that stands on the class's screen.")
            elif not self._codes.check(_address(request), lambda: room.is_code(given.code)):
                given = replace(
                    given, wrong_code="Code: this is not the code of the class; read it again off the screen."
                )
            if given.is_wrong:
                return _form(given, 400)
            return self._entered(request, room, given, asks="asks" in sent)
        except TooManyError as error:
            return _too_many(door_page.form(shell.base(), replace(given, wrong_code=str(error))), error)
        except InputError as error:
            if not room.is_open():
                return _nobody_joins(room, 409)
            return _form(replace(given, wrong=str(error)), 409)

    def _entered(self, request: Request, room: Classroom, given: Form, *, asks: bool) -> Response:
        """Let somebody in, or have the teacher asked, whose code and name are right."""
        key = (given.visit, given.name, asks)
        with self._lock:
            cookie = self._sent.get(key)
            if cookie is None:
                self._entries.count(_address(request))
                cookies = session.cookies()
                request_token = room.ask_to_be(given.code, given.name) if asks else None
                member = None if request_token else room.join(given.code, given.name)
                if request_token:
                    cookie = cookies.asks(request_token)
                elif member:
                    cookie = cookies.pupil(member.token)
                else:
                    taken = f"Name: somebody in the class is called {given.name!r} already; choose another one."
                    return _form(replace(given, wrong_name=taken, is_taken=True), 409)
                self._sent[key] = cookie
                while len(self._sent) > _MOST_VISITS:
                    self._sent.popitem(last=False)
        return _known(request, cookie, "/join/wait" if session.cookies().read(cookie).asks else "/")


def _join(request: Request) -> Response:
    """The page with the form, or what there is instead."""
    base, room, known = shell.base(), session.lab().classroom, session.cookies()
    cookie = request.cookies.get(known.name)
    person = known.person(cookie)
    gone = ""
    if person.kind is Kind.TEACHER:
        return _page(door_page.teacher(base))
    if person.kind is Kind.PUPIL:
        try:
            return _page(door_page.member(base, room.name(person)))
        except NotAllowedError as error:
            gone = str(error)
    if not room.is_open():
        return _nobody_joins(room)
    if _admitted(known.read(cookie)):
        return _to("/join/wait")
    return _form(Form(_visit(), request.query_params.get("code", "")[:20], wrong=gone))


def _wait(request: Request) -> Response:
    """Whoever asked to be let in learns what the teacher says."""
    room, known = session.lab().classroom, session.cookies()
    claim = known.read(request.cookies.get(known.name))
    if claim.asks is None:
        return _to("/join")
    admitted = _admitted(claim)
    if isinstance(admitted, Member):
        return _known(request, known.pupil(admitted.token), "/")
    if admitted:
        waits = _page(door_page.waiting(shell.base()))
        waits.headers["Refresh"] = str(_REFRESH_SECONDS)
        return waits
    if room.is_open():
        refused = Form(_visit(), wrong="Your teacher has not let you in under this name: join under another one.")
        return _forgotten(_form(refused))
    return _forgotten(_nobody_joins(room))


def _leave(request: Request) -> Response:
    known = session.cookies()
    if token := known.read(request.cookies.get(known.name)).asks:
        session.lab().classroom.withdraw(token)
    return _forgotten(_to("/join"))


def _admitted(claim: Claim) -> Member | bool:
    return session.lab().classroom.admitted(claim.asks) if claim.asks else False


def _is_somebody(request: Request) -> bool:
    """Whether a browser is the teacher's, or of somebody in the class. A projector's may yet become somebody's."""
    known = session.cookies()
    person = known.person(request.cookies.get(known.name))
    try:
        session.lab().classroom.rights(person)
    except NotAllowedError:
        return False
    return person.kind in (Kind.TEACHER, Kind.PUPIL)


# Answers


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, _HEADERS)


def _form(given: Form, status: int = 200) -> Response:
    return _page(door_page.form(shell.base(), given), status)


def _nobody_joins(room: Classroom, status: int = 200) -> Response:
    if room.is_on():
        return _page(door_page.closed(shell.base()), status)
    return _page(door_page.saying(shell.base(), "No class is open", _NONE, to_lab=True), status)


def _too_many(html: str, error: TooManyError) -> Response:
    answer = _page(html, HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _to(path: str) -> Response:
    """Lead on to a path of ours: never to one that somebody sent."""
    return RedirectResponse(shell.base() + path, 303, _HEADERS)


def _known(request: Request, cookie: str, path: str) -> Response:
    """Lead on with a cookie."""
    answer = _to(path)
    answer.set_cookie(
        session.cookies().name,
        cookie,
        max_age=DAYS * 86_400,
        path=shell.base() or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _forgotten(answer: Response) -> Response:
    """Take the cookie away with an answer."""
    answer.delete_cookie(session.cookies().name, path=shell.base() or "/", httponly=True, samesite="lax")
    return answer


# Requests


def _answered(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An endpoint, which Starlette calls in a thread. Where the store cannot be used it says so in a sentence."""

    def endpoint(request: Request) -> Response:
        return _safely(lambda: answer(request))

    return endpoint


def _sent(answer: Callable[[Request, dict[str, str]], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a form."""

    async def endpoint(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                sentence = "What was sent is longer than a code and a name: go back and try again."
                return _page(door_page.saying(shell.base(), "Too long", sentence, to_join=True), 413)
        sent = dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))
        return await run_in_threadpool(_safely, lambda: answer(request, sent))

    return endpoint


def _safely(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except LabError as error:
        return _page(door_page.saying(shell.base(), "The lab cannot be used now", str(error)), 503)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _visit(sent: str = "") -> str:
    """What tells a form that was sent twice; a new one where none of ours was sent."""
    return sent if len(sent) == _VISIT and sent.isalnum() else secrets.token_hex(_VISIT // 2)
