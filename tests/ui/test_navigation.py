"""The pages, and the titles of a browser's tab."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.ui import navigation
from tests.builders.processes import ROOT


def test_every_script_is_declared_as_one_page() -> None:
    assert {page.script for page in navigation.PAGES} == set((ROOT / "pages").glob("*.py"))
    assert len({page.path for page in navigation.PAGES}) == len(navigation.PAGES)
    assert [page.title for page in navigation.PAGES if not page.path] == ["Design"], "where a bare address leads"


def test_the_icon_is_held_by_the_page_itself() -> None:
    assert navigation.ICON.startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("runs", "title"),
    [
        ("", "Compare · MNIST Lab"),
        ("12", "Compare 12 · MNIST Lab"),
        ("3,7,11", "Compare 3, 7, 11 · MNIST Lab"),
        ("1,2,3,4,5,6,7", "Compare · MNIST Lab"),
        ("<b>1</b>", "Compare · MNIST Lab"),
        ("١٢", "Compare · MNIST Lab"),
        ("9999999999", "Compare · MNIST Lab"),
    ],
)
def test_a_tab_names_the_runs_of_its_page_and_nothing_else(runs: str, title: str) -> None:
    assert navigation.tab("Compare", runs) == title
    test = AppTest.from_string(
        "import streamlit as st\nfrom mnist_lab.ui import navigation\nst.write(navigation.tab('Compare'))"
    )
    test.query_params["runs"] = runs
    assert test.run().markdown[0].value == title, "by default those in the address"
