"""A study in a real browser: from a question to its answer on a sheet of paper."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from mnist_lab.lab import Lab
from mnist_lab.person import system_user
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.plans import same_padding
from tests.builders.processes import running_chromium, server, wait_until, window

QUESTION = "Are 3×3 kernels better than 2×2 ones?"
VERDICT = ".st-key-study-view .verdict"
CHART = ".st-key-study-view [data-testid=stVegaLiteChart] svg"


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """A server, and its store, in which a design is saved that is trained in a second."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('studies') / 'lab.db'}")
    recipe = same_padding().recipe.model_dump(mode="json") | {"epochs": 1}
    Lab(store.url).save_design(same_padding(name="tiny", train_images=1000, recipe=recipe), by=system_user())
    with server(store.url) as running:
        yield running.url, store
    store.close()


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def choose(page: Page, label: str, option: str) -> None:
    settled(page)
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def write(page: Page, label: str, text: str, role: str = "textbox") -> None:
    settled(page)
    box = page.get_by_role(role, name=label, exact=True)
    box.fill(text)
    box.press("Enter")


def test_from_a_question_to_its_answer_on_a_sheet_of_paper(lab: tuple[str, Store], chromium: BrowserContext) -> None:
    url, store = lab
    with window(chromium) as page:
        page.goto(f"{url}/studies")
        page.get_by_text("None yet: ask a question below.").wait_for()
        page.locator(".st-key-template-kernel_size").get_by_role("button", name="Plan this").click()
        page.get_by_text("What this plan can tell").wait_for()
        wait_until(lambda: page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop") == 0, "at its top")
        choose(page, "In the design", "saved: tiny")
        write(page, "Your question", QUESTION)
        write(page, "Seeds of each", "3", "spinbutton")
        write(page, "Levels", "2, three")
        page.get_by_text("received 'three'").first.wait_for()
        start = page.get_by_role("button", name="Start the study")
        wait_until(start.is_disabled, "it is refused")
        write(page, "Levels", "2, 3")
        page.get_by_text("6 runs, about").wait_for()
        settled(page)
        start.click()

        page.get_by_text("The results are sealed until the last run has ended").wait_for()
        wait_until(lambda: "study=1" in page.url, "the address names it")
        assert page.locator(CHART).count() == 0
        (study,) = Lab(store.url).studies.all(by=system_user())
        page.get_by_text(study.digest).wait_for()
        page.locator(VERDICT).wait_for()  # the page follows by itself
        page.get_by_text("Student's paired t test: the number of seeds was fixed before the first run").wait_for()
        page.locator(f"{CHART} .mark-line path").first.wait_for()
        assert Lab(store.url).studies.get(study.id, by=system_user()).counts == {Status.FINISHED: 6}
        assert page.get_by_test_id("stException").count() == 0

        settled(page)
        assert _pages(page.pdf(format="A4")) == 1
        page.get_by_text("Its runs").click()
        page.get_by_role("link", name="seed 2").first.click()
        page.get_by_text("Everything known about one run").wait_for()
        page.go_back()
        page.get_by_role("heading", name=QUESTION).wait_for()

        page.get_by_role("link", name="All studies").click()
        page.get_by_role("heading", name="Your studies").wait_for()
        page.get_by_text("6 of 6 runs ended").wait_for()
        page.get_by_role("link", name=QUESTION).click()
        page.locator(VERDICT).wait_for()
        wait_until(lambda: "study=1" in page.url, "the address names it")
        page.reload()
        page.locator(VERDICT).wait_for()
        page.go_back()
        page.get_by_role("heading", name="Your studies").wait_for()


def _pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_looking_before_the_end_is_asked_twice_and_lasts(lab: tuple[str, Store], chromium: BrowserContext) -> None:
    url, store = lab
    slow = same_padding(name="slow").recipe.model_dump(mode="json") | {"epochs": 40}
    Lab(store.url).save_design(same_padding(name="slow", recipe=slow), by=system_user())
    with window(chromium) as page:
        page.goto(f"{url}/studies?template=kernel_size")
        page.get_by_text("What this plan can tell").wait_for()
        choose(page, "In the design", "saved: slow")
        write(page, "Seeds of each", "3", "spinbutton")
        page.get_by_text("12 runs, about").wait_for()
        settled(page)
        page.get_by_role("button", name="Start the study").click()
        page.get_by_role("button", name="Hold").click()
        page.get_by_text("On hold").first.wait_for()
        settled(page)
        page.get_by_role("button", name="Look now").click()
        page.get_by_role("button", name="Look, and have wider intervals for good").click()
        page.locator(VERDICT).get_by_text("Too few seeds").wait_for()
        page.get_by_text("Somebody looked at results before the last run had ended.").first.wait_for()
        settled(page)
        page.get_by_role("button", name="End it").click()
        page.get_by_role("button", name="End this study").click()
        page.get_by_role("button", name="Delete").wait_for()
    (study, _) = Lab(store.url).studies.all(by=system_user())
    assert study.is_complete
    assert study.looked is not None
