"""The stage in a real browser: its type is read from ten metres, and it comes back by itself after its server was away."""

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page

from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.processes import ROOT, chromium_itself, server, wait_until
from tests.builders.runs import OUTCOME, epoch

LEAST_PIXELS = 24  # of type, of 1,080
SMALL = """() => [...document.querySelectorAll("[data-testid=stApp] *")]
  .filter((each) => each.checkVisibility() && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .filter((each) => !each.closest("style, script, [class*=-heard]"))
  .map((each) => [parseFloat(getComputedStyle(each).fontSize), each.textContent.trim()])"""
SEEN = """() => [...document.querySelectorAll("button, a, input, [role=dialog], [data-testid=stSidebar], header")]
  .filter((each) => each.checkVisibility()).map((each) => each.outerHTML.slice(0, 200))"""
DIALOG = "document.querySelector('[data-testid=stDialog], [role=dialog]')"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium_itself() as running:
        context = running.new_context(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        yield context.new_page()


def raced(store: Store, owner: str, preset: str) -> int:
    (run_id,) = store.queue.add([PRESETS[preset]], owner)
    store.queue.claim("engine", only=[run_id])
    for number in range(1, 4):
        store.recording.record(run_id, epoch(number, accuracy=0.8 + 0.05 * number, steps=468, size=10))
    store.recording.finish(run_id, OUTCOME)
    assert store.runs.get(run_id).status is Status.FINISHED
    return run_id


def assert_readable(page: Page, words: str) -> None:
    page.get_by_text(words).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    found = page.evaluate(SMALL)
    assert found
    assert [(size, text) for size, text in found if size < LEAST_PIXELS] == []
    assert page.evaluate(SEEN) == [], "nothing to press, and no menu"
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def is_new(page: Page) -> bool:
    """Whether it was loaded since it was marked."""
    try:
        return bool(page.evaluate("window.isTheSame === undefined"))
    except Error:  # it is being loaded
        return False


@pytest.mark.timeout(400)
def test_the_stage_is_read_from_ten_metres_and_comes_back_by_itself_after_its_server_was_away(
    store: Store, page: Page
) -> None:
    open_class(store)
    runs = [raced(store, pupil(store, name).key, preset) for name, preset in (("Ada", "3x3"), ("Bo", "2x2"))]
    lab = Lab(store.url)
    with server(store.url, folder=ROOT) as running:
        port = int(running.url.rpartition(":")[2])
        page.goto(f"{running.url}/watch/{lab.stage.token(by=TEACHER)}")
        assert page.url == f"{running.url}/stage"
        assert_readable(page, "Join the class")
        for scene, words in (
            ("board", "best designs"),
            ("front", "Accuracy and cost"),
            ("drawing", "What do networks"),
        ):
            lab.stage.show(scene, by=TEACHER)
            assert_readable(page, words)
        lab.stage.show("race", {"runs": runs}, by=TEACHER)
        assert_readable(page, "Not enough data: 1 seed each.")
        page.locator(".st-key-stage-chart svg text", has_text="2x2").wait_for()
        page.goto(f"{running.url}/results")
        page.wait_for_url(f"{running.url}/stage")
        page.locator(".st-key-stage-chart svg text", has_text="2x2").wait_for()
        page.evaluate("window.isTheSame = true")
        page.wait_for_timeout(5000)  # as a stage has stood for a while: its script looks every two seconds
        running.signal(signal.SIGKILL)
        running.process.wait()
        wait_until(lambda: not page.locator("[data-test-connection-state=CONNECTED]").count(), "it has noticed")
        wait_until(lambda: page.evaluate(f"Boolean({DIALOG})"), "Streamlit says so, where nobody sees it", 30)
        assert page.evaluate(SEEN) == []
        assert page.get_by_text("Not enough data: 1 seed each.").is_visible(), "its last picture stays"
    with server(store.url, folder=ROOT, port=port):
        wait_until(lambda: is_new(page), "it is loaded anew, without hands")
        assert_readable(page, "Not enough data: 1 seed each.")
        page.locator(".st-key-stage-chart svg text", has_text="2x2").wait_for()
    lab.store.close()
