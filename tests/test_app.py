"""What the server's script sets up for all pages."""

import runpy
import sys

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
