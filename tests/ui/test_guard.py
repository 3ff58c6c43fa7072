"""Which requests the server refuses, and what its answers let a browser do."""

import asyncio
import contextlib
import http.server
import json
import lzma
import socket
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.types import Message
from streamlit import config
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mnist_lab.lab import Lab
from mnist_lab.store import secrets
from mnist_lab.store.store import Store
from mnist_lab.ui import guard
from tests.builders.processes import ROOT, browser, server, wait_until
from tests.builders.runs import LEFT_BY_0_6

LOCAL = "localhost:8501"


def scope(host: str | None = LOCAL, *origins: str, method: str = "") -> dict[str, Any]:
    """A websocket's opening where `method` is empty."""
    headers = [(b"host", host.encode())] if host is not None else []
    headers += [(b"origin", origin.encode()) for origin in origins]
    return {"type": "http" if method else "websocket", "method": method, "headers": headers}


def refusals(*requests: tuple[str | None, tuple[str, ...]]) -> list[tuple[str | None, tuple[str, ...]]]:
    """Those of these hosts with origins that may not open a websocket."""
    return [(host, origins) for host, origins in requests if guard.refusal(scope(host, *origins))]


def test_a_websocket_is_for_pages_of_the_address_that_is_asked() -> None:
    machine = socket.gethostname()
    good = [LOCAL, "127.0.0.1:8501", "192.168.1.20:8501", "10.0.0.3", "[::1]:8501", "[fe80::1]", "LOCALHOST:8501"]
    good += ["lab:8501", "lab.localhost:8501", f"{machine}:8501", f"{machine.split('.')[0]}.local"]
    assert not refusals(*((host, (f"{scheme}://{host}",)) for host in good for scheme in ("http", "https")))
    foreign = ["", "null", "http://evil.example", "http://localhost", "http://localhost:3000", "http://127.0.0.1:8501"]
    foreign += ["localhost:8501", "//localhost:8501", "file://localhost:8501", "http://localhost:8501@evil.example"]
    foreign += ["http://evil.example/localhost:8501", "http://localhost:85011", "http://localhost:x", "http://[::1"]
    foreign += ["http://localhost:8501.evil.example", "ws://localhost:8501", "chrome-extension://localhost:8501"]
    expected = [(LOCAL, ()), *((LOCAL, (origin,)) for origin in foreign)]
    assert refusals(*expected) == expected
    two = (LOCAL, (f"http://{LOCAL}", "http://evil.example"))
    assert refusals(two) == [two]


def test_a_stranger_may_not_have_a_name_of_his_point_here() -> None:
    """Then his page is of the very site that it asks, as far as its browser knows."""
    names = ["evil.example:8501", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example.", "x@localhost"]
    names += ["localhost:8501/x", "1.2.3", "evil.local", "[evil.example]", "localhost:8501:8501", "lo calhost"]
    expected = [(name, (f"http://{name}",)) for name in names]
    assert refusals(*expected) == expected
    assert all(guard.refusal(scope(name, method="GET")) for name in names)
    assert "'evil.example:8501' is not known" in guard.refusal(scope("evil.example:8501", method="GET"))


def test_what_changes_something_needs_an_origin_and_what_reads_may_have_none() -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH", "TRACE"):
        assert guard.refusal(scope(method=method))
        assert not guard.refusal(scope(LOCAL, f"http://{LOCAL}", method=method))
    for method in ("GET", "HEAD", "OPTIONS"):
        assert not guard.refusal(scope(method=method))
        assert guard.refusal(scope(LOCAL, "http://evil.example", method=method))
    assert not guard.refusal(scope(None, method="GET"))
    assert guard.refusal(scope(None, "http://localhost:8501"))


@pytest.fixture
def public_name() -> Iterator[str]:
    """Set as whoever puts a proxy before the server sets it."""
    config.set_option("browser.serverAddress", "lab.example")
    yield "lab.example"
    config.get_config_options(force_reparse=True)


def test_without_a_proxy_another_name_is_a_strangers() -> None:
    asked = [(LOCAL, ("https://lab.example",)), ("lab.example", ("https://lab.example",))]
    assert refusals(*asked) == asked


def test_behind_a_proxy_the_public_name_is_known(public_name: str) -> None:
    assert not refusals((LOCAL, (f"https://{public_name}",)), (public_name, (f"https://{public_name}",)))
    foreign = [(LOCAL, (f"https://{public_name}:9000",)), (LOCAL, (f"https://evil.{public_name}",))]
    assert refusals(*foreign) == foreign


def test_every_answer_says_what_its_page_may_do() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"x-frame-options", b"ALLOWALL")]})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    for request in (scope(method="GET"), scope("evil.example", method="GET")):
        asyncio.run(guard.Guard(app)(request, None, send))  # type: ignore[arg-type]
        start = dict(sent[0]["headers"])
        assert b"frame-ancestors 'none'" in start[b"content-security-policy"]
        assert start[b"x-content-type-options"] == b"nosniff"
        assert start[b"referrer-policy"] == b"same-origin"
        assert start[b"x-frame-options"] == b"DENY"
        sent.clear()


def test_an_answer_may_be_stricter_about_where_its_reader_came_from() -> None:
    def referrer(asked: bytes) -> str:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", asked)]})

        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(guard.Guard(app)(scope(method="GET"), None, send))  # type: ignore[arg-type]
        (found,) = [value for name, value in sent[0]["headers"] if name == b"referrer-policy"]
        return str(found.decode())

    assert referrer(b"no-referrer") == "no-referrer"
    assert referrer(b"unsafe-url") == "same-origin"


def test_the_policy_allows_the_very_scripts_that_the_page_holds() -> None:
    policy = guard.content_policy("<script>\n  x = 1\n</script><script src='a.js'></script><script>y</script>")
    # echo -n y | openssl dgst -sha256 -binary | base64
    assert "'sha256-ofzkNjhU/4iM/0uOeHXWAMJoI5BBKoz3mzfQsRFIsPo='" in policy
    assert policy.count("sha256-") == 2


# Real servers and a real browser.

WRITTEN = "*a* :smile: `c` ![b](http://evil.example/p) <b>x</b>"
NOTE = "# head\n- list\n![b](http://evil.example/p.png)\n:material/delete: $x$ -> www.evil.example"
TAGS = ["*t* :red[x]", "[l](http://evil.example)"]
HEADERS = ("content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy")


def answer(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of what a server answers, also where it refuses."""
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as found:
            return found.status, {name.lower(): value for name, value in found.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


def websocket(url: str, origin: str | None) -> int:
    """The status with which a websocket is opened."""
    address: Any = url.replace("http", "ws") + "/_stcore/stream"
    try:
        with connect(address, origin=origin, subprotocols=["streamlit"]):  # type: ignore[arg-type, list-item]
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@contextlib.contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """The address of a proxy that answers nothing, and what it is asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.requestline)
            self.send_error(502)

        def do_CONNECT(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", asked
        proxy.shutdown()


def test_a_server_for_a_class_fetches_nothing_and_says_only_where_it_is(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as (proxy, asked), (tmp_path / "log").open("wb") as log:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
        monkeypatch.setattr(urllib.request, "_opener", None)  # it would remember the proxy for later tests
        options = ("--server.address=0.0.0.0", "--server.baseUrlPath=/lab/")
        with server(url, ROOT / "app.py", *options, path="/lab", log=log) as running:
            assert running.url.endswith("/lab")
            for path in ("", "/train", "/favicon.png"):
                assert answer(running.url + path)[0] == 200
            assert websocket(running.url, running.url.removesuffix("/lab")) == 101
            # Nor does any line but the one for the teacher hold what opens everything.
            token = Store(url).secrets.get(secrets.TEACHER)
            assert answer(f"{running.url}/teach/{token}")[0] == 200, "it leads on"
            assert answer(f"{running.url}/teach/{token}x")[0] == 403
            # What Streamlit would ask the internet about: whether this is the address that others see.
            assert websocket(running.url, "http://203.0.113.7:8501") == 403
        assert not asked
    said = (tmp_path / "log").read_text().splitlines()
    assert said[0].startswith(f"MNIST Lab: {running.url}")
    assert all(address.endswith("/lab") for address in said[0].removeprefix("MNIST Lab: ").split(" and "))
    links = said[1].removeprefix("Teacher's link: ").split(" and ")
    assert links == [f"{address}/teach/{token}" for address in said[0].removeprefix("MNIST Lab: ").split(" and ")]
    assert "refused" in said[2]
    assert not [line for line in said[3:] if "http" in line or "URL" in line or token in line], said


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any, list[str], Path]]:
    """A server over runs whose labels are hostile, a browser, all that goes wrong in it, and the server's log."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "lab.db").write_bytes(lzma.decompress((LEFT_BY_0_6 / "lab.db.xz").read_bytes()))
    store = Store(f"sqlite:///{folder / 'lab.db'}")
    for run in store.runs.all():
        store.labels.set([run.id], name=WRITTEN, tags=TAGS, note=NOTE)
    Lab(store.url).store.queue.stop(*(run.id for run in store.queue.active()))  # else they would train
    store.designs.save(store.runs.get(1).experiment.with_changes(name=WRITTEN), "ada")
    with sqlite3.connect(folder / "lab.db") as database:
        database.execute("update runs set error = ? where status = 'failed'", (f"Broken: {WRITTEN}",))
    wrong: list[str] = []
    with (
        pytest.MonkeyPatch.context() as patch,
        (folder / "log").open("wb") as log,
    ):
        patch.setenv("MNIST_LAB_WORKERS", "1")
        with server(store.url, ROOT / "app.py", log=log) as running, browser() as page:
            ours = (running.url + "/", running.url.replace("http", "ws"), "data:", "blob:")
            page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(f"{m.type}: {m.text}"))
            page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
            page.on("request", lambda asked: asked.url.startswith(ours) or wrong.append(f"fetches {asked.url}"))
            page.on("response", lambda got: got.status >= 400 and wrong.append(f"{got.status}: {got.url}"))
            page.on(
                "websocket", lambda socket: socket.url.startswith(ours) or wrong.append(f"connects to {socket.url}")
            )
            yield running.url, page, wrong, folder / "log"
    store.close()


def settled(page: Any) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    wait_until(lambda: page.get_by_test_id("stSkeleton").count() == 0, "all of it is drawn")


PLACES = {
    "/": ("Parameters", "Design"),
    "/train?run=1": ("Log by epoch", "Train 1"),
    "/results": ("The notebook, and runs that repeat it", "Results"),
    "/run?run=1": ("Trained with", "Run 1"),
    "/run?run=10": ("Broken: ", "Run 10"),
    "/compare?runs=1,4,6": ("Where two networks disagree", "Compare 1, 4, 6"),
    f"/run?run={quote(WRITTEN)}": ("Address: run should be", "Run"),
    "/inspect?runs=1,4&view=Mistakes": ("Can its confidence be trusted?", "Inspect 1, 4"),
    "/inspect?runs=1,4&view=Layers": ("All test digits, as the last hidden layer represents them", "Inspect 1, 4"),
    "/inspect?runs=1,4&view=What%20if": ("Filters switched off", "Inspect 1, 4"),
    "/inspect?runs=1,4&view=Draw": ("The answer appears here while you draw", "Inspect 1, 4"),
}


@pytest.mark.timeout(900)
def test_every_page_works_in_silence_and_shows_what_was_written_as_it_was(seen: Any) -> None:
    url, page, wrong, _ = seen
    for path, (words, title) in PLACES.items():
        page.goto(url + path)
        page.get_by_text(words).first.wait_for()
        settled(page)
        wait_until(lambda t=title: page.title() == f"{t} · MNIST Lab", f"{path} is named in the tab: {page.title()}")
        assert page.locator("link[rel='shortcut icon']").get_attribute("href").startswith("data:image/png"), path
        assert not wrong, (path, wrong)
        text = page.get_by_test_id("stMain").inner_text()
        if "runs=" in path or path.startswith(("/train", "/run?run=1")):
            assert WRITTEN in " ".join(text.split()), path
        if path == "/run?run=1":
            shown = " ".join(text.split())
            assert all(tag in shown for tag in TAGS)
            assert " ".join(NOTE.split()) in shown
        assert page.locator("[data-testid=stMain] [href*='evil'], [data-testid=stMain] [src*='evil']").count() == 0, (
            path
        )
    canvas = page.get_by_role("application", name="Pad to draw a digit on").bounding_box()
    page.mouse.move(canvas["x"] + 60, canvas["y"] + 60)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 160, canvas["y"] + 60, steps=10)
    page.mouse.move(canvas["x"] + 100, canvas["y"] + 200, steps=10)
    page.mouse.up()
    page.get_by_text("next comes").or_(page.get_by_text("perhaps")).first.wait_for()
    settled(page)
    assert not wrong


def test_a_file_comes_in_and_goes_out_under_the_policy(seen: Any) -> None:
    url, page, wrong, _ = seen
    page.goto(url)
    page.get_by_text("Filters by block").wait_for()
    settled(page)
    page.get_by_role("button", name="Save, open, share").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export design (JSON)").click()
    assert json.loads(Path(download.value.path()).read_text())["name"] == "3x3"
    file = {"name": f"{WRITTEN.replace('/', '')}.json", "mimeType": "application/json", "buffer": b"{nope"}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("File *a* :smile: `c`").wait_for()
    assert not wrong


def test_a_printed_page_has_the_whole_table(seen: Any) -> None:
    url, page, wrong, _ = seen
    page.goto(f"{url}/results")
    page.get_by_text("The notebook, and runs that repeat it").wait_for()
    settled(page)
    table = page.locator("table.printed").first
    assert not table.is_visible()
    page.emulate_media(media="print")
    wait_until(table.is_visible, "the table for paper is there")
    heads = table.locator("th").all_inner_texts()
    assert {"Design", "Test accuracy", "Status", "Seconds", "Epochs"} <= set(heads)
    assert page.get_by_test_id("stDataFrame").first.is_hidden()
    assert table.locator("tbody tr").count() >= 8
    assert table.locator("tbody tr").first.locator("img").evaluate("img => img.naturalWidth") > 0, "looks have pictures"
    assert table.evaluate("t => t.scrollWidth <= t.parentElement.clientWidth + 1"), "no column is cut"
    printed = page.pdf(format="A4", landscape=True)
    assert printed.count(b"/Type /Page\n") > 1 or printed.count(b"/Type /Page ") > 1, "longer than a window"
    page.emulate_media(media="screen")
    assert not wrong


def test_foreign_pages_are_refused_and_every_answer_is_guarded(seen: Any) -> None:
    url, _, _, log = seen
    for path in ("/", "/train", "/nothing", "/static/nothing.js", "/_stcore/health", "/favicon.png", "/media/nothing"):
        _, headers = answer(url + path)
        assert all(name in headers for name in HEADERS), path
    assert websocket(url, url) == 101
    for origin in (None, "null", "http://evil.example", "http://localhost:3000", url.replace("localhost", "127.0.0.1")):
        assert websocket(url, origin) == 403
    upload = f"{url}/_stcore/upload_file/x/y"
    assert answer(upload, "PUT")[0] == 403
    assert answer(upload, "PUT", Origin="http://evil.example")[0] == 403
    assert answer(upload, "DELETE", Origin="http://localhost:3000")[0] == 403
    assert answer(f"{url}/", Host="evil.example")[0] == 403
    assert "'null'" in log.read_text()


def test_the_servers_log_tells_of_nothing_else(seen: Any) -> None:
    *_, log = seen
    lines = log.read_text().splitlines()
    assert lines[0].startswith("MNIST Lab: http://localhost:")
    other = [line for line in lines[1:] if "mnist_lab.guard" not in line and "mnist_lab.engine" not in line]
    assert not [line for line in other if "streamlit" in line.lower() or "widget" in line or "Traceback" in line], other
