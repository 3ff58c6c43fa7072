"""Every environment variable of the lab is understood or refused."""

import re

import pytest

from mnist_lab import settings
from mnist_lab.errors import SettingError
from tests.builders.processes import ROOT


@pytest.mark.parametrize("text", ["20000000", "20_000_000", "20e6", "2E+7", "2.0e7", " 20000000 "])
def test_a_number_is_understood_however_it_is_written(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(settings.MAX_PARAMETERS, text)
    assert settings.number(settings.MAX_PARAMETERS, 5) == 20_000_000
    settings.check()


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_one_is_as_if_it_were_not_set(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(settings.WORKERS, text)
    assert settings.number(settings.WORKERS, 5) == 5
    settings.check()


WRONG = [
    "0",
    "-1",
    "1.5",
    "2.5e0",
    "1e-3",
    "many",
    "20.000",
    "20,000",
    "0x10",
    "nan",
    "inf",
    "1e999",
    "9" * 5000,
    "1__0",
]


@pytest.mark.parametrize("variable", settings.NUMBERS)
@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:9])
def test_what_is_no_number_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(
        SettingError, match=rf"^{variable} should be a whole number from 1 to [\d,]+; received "
    ) as caught:
        settings.check()
    assert repr(text[:40]) in str(caught.value)


def test_a_variable_of_no_such_name_is_refused_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_WORKER", "1")
    with pytest.raises(
        SettingError, match="MNIST_LAB_WORKER is not a setting of the lab; unset it, or set MNIST_LAB_WORKERS"
    ):
        settings.check()


def test_all_that_the_lab_and_its_documents_name_are_known() -> None:
    documents = [ROOT / "README.md", *(ROOT / ".github" / "docs").glob("*.md")]
    files = [*documents, ROOT / "app.py", *(ROOT / "mnist_lab").rglob("*.py")]
    named = {name for file in files for name in re.findall(r"MNIST_LAB_[A-Z_]*[A-Z]", file.read_text(encoding="utf-8"))}
    assert named == {settings.DATABASE_URL, *settings.NUMBERS, *settings.TEXTS}
