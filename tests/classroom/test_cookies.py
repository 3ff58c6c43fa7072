"""What a cookie is worth: nothing, unless this store's own servers have given it, and what it says still holds."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer

from mnist_lab.classroom import cookies
from mnist_lab.classroom.classroom import Classroom
from mnist_lab.classroom.cookies import DAYS, Claim, Cookies
from mnist_lab.errors import NotAllowedError, SettingError
from mnist_lab.person import Kind, system_user
from mnist_lab.store import secrets
from mnist_lab.store.people import Member
from mnist_lab.store.store import Store

TEACHER = cookies.teacher()
SECRET = "0123456789abcdef0123456789abcdef"
NOTHING = Claim()


@pytest.fixture
def room(store: Store) -> Classroom:
    found = Classroom(store)
    found.open(by=TEACHER)
    return found


@pytest.fixture
def ada(store: Store, room: Classroom) -> Member:
    return joined(store, "Ada")


def joined(store: Store, name: str) -> Member:
    current = store.classes.current()
    assert current
    member = Classroom(store).join(current.code, name)
    assert member
    return member


@pytest.fixture
def other(tmp_path: Path, empty_store: bytes) -> Iterator[Store]:
    """Another store."""
    (tmp_path / "other.db").write_bytes(empty_store)
    with contextlib.closing(Store(f"sqlite:///{tmp_path / 'other.db'}")) as found:
        yield found


def each(known: Cookies) -> list[str]:
    """A cookie of each kind."""
    return [known.teacher(), known.pupil("a-token"), known.asks("a-token")]


def test_each_cookie_says_one_thing(store: Store) -> None:
    known = Cookies(store)
    assert [known.read(value) for value in each(known)] == [Claim(True), Claim(token="a-token"), Claim(asks="a-token")]


def test_what_was_changed_on_its_way_says_nothing(store: Store) -> None:
    known = Cookies(store)
    for value in each(known):
        body, at, signature = value.split(".")
        foreign = known.pupil("another").split(".")
        changed = [
            value[:-1],
            value + "x",
            f"{value}.",
            body,
            f"{body}.{at}",
            f"{at}.{body}.{signature}",
            value.swapcase(),
        ]
        changed += [f"{foreign[0]}.{at}.{signature}", f"{body}.zzzzzz.{signature}", f"{body}.{at}.{foreign[2]}"]
        changed += [f"{body}.{at}.", f"{body}..{signature}", f" {value}", f"{value}\n", f'"{value}"', value * 100]
        assert [text for text in changed if known.read(text) != NOTHING] == []
    for text in (None, "", ".", "..", "...", "x", "é", "\x00", "\ud800", "=" * 10_000, "null", "{}"):
        assert known.read(text) == NOTHING


def test_what_others_have_signed_says_nothing(store: Store) -> None:
    known, key = Cookies(store), store.secrets.get(secrets.COOKIES)
    said = {"pupil": "a-token"}
    forged = [
        URLSafeTimedSerializer("", salt=known.name).dumps(said),
        URLSafeTimedSerializer(SECRET, salt=known.name).dumps(said),
        URLSafeTimedSerializer(key).dumps(said),
        URLSafeTimedSerializer(key, salt="mnist_lab_another").dumps(said),
        URLSafeSerializer(key, salt=known.name).dumps(said),
    ]
    assert [known.read(value) for value in forged] == [NOTHING] * len(forged)
    assert known.read(URLSafeTimedSerializer(key, salt=known.name).dumps(said)) == Claim(token="a-token"), (
        "but for these"
    )


def test_what_is_signed_and_of_no_kind_that_there_is_says_nothing(store: Store) -> None:
    known = Cookies(store)
    signer = URLSafeTimedSerializer(store.secrets.get(secrets.COOKIES), salt=known.name)
    for said in (None, 7, "pupil", ["pupil"], {}, {"teacher": None}, {"teacher": True}, {"admin": "x"}):
        assert known.read(signer.dumps(said)) == NOTHING


def test_a_cookie_is_of_use_for_so_many_days(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Cookies(store)
    given = each(known)
    began = TimestampSigner("x").get_timestamp()

    def read_after(days: float) -> list[bool]:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: began + int(days * 86_400))
        return [known.read(value) != NOTHING for value in given]

    assert read_after(DAYS - 0.01) == [True] * 3
    assert read_after(DAYS + 0.01) == [False] * 3
    assert read_after(-1) == [False] * 3, "nor is one of tomorrow"


def test_a_browser_is_who_joined_until_they_are_removed(store: Store, room: Classroom, ada: Member) -> None:
    known = Cookies(store)
    value = known.pupil(ada.token)
    assert room.rights(known.person(value)).owner == ada.key
    room.remove(ada.key, by=TEACHER)
    with pytest.raises(NotAllowedError, match="not in the class any more"):
        room.rights(known.person(value))
    again = joined(store, "Ada")
    with pytest.raises(NotAllowedError):  # her old cookie does not come back with her name
        room.rights(known.person(value))
    assert known.person(known.pupil(again.token)).key == again.key != ada.key


def test_a_browser_of_a_class_that_has_ended_is_a_stranger_in_the_next_one(
    store: Store, room: Classroom, ada: Member
) -> None:
    known = Cookies(store)
    value = known.pupil(ada.token)
    room.close(by=TEACHER)
    assert known.person(value).kind is Kind.PUPIL
    room.end(by=TEACHER)
    assert known.person(value) == system_user()
    assert room.rights(known.person(value)).are_all, "as everybody is"
    room.open(by=TEACHER)
    assert known.person(value) == system_user()
    with pytest.raises(NotAllowedError):
        room.rights(known.person(value))


def test_what_asks_to_be_somebody_is_nobody_yet(store: Store, room: Classroom, ada: Member) -> None:
    known = Cookies(store)
    for token in (ada.token, "x"):
        assert known.person(known.asks(token)) == system_user()
    assert known.person(known.pupil(ada.key)) == known.person(known.pupil(ada.name)) == system_user()


def test_a_teacher_is_one_until_the_token_changes(
    store: Store, room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Cookies(store)
    value = known.teacher()
    cookies.choose_token(store)
    assert known.person(value) == TEACHER, "as after a restart"
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "a-token-of-my-own")
    assert known.person(value) == TEACHER, "nobody has chosen it yet"
    assert cookies.choose_token(store) == "a-token-of-my-own"
    assert known.person(value) == system_user()
    assert known.person(known.teacher()) == TEACHER
    monkeypatch.delenv("MNIST_LAB_TEACHER_TOKEN")
    assert cookies.choose_token(store) == "a-token-of-my-own", "it stays until another is chosen"


def test_a_cookie_does_not_hold_the_teachers_token(store: Store) -> None:
    known, token = Cookies(store), cookies.choose_token(store)
    signer = URLSafeTimedSerializer(store.secrets.get(secrets.COOKIES), salt=known.name)
    assert token not in str(signer.loads(known.teacher())) + known.teacher() + known.name


def test_another_stores_cookies_say_nothing_here(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cookies(store).name != Cookies(other).name, "or a browser would show the one to both"
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "the-same-for-both")
    for variables in ({}, {"MNIST_LAB_SECRET": SECRET}):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for one in (store, other):
            cookies.choose_token(one)
        assert [Cookies(other).read(value) for value in each(Cookies(store))] == [NOTHING] * 3


def test_a_copy_of_the_store_with_another_key_is_another_store(store: Store, tmp_path: Path) -> None:
    known = Cookies(store)
    given = each(known)
    store.close()
    shutil.copy(tmp_path / "lab.db", tmp_path / "copy.db")
    with contextlib.closing(Store(f"sqlite:///{tmp_path / 'copy.db'}")) as copy:
        assert [Cookies(copy).read(value) != NOTHING for value in given] == [True] * 3, (
            "with the same key it is the same"
        )
        copy.secrets.set(secrets.COOKIES, SECRET)
        assert Cookies(copy).name == known.name
        assert [Cookies(copy).read(value) for value in given] == [NOTHING] * 3


@pytest.mark.parametrize("secret", ["", SECRET])
def test_several_servers_on_one_store_accept_each_others_cookies(
    store: Store, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_SECRET", secret)
    given = each(Cookies(store))
    with contextlib.closing(Store(store.database.url)) as second:
        assert [Cookies(second).read(value) != NOTHING for value in given] == [True] * 3
        monkeypatch.setenv("MNIST_LAB_SECRET", SECRET[::-1])
        assert [Cookies(second).read(value) for value in given] == [NOTHING] * 3


def test_a_secret_that_can_be_guessed_is_refused_and_not_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for guessed in ("short", SECRET[:-1], f"{SECRET} {SECRET}"):
        monkeypatch.setenv("MNIST_LAB_SECRET", guessed)
        with pytest.raises(SettingError) as refused:
            Cookies(store)
        assert guessed not in str(refused.value)


def test_only_the_token_is_the_token(store: Store) -> None:
    token = cookies.choose_token(store)
    assert len(token) >= 32
    assert cookies.is_token(store, token)
    for text in ("", token[:-1], token + "x", token.swapcase(), f" {token}", "\x00", "é", token * 1000):
        assert not cookies.is_token(store, text)


def test_the_command_line_is_the_teachers_with_the_token_only(
    store: Store, room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cookies.command_line(store) == system_user()
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "not-the-token-of-it")
    assert cookies.command_line(store) == system_user()
    with pytest.raises(NotAllowedError):
        room.rights(cookies.command_line(store))
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", cookies.choose_token(store))
    assert cookies.command_line(store) == TEACHER
