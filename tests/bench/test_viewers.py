"""Viewers without browsers: they see what a browser would, and nothing is left of the server that they look at."""

import asyncio
from pathlib import Path

import psutil
import pytest

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


USED = """
import streamlit as st

def first() -> None:
    n = st.number_input("Size", value=1, step=1)
    st.text(f"{st.context.cookies.get('who')} {st.query_params.get('design')} {n}")
    if st.button("Next"):
        st.switch_page(pages[1], query_params={"run": "7"})

def second() -> None:
    st.error("red")

pages = [st.Page(first, default=True), st.Page(second)]
st.navigation(pages).run()
"""


class Reader(viewers.Viewer):
    """Keeps the texts that it is shown."""

    shown: str = ""

    def drawn(self, element) -> None:
        super().drawn(element)
        if element.WhichOneof("type") == "text":
            self.shown = element.text.body


def test_a_viewer_uses_what_is_on_the_page_shows_its_cookie_and_comes_back(url: str, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(USED)

    async def came(one: Reader) -> None:
        while one.shown != "ada a 1":
            await asyncio.sleep(0.02)

    async def used(one: Reader, until: asyncio.Event) -> None:
        await came(one)
        await one.enter("Size", double_value=3)
        assert one.shown == "ada a 3"
        await one.press("Next")
        assert (one.page, one.query) == ("second", "run=7")
        await one.go("")
        assert (one.shown, one.query) == ("ada None 1", "")
        until.set()

    async def visited() -> Reader:
        until = asyncio.Event()
        with server(url, script) as running:
            one = Reader(running.url, "", query="design=a", cookie="who=ada", returns=True)
            watching = asyncio.ensure_future(one.watch(until))
            await asyncio.wait_for(came(one), 60)
            one.shown = ""
        with pytest.raises(ConnectionError):
            await one.press("Next")
        with server(url, script, port=int(running.url.rpartition(":")[2])):
            await asyncio.wait_for(used(one, until), 60)
        await asyncio.wait_for(watching, 60)
        return one

    assert asyncio.run(visited()).errors == ["red"]
