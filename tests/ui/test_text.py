"""What people wrote, shown as they wrote it: by Streamlit itself in a real browser."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_lab.ui.text import plain
from tests.builders.processes import ROOT, browser, server, wait_until
from tests.builders.texts import TEXTS

SCRIPT = """
import streamlit as st
from mnist_lab.ui.text import plain
from tests.builders.texts import TEXTS
for i, text in enumerate(TEXTS):
    with st.container(key=f"t{i}"):
        st.markdown(plain(text))
        st.caption(f"Run 3: {plain(text)}, seed 1")
        st.button(plain(text), key=f"b{i}")
        st.markdown(f"**{plain(text)}** :blue-badge[{plain(text)}]")
"""


def test_usual_names_and_sentences_need_nothing() -> None:
    for text in (
        "3x3, changed",
        "7×7",
        "Address: run should be the number of a run; received '-1'.",
        "conv-net 98.2 %",
    ):
        assert plain(text) == text


def test_a_text_is_shown_as_it_was_written(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "texts.py"
    script.write_text(SCRIPT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the lab's own server finds it by itself, a script elsewhere does not
    for name, value in (("SERVER_ADDRESS", "localhost"), ("BROWSER_GATHER_USAGE_STATS", "false")):
        monkeypatch.setenv(f"STREAMLIT_{name}", value)
    with server(url, script) as running, browser() as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(running.url)
        texts = page.get_by_test_id("stMarkdownContainer").or_(page.get_by_test_id("stCaptionContainer"))
        wait_until(lambda: texts.count() == 4 * len(TEXTS), "all is there")
        wait_until(lambda: page.get_by_test_id("stSkeleton").count() == 0, "all of it is drawn")
        boxes = iter(texts.evaluate_all(WORDS_AND_ELEMENTS))
        for text in TEXTS:
            words = " ".join(text.split())
            for expected in (words, f"Run 3: {words}, seed 1", words, f"{words} {words}"):
                shown, elements = next(boxes)
                assert " ".join(shown.split()) == expected
                assert set(elements) <= {"P", "SPAN", "BR", "STRONG"}, (text, elements)
        assert not [address for address in asked if not address.startswith(running.url)]


WORDS_AND_ELEMENTS = "boxes => boxes.map(b => [b.innerText, [...b.querySelectorAll('*')].map(e => e.tagName)])"

SHOWN = {"error", "warning", "info", "success", "markdown", "caption", "subheader", "header", "write", "toast"}
WRITTEN = {"name", "title", "note", "owner", "error", "caveat", "words", "problem"}


@pytest.mark.parametrize(
    "file",
    sorted([*ROOT.glob("pages/*.py"), *ROOT.glob("mnist_lab/ui/**/*.py")]),
    ids=lambda f: f"{f.parent.name}/{f.stem}",
)
def test_nothing_that_people_wrote_is_given_to_streamlit_as_it_is(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in SHOWN and call.args:
            raw = [
                part
                for part in outside_of_plain(call.args[0])
                if isinstance(part, ast.Attribute) and part.attr in WRITTEN
            ]
            assert not raw, f"line {call.lineno}: {ast.unparse(call)}"


def outside_of_plain(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "plain":
        return
    yield node
    for child in [node.body, node.orelse] if isinstance(node, ast.IfExp) else ast.iter_child_nodes(node):
        yield from outside_of_plain(child)
