"""The HTML around every page: Streamlit's own, with the lab's title and icon, where its server is, and a script for what its
pages lack."""

import functools
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from streamlit import file_util

from mnist_lab.charts import swatch
from mnist_lab.charts.style import Look
from mnist_lab.ui import navigation

_DAY = 24 * 60 * 60  # seconds

# A browser at `/train` would look for the server under `/train/` first, and its console would show that it is not there.
_SCRIPT = f"""
      window.__streamlit = {{
        BACKEND_BASE_URL: location.origin + location.pathname.replace(/({"|".join(page.path for page in navigation.PAGES if page.path)})$/, ""),
      }}
    """


@functools.cache
def html() -> str:
    """The page that a browser is given, whichever it asks for."""
    index = (Path(file_util.get_static_dir()) / "index.html").read_text(encoding="utf-8")
    lacking = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    scripts = "".join(f"\n    <script>{script}</script>" for script in (_SCRIPT, lacking))
    return index.replace("<title>Streamlit</title>", f"<title>{navigation.NAME}</title>{scripts}")


def routes() -> list[Route]:
    """Where it is served, and the icon that it names."""
    below = base()
    return [
        *(Route(path, _page) for path in pages()),
        Route(f"{below}/favicon.png", _icon),
        Route(f"{below}/looks/{{name}}.svg", _look),
    ]


def picture(look: Look) -> str:
    """The address of a look's small picture: a table's cell is read out as this, so it says in words how a design is drawn."""
    return f"{base()}/looks/{swatch.name(look)}.svg"


def pages() -> list[str]:
    """The paths of the lab's pages."""
    return [f"{base()}/{page.path}" for page in navigation.PAGES]


def base() -> str:
    """The path below which the lab is served: empty, or like `/lab`."""
    return "/".join(["", *filter(None, st.get_option("server.baseUrlPath").split("/"))])


async def _page(_request: Request) -> Response:
    return HTMLResponse(html(), headers={"Cache-Control": "no-cache"})


async def _look(request: Request) -> Response:
    found = swatch.NAMED.get(request.path_params["name"])
    if found is None:
        return Response(status_code=404)
    return Response(swatch.svg(found), media_type="image/svg+xml", headers={"Cache-Control": f"max-age={_DAY}"})


async def _icon(_request: Request) -> Response:
    return FileResponse(navigation.ICON_FILE)
