"""Who asks."""

import pytest

from mnist_lab import person
from mnist_lab.person import Person, system_user


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        *(("ada", "ada"), ("ada\u202e\n", "ada"), ("a\udce4b", "ab"), ("", "user 12345"), ("\u200b", "user 12345")),
        *(("pupil 7", "user pupil 7"), ("pupil", "pupil")),  # no account is taken for a pupil
    ],
)
def test_a_person_has_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    monkeypatch.setattr(person.getpass, "getuser", lambda: given)
    monkeypatch.setattr(person.os, "getuid", lambda: 12345)
    assert system_user() == Person(kept)


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_has_its_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(person.getpass, "getuser", nobody)
    monkeypatch.setattr(person.os, "getuid", lambda: 12345)
    assert system_user() == Person("user 12345")
