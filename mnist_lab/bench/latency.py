"""Waiting times, and what shortening them costs: workers, pages, changes of a design."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import psutil

from mnist_lab import settings
from mnist_lab.bench import seed as seeding
from mnist_lab.bench import viewers
from mnist_lab.bench.servers import Server, family, server
from mnist_lab.bench.training import spread
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import supervisor
from mnist_lab.errors import EngineError
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.lease import READY
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation

T = TypeVar("T")
Say = Callable[[str], None]
BUDGETS = ("fast", "good", "thorough", "tiny")
_MANY_EPOCHS, _FEW_EPOCHS = 7, 4  # of presets with more than `_MANY_EPOCHS`, a quick bench trains only `_FEW_EPOCHS`
BENCH = Person("bench")
SMALL = ("3x3", "2x2", "fast")
MANY_RUNS = 10_000
LONGEST_SECONDS = 300.0
PAGES = {page.title.lower(): page.path for page in navigation.PAGES if page.icon}


def _wait_for(probe: Callable[[], T], what: str, every: float = 0.02) -> T:
    end = time.monotonic() + LONGEST_SECONDS
    while not (answer := probe()):
        if time.monotonic() > end:
            raise EngineError(f"The bench waited for {LONGEST_SECONDS:g} s in vain until {what}.")
        time.sleep(every)
    return answer


@contextlib.contextmanager
def _store() -> Iterator[str]:
    """The URL of a temporary store."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/lab.db"


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _engine(url: str, workers: int) -> Iterator[Lab]:
    """A lab with an engine that has `workers` workers, is ready, and has calibrated the machine."""
    with _environment(**{settings.WORKERS: str(workers)}), supervisor.engine(url):
        lab = Lab(url)
        _until_ready(lab)
        yield lab


def _short(name: str, images: int, epochs: int, seed: int = 1) -> Experiment:
    recipe = PRESETS[name].recipe.model_dump(mode="json") | {"epochs": epochs}
    return PRESETS[name].with_changes(recipe=recipe, train_images=images, seed=seed)


def _ended(lab: Lab, ids: list[int]) -> list[Run]:
    def runs() -> list[Run]:
        found = list(lab.reader(BENCH).some(ids).values())
        return found if all(run.status.is_ended for run in found) else []

    found = _wait_for(runs, "the runs end", every=0.25)
    if wrong := [run for run in found if run.status is not Status.FINISHED]:
        raise EngineError(f"Run {wrong[0].id} {wrong[0].status}: {wrong[0].error}.")
    return found


def _until_ready(lab: Lab) -> float:
    """Wait until a worker is warm, then until the machine is calibrated; returns the seconds of the former."""
    began = time.perf_counter()
    _wait_for(lambda: lab.engine_state() == READY, "the worker is warm")
    seconds = time.perf_counter() - began
    _wait_for(lab.store.calibrations.get, "the machine is calibrated")
    return seconds


def _first_point(lab: Lab, name: str, seed: int) -> tuple[float, Run]:
    """Start a short run; returns the seconds until the first point of its curve, and the run when it has ended."""
    began = time.perf_counter()
    (run_id,) = lab.start(_short(name, 20_000, 2, seed), by=BENCH)
    _wait_for(lambda: len(lab.store.runs.batches(run_id)), "the first point", every=0.01)
    seconds = time.perf_counter() - began
    return seconds, _ended(lab, [run_id])[0]


def training(times: int, say: Say) -> dict[str, Any]:
    """Measure the seconds until a worker is warm, those from Train to the first point, of a design that is new and of
    another seed of it, and the share of training time spent on reports."""
    warm: list[float] = []
    first: list[float] = []
    again: list[float] = []
    shares: list[float] = []
    for number in range(1, times + 1):
        say(f"a worker warms up, {number} of {times}")
        with _store() as url, supervisor.engine(url):
            lab = Lab(url)
            warm.append(_until_ready(lab))
            for name in SMALL:
                say(f"from Train to the first point, {name}")
                for seed, points in enumerate((first, again), 1):
                    seconds, run = _first_point(lab, name, seed)
                    points.append(seconds)
                    shares.append((run.reporting_seconds or 0.0) / (run.seconds or 1.0))
    return {
        "warm_start_seconds": spread(warm),
        "train_to_first_point_seconds": spread(first),
        "train_again_to_first_point_seconds": spread(again),
        "reporting_share": spread(shares),
    }


def budgets(quick: bool, say: Say) -> dict[str, Any]:
    """Measure the training time of each preset in `BUDGETS`, alone on the machine.

    Args:
        quick: train only the first few epochs of presets with many, and predict the rest.
    """
    found = {}
    with _store() as url, _engine(url, 1) as lab:
        for name in BUDGETS:
            preset = PRESETS[name]
            whole = preset.recipe.epochs
            epochs = _FEW_EPOCHS if quick and whole > _MANY_EPOCHS else whole
            say(f"{name}, alone: epochs {epochs}")
            (run_id,) = lab.start(_short(name, preset.train_images, epochs), by=BENCH)
            (run,) = _ended(lab, [run_id])
            each = float(lab.store.runs.epochs([run_id])["seconds"].median())
            found[name] = {
                "seconds": (run.seconds or 0.0) + (whole - epochs) * each,
                "epochs": whole,
                "epochs_trained": epochs,
                "test_accuracy": run.test_accuracy if epochs == whole else None,
                "parameters": run.parameters,
            }
    return found


def side_by_side(rounds: int, runs: int, images: int, epochs: int, say: Say) -> dict[str, Any]:
    """Measure epochs per hour with one worker and with two, alternating, and the memory of the second one.

    Args:
        runs: to queue for each measurement.
        images, epochs: of each run.
    """
    hourly: dict[str, dict[int, list[float]]] = {name: {1: [], 2: []} for name in SMALL}
    bytes_of: dict[int, list[int]] = {1: [], 2: []}
    for number in range(1, rounds + 1):
        for workers in (1, 2):
            with _store() as url, _engine(url, workers) as lab:
                # After this every worker has trained once.
                _ended(lab, lab.start(_short("3x3", 1000, 1), seeds=2 * workers, by=BENCH))
                for name in SMALL:
                    say(f"side by side, round {number} of {rounds}: {name}, workers {workers}")
                    found = _ended(lab, lab.start(_short(name, images, epochs), seeds=runs, by=BENCH))
                    took = max(run.ended or 0 for run in found) - min(run.started or 0 for run in found)
                    hourly[name][workers].append(3600 * runs * epochs / took)
                lease = lab.store.lease.current()
                assert lease
                bytes_of[workers].append(_own_bytes(lease.pid))
    pairs = {name: [two / one for one, two in zip(found[1], found[2], strict=True)] for name, found in hourly.items()}
    return {
        "epochs_per_hour": {name: {str(n): spread(values) for n, values in by.items()} for name, by in hourly.items()},
        "speedup_of_two_workers": {name: spread(values) for name, values in pairs.items()},
        "runs_per_minute": {
            name: {str(n): median(values) / epochs / 60 for n, values in by.items()} for name, by in hourly.items()
        },
        "images_per_epoch": images,
        "epochs": epochs,
        "megabytes_of_a_further_worker": spread(
            [(two - one) / 1e6 for one, two in zip(bytes_of[1], bytes_of[2], strict=True)]
        ),
    }


def _own_bytes(pid: int) -> int:
    """Unique set size of a process and its descendants in bytes: the memory that would be free without them."""
    total = 0
    for process in family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().uss
    return total


def first_page(rounds: int, say: Say) -> dict[str, Any]:
    """Measure the seconds from a server's start to the end of its first page, and those of an empty Streamlit app,
    alternating."""
    ours: list[float] = []
    empty: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "empty.py"
        script.write_text("import streamlit as st\n\nst.title('Empty')\n")
        for number in range(1, rounds + 1):
            say(f"the first page, {number} of {rounds}")
            for script_seconds, options in ((empty, (script,)), (ours, ())):
                with _store() as url:
                    began = time.perf_counter()
                    with server(url, *options) as running:
                        asyncio.run(viewers.visit(running.url, "", 1))
                        script_seconds.append(time.perf_counter() - began)
    return {
        "first_page_seconds": spread(ours),
        "empty_app_first_page_seconds": spread(empty),
        "first_page_beyond_empty_app_seconds": spread([a - b for a, b in zip(ours, empty, strict=True)]),
    }


def pages(times: int, looking: int, say: Say) -> dict[str, Any]:
    """Measure reruns of pages in milliseconds and the server's memory, with `MANY_RUNS` runs in the store, and the cost of
    viewers of a live page.

    Args:
        times: reruns of each page.
        looking: number of viewers.
    """
    with _store() as url:
        say(f"a store of {MANY_RUNS:,} runs")
        store = Store(url)
        seeding.fill(store, MANY_RUNS)
        with server(url) as running:
            lab = Lab(url)
            _until_ready(lab)
            reruns = {}
            for name, path in PAGES.items():
                say(f"reruns of {name}")
                seconds = asyncio.run(viewers.visit(running.url, path, times + 3))[3:]
                reruns[name] = {**_percentiles(seconds), "times": times}
            megabytes = psutil.Process(running.process.pid).memory_info().rss / 1e6
            say(f"{looking} viewers of a run in training")
            cost = _viewers_cost(running, lab, looking)
        store.close()
    return {"rerun_ms": reruns, "server_megabytes": megabytes, "runs_in_store": MANY_RUNS, **cost}


def _viewers_cost(running: Server, lab: Lab, looking: int) -> dict[str, Any]:
    """Measure the server's processor time without viewers, and with viewers of a run in training."""

    def used() -> float:
        times = psutil.Process(running.process.pid).cpu_times()
        return float(times.user + times.system)

    async def look(seconds: float, people: list[viewers.Viewer]) -> float:
        until = asyncio.Event()
        tasks = [asyncio.ensure_future(one.watch(until)) for one in people]
        await asyncio.sleep(5.0)  # until all have their first page
        before = used()
        await asyncio.sleep(seconds)
        found = (used() - before) / seconds
        until.set()
        await asyncio.gather(*tasks)
        return found

    (run_id,) = lab.start(_short("3x3", 60_000, 100), by=BENCH)
    _wait_for(lambda: len(lab.store.runs.batches(run_id)), "the run trains")
    alone = asyncio.run(look(5.0, []))
    people = [viewers.Viewer(running.url, "train") for _ in range(looking)]
    together = asyncio.run(look(15.0, people))
    lab.stop(run_id, by=BENCH)
    _wait_for(lambda: lab.reader(BENCH).run(run_id).status.is_ended, "the run stops")
    if wrong := [error for one in people for error in one.errors]:
        raise EngineError(f"A page showed an error: {wrong[0]}.")
    return {
        "viewers": looking,
        "core_share_per_viewer": (together - alone) / looking,
        "core_share_without_viewers": alone,
        "viewer_update_ms": _percentiles([second for one in people for second in one.seconds]),
    }


_WATCH = """
() => { window.shown = null;
  const values = () => [...document.querySelectorAll('[data-testid=stMetricValue]')].map(e => e.textContent).join('|');
  window.before = values();
  new MutationObserver(() => { if (!window.shown && values() != window.before) window.shown = performance.now(); })
    .observe(document.body, {subtree: true, childList: true, characterData: true});
  document.addEventListener('click', () => { window.clicked = performance.now(); }, {capture: true, once: true});
}
"""


def design(times: int, say: Say) -> dict[str, Any] | None:
    """Measure the milliseconds from a click on the Design page to new figures, in Chromium; None where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if path is None:
        return None
    say("changes of a design, in a browser")
    with _store() as url, server(url) as running, sync_playwright() as playwright:
        _until_ready(Lab(url))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(running.url)
        page.get_by_test_id("stMetricValue").first.wait_for()
        seconds = []
        for number in range(times + 3):
            name = ("× ½", "× 1", "× 2")[number % 3]
            page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
            page.evaluate(_WATCH)
            page.get_by_role("radio", name=name, exact=True).click()
            _wait_for(lambda: page.evaluate("window.shown"), "new figures")
            seconds.append(page.evaluate("window.shown - window.clicked") / 1000)
        browser.close()
    return {**_percentiles(seconds[3:]), "times": times}


def _percentiles(seconds: list[float]) -> dict[str, float]:
    return {"p50": 1e3 * float(np.quantile(seconds, 0.5)), "p95": 1e3 * float(np.quantile(seconds, 0.95))}
