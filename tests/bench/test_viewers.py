"""Viewers without browsers: they see what a browser would, and nothing is left of the server that they look at."""

import asyncio
from pathlib import Path

import psutil

from mnist_lab.bench import viewers
from mnist_lab.bench.servers import server

PAGE = """
import streamlit as st

@st.fragment(run_every=0.25)
def live() -> None:
    st.session_state["n"] = st.session_state.get("n", 0) + 1
    st.progress(0.5, text=f"update {st.session_state['n']}")

live()


"""


def test_a_page_is_visited_and_watched_until_it_is_enough(url: str, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(PAGE)

    async def looked(viewer: viewers.Viewer) -> None:
        until = asyncio.Event()
        watching = asyncio.ensure_future(viewer.watch(until))
        while len(viewer.seconds) < 3:
            assert not watching.done()
            await asyncio.sleep(0.05)
        until.set()
        await watching

    with server(url, script) as running:
        assert running.seconds > 0
        members = running.family()
        assert members[0].pid == running.process.pid
        assert len(asyncio.run(viewers.visit(running.url, "", 2))) == 2
        viewer = viewers.Viewer(running.url, "")
        asyncio.run(asyncio.wait_for(looked(viewer), 60))
    assert viewer.errors == []
    assert viewer.intervals == {0.25}
    assert {"update 1", "update 2"} <= viewer.texts
    assert not any(psutil.pid_exists(process.pid) for process in members)
