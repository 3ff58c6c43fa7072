"""A class in one room whose server is killed on the way: three people, and thirty for ten minutes.

That is slow, and run by hand; `CLASS_SECONDS` makes it shorter. Everybody's minute: six changes of a design, Train, a look
at it, a digit drawn.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import psutil
import pytest
from playwright.async_api import Error as BrowserError
from playwright.async_api import Page, async_playwright

from mnist_lab.bench.servers import Server
from mnist_lab.bench.viewers import Viewer
from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.ui.session import FOOTER_SECONDS_IN_CLASS
from tests.builders.processes import CHROMIUM_FLAGS, ROOT, chromium, family, server, wait_until

PEOPLE, BROWSERS = 30, 5
SECONDS = float(os.environ.get("CLASS_SECONDS", "600"))
KILLED_AFTER = 0.4  # of the time; the rest shows whether memory grows
ROUND = 60.0
BACK_SECONDS, ANSWER_SECONDS = 120.0, 60.0  # not goals: after these something hangs
SCRIPT = ROOT / "tests" / "builders" / "timed_server.py"
DESIGN, TRAIN, INSPECT, CLASS, STAGE = "", "train", "inspect", "class", "stage"
GLANCE = "class at a glance"
SCENES = ("race", "board", "front", "welcome")
SCENE_SECONDS = 15.0
SIZES = (2, 3, 4, 5, 6, 4)
SEVEN = [(0.25 + 0.05 * i, 0.22) for i in range(11)] + [(0.75 - 0.03 * i, 0.22 + 0.06 * i) for i in range(11)]
RED = "[data-testid=stException], [data-testid=stAlertContentError]"


@dataclass(kw_only=True)
class Pupil(Viewer):
    """Somebody in the class, whose browser is a websocket client.

    Attributes:
        key: their pseudonym.
        name: what they are called.
        who: whom the page's footer last named.
        started: the runs that their page led to when they pressed Train.
    """

    key: str
    name: str
    who: str = ""
    started: list[int] = field(default_factory=list)
    _drawings: int = 0

    def drawn(self, element) -> None:
        super().drawn(element)
        if element.WhichOneof("type") == "markdown" and ":material/person:" in element.markdown.body:
            self.who = element.markdown.body.rpartition(":material/person:")[2].strip()

    async def is_back(self) -> None:
        while self.who != self.name:
            await asyncio.sleep(0.05)

    async def arrive(self, query: str) -> None:
        self.who = ""
        await self.enter_address(DESIGN, query)
        await self.is_back()

    async def sight(self) -> str:
        return f"page {self.page!r} with {list(self.widgets)}; in red {self.errors}"

    async def open(self, path: str) -> None:
        await self.go(path)

    async def change(self, size: int) -> None:
        await self.enter("Kernel size", double_value=size)

    async def train(self) -> None:
        await self.press("Train")
        found = re.search(r"run=(\d+)", self.query)
        if found is None:
            raise KeyError(f"no run at {self.query!r}")
        self.started.append(int(found[1]))

    async def draw(self) -> None:
        for points in range(2, len(SEVEN) + 1, 4):
            self._drawings += 1
            drawing = {"number": self._drawings, "strokes": [SEVEN[:points]]}
            await self.enter("mnist_lab.pad", json_value=json.dumps({"drawing": drawing}))


@dataclass(kw_only=True)
class Visitor:
    """Somebody in the class with a real browser."""

    key: str
    name: str
    tab: Page
    address: str
    errors: list[str] = field(default_factory=list)
    started: list[int] = field(default_factory=list)

    async def is_back(self) -> None:
        # A browser that has found no server waits longer and longer before it tries again.
        connected = self.tab.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")
        await connected.wait_for()
        await self.tab.get_by_test_id("stSidebar").get_by_text(self.name).wait_for()
        await self._settled()

    async def arrive(self, query: str) -> None:
        await self.tab.goto(f"{self.address}/?{query}")
        await self.is_back()
        # A page that was being opened when the server went away says so in red, until it is opened again.
        self.errors = [error for error in self.errors if "Failed to fetch" not in error]

    async def sight(self) -> str:
        return f"{self.tab.url}\n{(await self.tab.inner_text('body'))[:3000]}"

    async def open(self, path: str) -> None:
        title = {DESIGN: "Design", TRAIN: "Train", INSPECT: "Inspect"}[path]
        await self.tab.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        await self.tab.get_by_role("heading", name=title, exact=True).wait_for()
        await self._settled()

    async def change(self, size: int) -> None:
        box = self.tab.get_by_role("spinbutton", name="Kernel size", exact=True)
        await box.fill(str(size))
        await box.press("Enter")
        await self._settled()

    async def train(self) -> None:
        await self.tab.get_by_role("button", name="Train", exact=True).click()
        await self.tab.wait_for_url(re.compile(r"/train\?run=\d+"))
        self.started.append(int(re.search(r"run=(\d+)", self.tab.url)[1]))
        await self._settled()

    async def draw(self) -> None:
        pad = self.tab.get_by_role("application", name="Pad to draw a digit on")
        await pad.wait_for()
        box = await pad.bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
        await self.tab.mouse.move(*points[0])
        await self.tab.mouse.down()
        for point in points:
            await self.tab.mouse.move(*point)
            await asyncio.sleep(0.04)
        await self.tab.mouse.up()
        await self._settled()

    async def _settled(self) -> None:
        await self.tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self.errors += await self.tab.locator(RED).all_inner_texts()


Person = Pupil | Visitor


@dataclass
class Lesson:
    """When the server is there, how often it was not, and when all is over."""

    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    outages: int = 0
    began: float = field(default_factory=time.monotonic)

    async def attended(self, who: Person, number: int) -> None:
        """Somebody's lesson. What they do when the server is killed may come to nothing; all else must be answered."""
        outages = self.outages
        while not self.over.is_set():
            await self.is_up.wait()
            is_new, outages = self.outages > outages, self.outages
            try:
                await asyncio.wait_for(who.is_back(), BACK_SECONDS)
                if is_new:
                    await who.arrive(design(number))  # what was only in the server's memory is gone
                # Nobody does all at the same moments as everybody else, after a kill neither.
                await self._next(self.began + ROUND * number / PEOPLE)
                await self._minute(who, number)
            except (OSError, BrowserError, KeyError):
                if outages == self.outages and not self.over.is_set():
                    print(f"{who.name} saw: {await who.sight()}")
                    raise

    async def _next(self, first: float) -> None:
        """Wait for a moment that comes once a round, or for the end."""
        now = time.monotonic()
        seconds = first - now if now < first else -(now - first) % ROUND
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _minute(self, who: Person, number: int) -> None:
        steps: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (0, lambda: who.open(DESIGN)),
            *((3 + 5 * i, lambda i=i: who.change(SIZES[(i + number) % len(SIZES)])) for i in range(6)),
            (32, who.train),
            (45, lambda: who.open(INSPECT)),
            (48, who.draw),
            (ROUND - 2, lambda: asyncio.sleep(0)),  # so that the next one begins in time
        ]
        began = time.monotonic()
        for second, step in steps:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), began + second - time.monotonic())
                return
            await asyncio.wait_for(step(), ANSWER_SECONDS)


class Servers:
    """A server that can be killed and comes back at the same address."""

    def __init__(self, url: str, stack: contextlib.ExitStack) -> None:
        self._url, self._stack = url, stack
        self._port = 0
        self.start()

    def start(self) -> None:
        options = {"folder": ROOT, "port": self._port}
        self.running = self._stack.enter_context(server(self._url, SCRIPT, **options))
        self._port = int(self.running.url.rpartition(":")[2])

    def kill(self) -> None:
        self.running.signal(signal.SIGKILL)
        self.running.process.wait()


class Use:
    """Processor time of the server, of its engine and workers, and of all that loads it; and the server's memory."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[int, float]] = {"server": {}, "engine": {}, "load": {}}
        self.before: dict[str, float] = {}
        self.bytes: list[tuple[float, int]] = []

    def look(self, running: Server) -> None:
        """At the processes that there are now."""
        own, *engine = running.family() or [None]
        everybody = family(os.getpid())
        known = {process.pid for process in (own, *engine) if process}
        groups = {"server": [own] if own else [], "engine": engine}
        groups["load"] = [process for process in everybody if process.pid not in known]
        for group, processes in groups.items():
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    self.seconds[group][process.pid] = sum(process.cpu_times()[:2])
        with contextlib.suppress(psutil.Error):
            if own:
                self.bytes.append((time.monotonic(), own.memory_info().rss))

    def begin(self) -> None:
        """Count from now on."""
        self.before = self.sums()

    def sums(self) -> dict[str, float]:
        """Seconds by group."""
        return {group: sum(each.values()) - self.before.get(group, 0.0) for group, each in self.seconds.items()}

    async def watch(self, servers: Servers, over: asyncio.Event) -> None:
        """Look every second."""
        while not over.is_set():
            self.look(servers.running)
            await asyncio.sleep(1)


def requests(file: Path, since: float, killed: float) -> dict[str, list[float]]:
    """The seconds of each kind of request that came after a time, by the server's clock; those of the minute after the
    server was killed, in which everybody comes back at once, apart."""
    found: dict[str, list[float]] = {}
    for line in file.read_text().splitlines():
        one = json.loads(line)
        if one["at"] < since:
            continue
        when = " (after the kill)" if killed <= one["at"] < killed + ROUND else ""
        if one["is_first"]:
            kind = f"opening {one['shown'] or 'design'}"
        elif one["shown"] == STAGE:
            kind = "stage"
        elif one["page"] != one["shown"]:
            kind = "Train pressed"
        elif one["interval"] is not None and one["page"] == CLASS and one["interval"] != FOOTER_SECONDS_IN_CLASS:
            kind = GLANCE
        elif one["interval"] is not None:
            kind = "footer" if one["interval"] == FOOTER_SECONDS_IN_CLASS else "live page"
        else:
            kind = {DESIGN: "change on Design", INSPECT: "stroke"}.get(one["page"], one["page"])
        found.setdefault(kind + when, []).append(one["seconds"])
    return found


def megabytes(bytes_: list[tuple[float, int]], since: float) -> tuple[float, float, float]:
    """A memory's least squares slope a minute since a time, and its means over the first and last 30 seconds of that."""
    at, size = np.array([(at, size / 1e6) for at, size in bytes_ if at >= since]).T
    slope = np.polyfit(at - at[0], size, 1)[0] * 60 if len(at) > 1 else 0.0
    return slope, size[at < at[0] + 30].mean(), size[at > at[-1] - 30].mean()


def design(seed: int) -> str:
    """The address of a network that trains in a second or two, as a query."""
    fast = PRESETS["fast"]
    recipe = fast.recipe.model_dump(mode="json") | {"epochs": 1}
    return urlencode({"design": fast.with_changes(train_images=4000, recipe=recipe, seed=seed).model_dump_json()})


def come_last(pid: int, niceness: int) -> None:
    """Let a process have what the server leaves, as if it were on another machine."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


@pytest.fixture
def times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIMES", str(tmp_path / "times.jsonl"))
    return tmp_path / "times.jsonl"


@dataclass
class School:
    """A class that has been opened, its teacher's cookie, and its pupils: names, pseudonyms and cookies."""

    lab: Lab
    cookie: str
    teacher: str
    joined: list[tuple[str, str, str]]

    def pupils(self, address: str, first: int, last: int) -> list[Pupil]:
        return [
            Pupil(server=address, page=DESIGN, query=design(i), cookie=f"{self.cookie}={value}", returns=True, key=key, name=name)
            for i, (name, key, value) in enumerate(self.joined[first:last])
        ]  # fmt: skip

    def looker(self, address: str) -> Viewer:
        """The teacher, who looks at the class all the time."""
        return Viewer(server=address, page=CLASS, cookie=f"{self.cookie}={self.teacher}", returns=True)

    async def visitors(self, stack: contextlib.AsyncExitStack, address: str, number: int) -> list[Visitor]:
        """The first ones of the class, each with a browser of their own; all are one Chromium."""
        if not number:
            return []
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        stack.push_async_callback(browser.close)
        for process in family(os.getpid()):
            if "chrom" in process.name():
                come_last(process.pid, 15)
        found = []
        for seed, (name, key, value) in enumerate(self.joined[:number]):
            context = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
            await context.add_cookies([{"name": self.cookie, "value": value, "url": address}])
            visitor = Visitor(key=key, name=name, tab=await context.new_page(), address=address)
            visitor.tab.on("pageerror", lambda error, visitor=visitor: visitor.errors.append(str(error)))
            visitor.tab.set_default_timeout(1e3 * BACK_SECONDS)
            await visitor.arrive(design(seed))
            found.append(visitor)
        return found

    def stage(self, address: str) -> Viewer:
        """The projector's browser."""
        room = self.lab.store.classes.current()
        value = Cookies(self.lab.store).looker(room.id)
        return Viewer(server=address, page=STAGE, cookie=f"{self.cookie}={value}", returns=True)

    async def steer(self, over: asyncio.Event) -> None:
        """The teacher puts one scene after another on the stage; the newest runs race."""
        number = 0
        while not over.is_set():
            scene = SCENES[number % len(SCENES)]
            newest = [run.id for run in self.lab.store.runs.all(limit=6)]
            self.lab.stage.show(scene, {"runs": newest} if scene == "race" else None, by=teacher())
            number += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), SCENE_SECONDS)

    def is_refused_stopping(self, others_run: int, cookie: str) -> bool:
        by = Cookies(self.lab.store).person(cookie.partition("=")[2])
        assert self.lab.reader(by).run(others_run).owner != by.key
        try:
            self.lab.stop(others_run, by=by)
        except NotAllowedError:
            return True
        return False


@pytest.fixture
def school(url: str) -> Iterator[School]:
    lab = Lab(url)
    lab.classroom.open(by=teacher())
    cookies, code = Cookies(lab.store), lab.store.classes.current().code
    members = [lab.classroom.join(code, f"Ada the {number + 1}.") for number in range(PEOPLE)]
    yield School(
        lab, cookies.name, cookies.teacher(), [(one.name, one.key, cookies.pupil(one.token)) for one in members]
    )
    lab.store.close()


async def taught(
    school: School, servers: Servers, use: Use, browsers: int, seconds: float
) -> tuple[list[Person], float]:
    """The lesson; returns who was there, and when all were."""
    address, lesson = servers.running.url, Lesson()
    pupils, looker = school.pupils(address, browsers, len(school.joined)), school.looker(address)
    async with contextlib.AsyncExitStack() as stack:
        visitors = await school.visitors(stack, address, browsers)
        stack.callback(lesson.over.set)  # else nobody stops where something has failed
        tasks = [asyncio.ensure_future(one.watch(lesson.over)) for one in (*pupils, looker)]
        everybody: list[Person] = [*visitors, *pupils]
        await asyncio.wait_for(asyncio.gather(*(one.is_back() for one in everybody)), BACK_SECONDS)
        use.look(servers.running)
        use.begin()
        began = time.monotonic()
        lesson.is_up.set()
        tasks += [asyncio.ensure_future(lesson.attended(one, number)) for number, one in enumerate(everybody)]
        stage = school.stage(address)
        tasks += [asyncio.ensure_future(stage.watch(lesson.over)), asyncio.ensure_future(school.steer(lesson.over))]
        tasks += [asyncio.ensure_future(use.watch(servers, lesson.over))]

        async def until(second: float) -> None:
            end = asyncio.ensure_future(asyncio.sleep(began + second - time.monotonic()))
            await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()

        await until(KILLED_AFTER * seconds)
        use.look(servers.running)
        await restarted(school, servers, lesson, pupils)
        await until(seconds)
        use.look(servers.running)
        lesson.over.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 120)
    assert looker.errors == []
    assert not stage.errors
    return everybody, began


async def restarted(school: School, servers: Servers, lesson: Lesson, pupils: list[Pupil]) -> None:
    """The server is killed, and started again: who is there and what waits is as it was."""
    store = school.lab.store
    before = {run.id: run.owner for run in store.runs.all()}
    lesson.outages += 1
    lesson.is_up.clear()
    for pupil in pupils:
        pupil.who = ""
    began = time.monotonic()
    servers.kill()
    await asyncio.to_thread(servers.start)
    await asyncio.wait_for(asyncio.gather(*(pupil.is_back() for pupil in pupils)), BACK_SECONDS)
    print(f"everybody was back {time.monotonic() - began:.1f} s after the server was killed")
    assert before.items() <= {run.id: run.owner for run in store.runs.all()}.items(), "the queue is there"
    others = [run_id for run_id, owner in before.items() if owner != pupils[0].key]
    assert school.is_refused_stopping(others[0], pupils[0].cookie), "rights are there"
    lesson.is_up.set()


async def looked(viewer: Viewer) -> None:
    """Wait until what somebody looks at was drawn by its timer."""
    while not viewer.seconds:
        await asyncio.sleep(0.1)


def test_who_was_in_the_class_is_in_it_when_the_server_has_been_killed(school: School, url: str, times: Path) -> None:
    async def met(servers: Servers) -> None:
        lesson, pupils = Lesson(), school.pupils(servers.running.url, 0, 3)
        looker = school.looker(servers.running.url)
        watching = [asyncio.ensure_future(one.watch(lesson.over)) for one in (*pupils, looker)]
        await asyncio.gather(*(pupil.is_back() for pupil in pupils))
        for pupil in pupils:
            await pupil.train()
        await restarted(school, servers, lesson, pupils)
        await asyncio.gather(*(pupil.open(DESIGN) for pupil in pupils))
        await asyncio.wait_for(looked(looker), BACK_SECONDS)
        lesson.over.set()
        await asyncio.gather(*watching)
        runs = {run.id: run.owner for run in school.lab.store.runs.all()}
        assert runs == {run_id: pupil.key for pupil in pupils for run_id in pupil.started}
        assert not any(one.errors for one in (*pupils, looker))

    with contextlib.ExitStack() as stack:
        asyncio.run(met(Servers(url, stack)))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_people_in_a_class_and_a_server_killed_on_the_way(school: School, url: str, times: Path) -> None:
    use, store = Use(), school.lab.store
    come_last(os.getpid(), 8)
    with contextlib.ExitStack() as stack:
        servers = Servers(url, stack)
        wait_until(lambda: store.lease.current() and store.lease.current().state == "ready", "the worker is warm")
        everybody, began = asyncio.run(taught(school, servers, use, BROWSERS, SECONDS))
        seconds = time.monotonic() - began
        cores = {group: used / seconds for group, used in use.sums().items()}
        left = len(store.queue.active())
        wait_until(lambda: not store.queue.active(), "all that was queued is trained", 600)
    found = requests(times, began, began + KILLED_AFTER * seconds)
    print("cores:", {group: round(each, 2) for group, each in cores.items()})
    for kind, every in sorted(found.items()):
        p50, p95 = (1e3 * np.quantile(every, share) for share in (0.5, 0.95))
        print(f"{kind}: {len(every)}, p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {1e3 * max(every):.0f} ms")
    slope, first, last = megabytes(use.bytes, began + seconds / 2)
    print(f"the server's memory in the second half: {first:.0f} to {last:.0f} MB, {slope:+.2f} MB a minute")
    runs = {run.id: run for run in store.runs.all()}
    print(f"{len(runs)} runs, {left} of them in the queue at the end")
    assert [error for one in everybody for error in one.errors] == []
    assert all(runs[run_id].owner == one.key for one in everybody for run_id in one.started), "none is lost"
    assert {run.status for run in runs.values()} == {Status.FINISHED}
    assert np.quantile(found[GLANCE], 0.95) < 1
    assert cores["server"] <= 0.6
    assert np.quantile(found["stage"], 0.95) < 1
    assert last < 1.1 * first
