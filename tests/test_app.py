"""What the server's script sets up for all pages."""

import runpy
import sys
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner.exec_code import modified_sys_path

from tests.builders.processes import ROOT


def test_a_run_of_a_page_moves_nothing_where_another_thread_looks_for_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(config, "_main_script_path", None)
    router = runpy.run_path(f"{ROOT}/app.py")["ROUTER"]
    before = list(sys.path)
    with modified_sys_path(str(router)):
        assert sys.path == before


def test_the_server_starts_without_a_teachers_link_where_the_store_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    told = runpy.run_path(f"{ROOT}/app.py")["_told_to_the_teacher"]
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", f"sqlite:///{tmp_path / 'lab.db'}")
    assert "/teach/" in told()
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "short")
    assert told() == (
        "Teacher's link: there is none; MNIST_LAB_TEACHER_TOKEN should be 12 to 200 letters, digits, - and _; "
        "received 5 characters."
    )
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", "nonsense")
    assert told().startswith("Teacher's link: there is none; ")
