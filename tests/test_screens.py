"""What the pages look like, in numbers, on a projector, a laptop and a phone, in the light and in the dark."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.networks import small_experiment
from tests.builders.plans import plan
from tests.builders.processes import running_chromium, server, wait_until, window
from tests.builders.runs import ADA, OUTCOME, epoch, finish, finished, point

PROJECTOR, LAPTOP, PHONE = (1920, 1080), (1280, 720), (390, 844)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of each view: its address, a sign that it is there, and what must be in the first screen.
VIEWS = {
    "Design": ("/?preset=3x3", ".st-key-diagram-place svg .mark-rect", ".st-key-diagram-place"),
    "Train": ("/train?run=1", ".st-key-tall-accuracy svg .mark-symbol path", ".st-key-tall-accuracy"),
    "Results": ("/results", "[data-testid=stDataFrame]", "[data-testid=stDataFrame]"),
    "Studies": ("/studies?view=all", "[class*=st-key-study-row-]", "[class*=st-key-study-row-]"),
    "Plan of a study": ("/studies?template=batch_size_and_learning_rate", ".st-key-study-figures", ".st-key-study-bar"),
    "Study": ("/studies?study=1", ".verdict", ".verdict"),
    "Study of two things": ("/studies?study=2", "[data-testid=stVegaLiteChart] svg .mark-symbol path", ".verdict"),
    "Study that is sealed": ("/studies?study=3", ".st-key-study-counts", ".st-key-study-progress"),
    "Compare": ("/compare?runs=2,5", ".verdict", ".verdict"),
    "Run": ("/run?run=1", "[data-testid=stMetric]", "[data-testid=stMetric]"),
    "Draw": ("/inspect?runs=0&view=Draw", "canvas", "canvas"),
    "Mistakes": (
        "/inspect?runs=0&view=Mistakes",
        "[data-testid=stVegaLiteChart] svg .mark-rect",
        "[data-testid=stVegaLiteChart]",
    ),
    "Layers": ("/inspect?runs=0&view=Layers", "[data-testid=stImage]", "[data-testid=stImage]"),
    "What if": ("/inspect?runs=0&view=What+if", "[data-testid=stImage]", "[data-testid=stImage]"),
}
_SMALLEST = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (element.closest("style, script, [aria-hidden=true]")) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < 12) found.push([size, node.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""
_NARROW = """() => [...document.querySelectorAll("[data-testid=stVegaLiteChart]")]
  .map((chart) => [chart, chart.querySelector("svg, canvas")])
  .filter(([chart, drawn]) => drawn && drawn.getBoundingClientRect().width < 0.9 * chart.getBoundingClientRect().width)
  .map(([chart, drawn]) => [chart.getBoundingClientRect().width, drawn.getBoundingClientRect().width])"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """A server, and its store with runs of two designs that have ended."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('screens') / 'lab.db'}")
    small = small_experiment()
    other = small.with_changes(name="other", architecture={"blocks": [{"filters": 8, "kernel_size": 3}]})
    (first,) = store.queue.add([small], "ada")
    store.queue.claim("engine")
    store.recording.record(first, Report([point(0), point(1)]))
    for number in (1, 2):
        store.recording.record(first, epoch(number, 0.8 + number / 20))
    store.recording.finish(first, replace(OUTCOME, probabilities=np.full((10_000, 10), 0.1)))
    for design, accuracy in ((small, 0.9), (other, 0.95)):
        for seed in (2, 3, 4):
            finished(store, design.with_changes(seed=seed), accuracy + seed / 1000)
    _studies(store)
    with server(store.url) as running:
        yield running.url, store
    store.close()


def _studies(store: Store) -> None:
    """One that is answered, one of two things, and one that is sealed and on hold."""
    studies = Lab(store.url).studies
    dropout = {"field": "blocks.dropout", "levels": [0, 0.5]}
    kernels = {"field": "blocks.kernel_size", "levels": [2, 3]}
    for factors in ([kernels | {"levels": [2, 3, 5]}], [kernels, dropout]):
        study_id = studies.start(plan(factors=factors, seeds=4), by=ADA)
        for run_id in store.studies.unended(study_id):
            run = store.runs.get(run_id)
            (size, _) = run.experiment.architecture.blocks[0].kernel_size
            finish(store, run_id, 0.98 + size / 1000 + run.seed / 20_000)
    studies.hold(studies.start(plan(first_seed=100), by=ADA), by=ADA)


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end and its layout stands still."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def box(page: Page, selector: str) -> dict[str, float]:
    return wait_until(page.locator(selector).first.bounding_box, selector)  # it may be drawn anew just now


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_comes_first_is_readable_and_usable_by_everyone(
    lab: tuple[str, Store], chromium: BrowserContext, name: str
) -> None:
    address, sign, thing = VIEWS[name]
    with window(chromium) as page:
        page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
        page.goto(lab[0] + address)
        page.locator(sign).first.wait_for()
        settled(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            settled(page)
            found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
            told = [(each["id"], node["html"][:120]) for each in found for node in each["nodes"]]
            assert told == [], scheme
        for width, height in (PROJECTOR, LAPTOP, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            head = box(page, ".st-key-page-head")
            assert head["y"] + head["height"] <= 100, (width, head)
            where = box(page, thing)
            assert where["y"] + min(where["height"], 200) <= height, (width, where)
            wait_until(lambda: not page.evaluate(_NARROW), f"no chart leaves its column empty at {width}", 20)
            assert page.evaluate(_SMALLEST) == [], width
            for scrolling in ("html", "[data-testid=stMain]"):
                too_wide = page.locator(scrolling).evaluate("element => element.scrollWidth - innerWidth")
                assert too_wide <= 0, (width, scrolling)


def test_live_charts_are_high_and_side_by_side_or_above_each_other(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.set_viewport_size({"width": PROJECTOR[0], "height": PROJECTOR[1]})
        page.goto(f"{lab[0]}/train?run=1")
        page.locator(".st-key-tall-loss svg .mark-symbol path").first.wait_for()
        for (width, height), least in ((PROJECTOR, 420), (LAPTOP, 300)):
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            accuracy, loss = (box(page, f".st-key-tall-{metric}") for metric in ("accuracy", "loss"))
            assert accuracy["y"] == loss["y"]
            for chart in (accuracy, loss):
                assert chart["height"] >= least
                assert chart["y"] + chart["height"] <= height, "all of it is in the first screen"
        page.get_by_role("radio", name="one above the other").click()
        wait_until(lambda: box(page, ".st-key-tall-loss")["y"] > box(page, ".st-key-tall-accuracy")["y"], "stacked")
        page.reload()
        page.locator(".st-key-tall-loss svg .mark-symbol path").first.wait_for()
        assert box(page, ".st-key-tall-loss")["y"] > box(page, ".st-key-tall-accuracy")["y"], "the choice lasts"
        page.get_by_role("radio", name="side by side").click()
        wait_until(
            lambda: box(page, ".st-key-tall-loss")["y"] == box(page, ".st-key-tall-accuracy")["y"], "side by side"
        )


def test_a_presentation_begins_with_a_key_is_in_the_address_and_leaves_out_menu_and_tools(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
        page.goto(f"{lab[0]}/train?run=1")
        words = page.locator(".st-key-tall-accuracy svg .role-axis-label text").first
        words.wait_for()
        settled(page)
        before = float(words.evaluate("text => parseFloat(getComputedStyle(text).fontSize)"))
        page.keyboard.press("Alt+p")
        page.wait_for_url(lambda url: "present=1" in url, wait_until="commit")
        page.get_by_role("button", name="End presentation").wait_for()
        wait_until(
            lambda: float(words.evaluate("text => parseFloat(getComputedStyle(text).fontSize)")) >= 1.5 * before,
            "charts are larger",
        )
        assert not page.locator("[data-testid=stSidebar]").is_visible()
        assert not page.locator(".st-key-tools-charts").is_visible()
        assert page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") >= 36
        page.goto(page.url)  # as somebody else would open the link
        page.get_by_role("button", name="End presentation").wait_for()
        settled(page)
        page.keyboard.press("Alt+p")
        page.locator("[data-testid=stSidebar]").wait_for()
        page.wait_for_url(lambda url: "present=1" not in url, wait_until="commit")


def test_train_is_few_keys_from_the_top_and_the_page_works_at_twice_its_size(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.goto(f"{lab[0]}/?preset=3x3")
        train = page.get_by_role("button", name="Train", exact=True)
        train.wait_for()
        settled(page)
        page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); }")
        for _ in range(15):
            page.keyboard.press("Tab")
            if train.evaluate("button => button === document.activeElement"):
                break
        assert train.evaluate("button => button === document.activeElement"), "more than 15 stops"
        assert train.evaluate("button => getComputedStyle(button).outlineStyle") != "none", "focus is seen"
        page.set_viewport_size({"width": LAPTOP[0] // 2, "height": LAPTOP[1] // 2})  # as at 200 %
        settled(page)
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        figures, bar = box(page, ".st-key-figures"), box(page, ".st-key-train-bar")
        assert figures["y"] + figures["height"] <= bar["y"], "the bar with Train covers no figure"
        assert bar["y"] + bar["height"] <= LAPTOP[1] // 2


_FOCUS = """() => {
  const focused = document.activeElement;
  // The input of a slider or a switch is hidden in what is drawn of it.
  const drawn = focused.closest("[data-testid=stSlider], [data-testid=stCheckbox]") ?? focused;
  const { x, y, width, height } = drawn.getBoundingClientRect();
  const top = document.elementFromPoint(x + width / 2, y + height / 2);
  return { name: focused.getAttribute("aria-label") || focused.textContent.slice(0, 40), tag: focused.tagName,
           seen: !!top && (drawn.contains(top) || top.contains(drawn)) };
}"""


@pytest.mark.parametrize("size", [LAPTOP, (LAPTOP[0] // 2, LAPTOP[1] // 2)])
@pytest.mark.parametrize("view", ["Design", "Train"])
def test_whatever_has_the_focus_is_in_sight(
    lab: tuple[str, Store], chromium: BrowserContext, view: str, size: tuple[int, int]
) -> None:
    address, sign, _ = VIEWS[view]
    with window(chromium) as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(lab[0] + address)
        page.locator(sign).first.wait_for()
        settled(page)
        page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); }")
        for _ in range(30):
            page.keyboard.press("Tab")
            found = page.evaluate(_FOCUS)
            assert found["seen"], found


def test_the_focus_goes_on_to_what_takes_the_place_of_a_button(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
        page.goto(f"{lab[0]}/?preset=3x3")
        field = page.get_by_role("spinbutton", name="Kernel size")
        field.fill("5")
        field.press("Enter")
        undo = page.get_by_role("button", name="Undo")
        wait_until(undo.is_enabled, "there is something to undo")
        settled(page)
        field.press("Control+z")
        values = "fields => fields.map(field => field.value)"  # for a moment there are two
        wait_until(lambda: field.evaluate_all(values) == ["3"], "it is undone")
        wait_until(lambda: page.evaluate(_FOCUS)["tag"] != "BODY", "the focus is somewhere")
        assert page.evaluate("() => !!document.activeElement.closest('[class*=st-key-kernel_size]')")
        page.get_by_role("link", name="Results", exact=True).press("Enter")
        page.get_by_role("heading", name="Results", exact=True).wait_for()
        wait_until(lambda: page.evaluate(_FOCUS)["name"].endswith("Results"), "the focus is on the menu or the title")


def test_a_question_mark_explains_a_switch_and_does_not_turn_it(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.goto(f"{lab[0]}/train?run=1")
        switch = page.get_by_role("switch", name="Where good networks differ")
        switch.wait_for()
        settled(page)
        page.get_by_test_id("stCheckbox").get_by_test_id("stTooltipIcon").click()
        page.get_by_test_id("stTooltipContent").get_by_text("Shows the part of the scale").wait_for()
        settled(page)
        assert not switch.is_checked()


def test_nothing_jumps_while_a_run_trains_ends_and_the_next_begins(
    lab: tuple[str, Store], chromium: BrowserContext
) -> None:
    url, store = lab
    short = PRESETS["fast"].with_changes(train_images=3000)
    first, second = store.queue.add([short, short.with_changes(seed=2)], "ada")
    with window(chromium) as page:
        page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
        page.goto(f"{url}/train?follow=now")
        page.get_by_text("Epoch 1 of 2").wait_for()
        settled(page)
        page.evaluate(
            """() => { window.shift = 0; new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
            }).observe({ type: "layout-shift", buffered: false }); }"""
        )
        charts = [box(page, f".st-key-tall-{metric}") for metric in ("accuracy", "loss")]
        wait_until(lambda: store.runs.get(first).status is Status.FINISHED, "the first ends")
        wait_until(lambda: store.runs.get(second).steps_done > 0, "the next begins")
        page.get_by_text(f"run {second}, seed 2").wait_for()
        settled(page)
        assert [box(page, f".st-key-tall-{metric}") for metric in ("accuracy", "loss")] == charts
        assert page.evaluate("() => window.shift") < 0.1, "the bound that Google calls good"
        store.queue.stop(second)
        wait_until(lambda: store.runs.get(second).status.is_ended, "it stops")
