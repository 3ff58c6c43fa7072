"""The HTML around every page."""

import asyncio
import re

import pytest
from starlette.requests import Request
from starlette.responses import Response
from streamlit import config

from mnist_lab.charts import swatch
from mnist_lab.charts.style import look
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


def look_served(name: str) -> Response:
    (route,) = [route for route in shell.routes() if "looks" in route.path]
    return asyncio.run(route.endpoint(Request({"type": "http", "path_params": {"name": name}})))


def test_the_small_picture_of_each_look_is_served_where_tables_say_and_nothing_else_is() -> None:
    assert shell.picture(look(1)) == "/looks/vermilion-dashed-square.svg"
    found = look_served("vermilion-dashed-square")
    assert (found.media_type, bytes(found.body).decode()) == ("image/svg+xml", swatch.svg(look(1)))
    for name in ("", "vermilion", "../favicon", "vermilion-dashed-square.svg", "<svg>"):
        assert look_served(name).status_code == 404


def test_below_another_path_everything_is_there_too() -> None:
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/lab/")
    try:
        assert served("/train", base="/lab") == shell.html().encode()
        assert served("/favicon.png", base="/lab") == navigation.ICON_FILE.read_bytes()
        assert shell.picture(look(0)) == "/lab/looks/blue-solid-circle.svg"
        assert "/lab/looks/{name}.svg" in [route.path for route in shell.routes()]
    finally:
        config.set_option("server.baseUrlPath", before)


@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.title)
def test_from_any_page_a_browser_looks_for_the_server_at_its_root(page: navigation.Page) -> None:
    found = re.search(r"pathname\.replace\(/(.*)/, \"\"\)", shell.html())
    assert found
    for base in ("/", "/lab/"):
        assert re.sub(found[1], "", base + page.path) == base
