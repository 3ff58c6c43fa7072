"""The server: `streamlit run app.py`. It serves the pages and keeps the engine process alive."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from mnist_lab.engine.supervisor import Supervisor, raise_descriptor_limit
from mnist_lab.errors import LabError
from mnist_lab.ui import gate, guard, shell, timers
from mnist_lab.ui.door import Door, teachers_links
from mnist_lab.ui.text import refusal

log = logging.getLogger("mnist_lab")
ROUTER = Path(__file__).parent / "mnist_lab" / "ui" / "router.py"
# Else Streamlit puts it in front for each run of a script and takes it away after: another thread that imports something
# in that moment skips the entry that moves up, and finds no module of those in it.
sys.path.append(str(ROUTER.parent))


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, object]]:
    """Start the engine with the server, so that a worker is warm by the time somebody presses Train."""
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)  # but not what libraries log
    print(f"MNIST Lab: {' and '.join(guard.addresses())}", file=sys.stderr, flush=True)
    raise_descriptor_limit()
    supervisor = Supervisor()
    supervisor.start()
    print(await asyncio.to_thread(_told_to_the_teacher), file=sys.stderr, flush=True)
    try:
        yield {}
    finally:
        await asyncio.to_thread(supervisor.close)


def _told_to_the_teacher() -> str:
    """A line for whoever started the server. It is printed and never logged, for it opens everything."""
    try:
        return f"Teacher's link: {' and '.join(teachers_links())}"
    except LabError as error:
        return f"Teacher's link: there is none; {error}"


def on_script_error(error: Exception) -> bool:
    """The last resort: the person gets a sentence, the log the traceback."""
    if isinstance(error, LabError):
        refusal(error)
    else:
        log.error("a page failed", exc_info=error)
        st.error(
            "An error in the lab kept this page from being shown; your runs are safe. "
            "Reload the page; the details are in the server's log.",
            icon=":material/error:",
        )
    return True


app = st.App(
    ROUTER,
    lifespan=lifespan,
    routes=[*Door().routes(), *shell.routes()],
    middleware=[Middleware(guard.Guard), Middleware(gate.Gate), Middleware(timers.Timers)],
    on_script_error=on_script_error,
)
