"""The cookie by which a browser is known. It is signed, and only says who somebody is; what they may do is in the store."""

import hashlib
from dataclasses import dataclass
from secrets import compare_digest

from itsdangerous import BadData, URLSafeTimedSerializer

from mnist_lab import settings
from mnist_lab.person import Kind, Person, system_user
from mnist_lab.store import secrets
from mnist_lab.store.store import Store

DAYS = 180
_TEACHER, _PUPIL, _ASKS, _STAGE = "teacher", "pupil", "asks", "stage"


@dataclass(frozen=True)
class Claim:
    """What a valid cookie says.

    Attributes:
        is_teacher: whether it was given for the teacher's token.
        token: a member's, or None.
        asks: the token of a request to be let in, or None.
        stage: what it has of the token of a stage's link, or None.
    """

    is_teacher: bool = False
    token: str | None = None
    asks: str | None = None
    stage: str | None = None


class Cookies:
    """The cookies of a store: every server on it writes and accepts the same.

    Attributes:
        name: of the cookie; with the store's id, since a browser shows the cookies of all servers on one machine to each.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.name = f"mnist_lab_{store.secrets.get(secrets.STORE_ID)[:12].replace('-', '_')}"
        key = settings.secret(settings.SECRET) or store.secrets.get(secrets.COOKIES)
        self._signer = URLSafeTimedSerializer(key, salt=self.name)

    def teacher(self) -> str:
        """The value of a teacher's cookie."""
        return self._signer.dumps({_TEACHER: self._digest(secrets.TEACHER)})

    def pupil(self, token: str) -> str:
        """The value of a member's cookie."""
        return self._signer.dumps({_PUPIL: token})

    def asks(self, token: str) -> str:
        """The value of the cookie of whoever waits to be let in."""
        return self._signer.dumps({_ASKS: token})

    def looker(self, class_id: int) -> str:
        """The value of the cookie of a browser that shows a class's stage."""
        return self._signer.dumps({_STAGE: self._digest(secrets.of_stage(class_id))})

    def read(self, value: str | None) -> Claim:
        """What a cookie says; nothing where it is forged, old, of another store or of no kind that there is."""
        try:
            said = self._signer.loads(value or "", max_age=DAYS * 86_400)
        except (BadData, UnicodeError):
            return Claim()
        if not isinstance(said, dict):
            return Claim()
        token, asks, stage = (str(said[name]) if name in said else None for name in (_PUPIL, _ASKS, _STAGE))
        is_teacher = _TEACHER in said and said[_TEACHER] == self._digest(secrets.TEACHER)
        return Claim(is_teacher, token, asks, stage)

    def person(self, value: str | None) -> Person:
        """Who shows a cookie. While no class is on, everybody but the teacher is the system's user."""
        claim = self.read(value)
        if claim.is_teacher:
            return teacher()
        member = self._store.people.by_token(claim.token) if claim.token else None
        room = self._store.classes.current() if member or claim.stage else None
        if member and room and member.class_id == room.id:
            return Person(member.key, Kind.PUPIL)
        if room and claim.stage == self._digest(secrets.of_stage(room.id)):
            return looker()
        return system_user()

    def _digest(self, secret: str) -> str:
        """Of a token: with another token, the cookies that were given for the last one are void."""
        return hashlib.sha256(self._store.secrets.get(secret).encode()).hexdigest()[:32]


def choose_token(store: Store) -> str:
    """The token in the teacher's link, for a server that starts: `MNIST_LAB_TEACHER_TOKEN`, else the store's own.

    It is kept in the store, where every other server and the command line find it.
    """
    if chosen := settings.secret(settings.TEACHER_TOKEN):
        store.secrets.set(secrets.TEACHER, chosen)
    return store.secrets.get(secrets.TEACHER)


def is_token(store: Store, text: str) -> bool:
    """Whether a text is the teacher's token."""
    return compare_digest(text.encode(), store.secrets.get(secrets.TEACHER).encode())


def stage_of(store: Store, text: str) -> int | None:
    """The id of the class that is on, where a text is the token of its stage; else None."""
    room = store.classes.current()
    if room is None:
        return None
    its = store.secrets.get(secrets.of_stage(room.id))
    return room.id if compare_digest(text.encode(), its.encode()) else None


def command_line(store: Store) -> Person:
    """Who works at the command line: the teacher where `MNIST_LAB_TEACHER_TOKEN` is the token, else the system's user."""
    token = settings.secret(settings.TEACHER_TOKEN)
    return teacher() if token and is_token(store, token) else system_user()


def teacher() -> Person:
    """The teacher, whose runs and designs are those of the system's user."""
    return Person(system_user().key, Kind.TEACHER)


def looker() -> Person:
    """Whoever looks at the class's stage, which is nobody in particular."""
    return Person("looker-on", Kind.LOOKER)
