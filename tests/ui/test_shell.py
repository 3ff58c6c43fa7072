"""The HTML around every page."""

import asyncio
import re

import pytest
from streamlit import config

from mnist_lab.ui import navigation, shell


def served(path: str, base: str = "") -> bytes:
    """What the server answers at a path: the body, or of a file its content."""
    (route,) = [route for route in shell.routes() if route.path == base + path]
    answer = asyncio.run(route.endpoint(None))
    return answer.path.read_bytes() if hasattr(answer, "path") else bytes(answer.body)


def test_every_page_is_served_with_the_labs_title_and_the_labs_own_icon() -> None:
    for page in navigation.PAGES:
        assert b"<title>MNIST Lab</title>" in served(f"/{page.path}")
    assert served("/favicon.png") == navigation.ICON_FILE.read_bytes()


def test_below_another_path_everything_is_there_too() -> None:
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/lab/")
    try:
        assert served("/train", base="/lab") == shell.html().encode()
        assert served("/favicon.png", base="/lab") == navigation.ICON_FILE.read_bytes()
    finally:
        config.set_option("server.baseUrlPath", before)


@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.title)
def test_from_any_page_a_browser_looks_for_the_server_at_its_root(page: navigation.Page) -> None:
    found = re.search(r"pathname\.replace\(/(.*)/, \"\"\)", shell.html())
    assert found
    for base in ("/", "/lab/"):
        assert re.sub(found[1], "", base + page.path) == base
