"""A lesson in real browsers: a teacher and two pupils on one server, from the teacher's link to the class's end."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from mnist_lab.store import secrets
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.processes import chromium_itself, server, wait_until

SLOW = 90_000.0  # milliseconds


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium_itself() as running:
        yield running


def person(running: Browser) -> BrowserContext:
    """A browser with cookies of its own."""
    context = running.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    context.set_default_timeout(SLOW)
    return context


def join(context: BrowserContext, url: str, code: str, name: str) -> Page:
    page = context.new_page()
    page.goto(url)
    expect(page).to_have_url(re.compile("/join$"), timeout=SLOW)
    page.get_by_label("Code").fill(code)
    page.get_by_label("name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(name).first).to_be_visible(timeout=SLOW)
    return page


def test_a_lesson_with_a_teacher_and_two_pupils(store: Store, browser: Browser) -> None:
    at_desk, with_ada, with_bob = (person(browser) for _ in range(3))
    with server(store.url) as running:
        teacher = at_desk.new_page()
        teacher.goto(f"{running.url}/teach/{store.secrets.get(secrets.TEACHER)}")
        expect(teacher).to_have_url(f"{running.url}/class", timeout=SLOW)
        teacher.get_by_role("button", name="Open a class").click()
        code = wait_until(store.classes.current, "the class is open").code
        expect(teacher.get_by_text(f"{code[:3]} {code[3:]}")).to_be_visible(timeout=SLOW)

        ada = join(with_ada, running.url, code.lower(), "Ada")
        bob = join(with_bob, running.url, code, "Bob")
        expect(teacher.get_by_text("2 of 2 here")).to_be_visible(timeout=SLOW)
        teacher.get_by_role("radio", name="Queue and limits").click()
        teacher.get_by_role("button", name="Pause the queue").click()
        wait_until(lambda: store.classes.current().is_held, "nothing begins")

        ada.get_by_role("button", name="Train", exact=True).click()
        expect(ada.get_by_text("the teacher has paused the queue").first).to_be_visible(timeout=SLOW)
        expect(ada.get_by_role("button", name="Cancel")).to_be_visible(timeout=SLOW)
        (hers,) = (run.id for run in store.queue.active())
        assert store.runs.get(hers).owner == store.people.by_key("pupil 1").key
        bob.goto(f"{running.url}/train?run={hers}")
        expect(bob.get_by_text(f"run {hers}, seed")).to_be_visible(timeout=SLOW)
        expect(bob.get_by_role("button", name="Cancel")).to_have_count(0, timeout=SLOW)

        ada.close()  # leaves, and comes back
        ada = with_ada.new_page()
        ada.goto(f"{running.url}/train")
        ada.get_by_role("button", name="Cancel").click()
        wait_until(lambda: store.runs.get(hers).status is Status.CANCELLED, "she may")

        store.people.remove("pupil 2")  # as the teacher does
        expect(bob.get_by_text("You are not in the class any more").first).to_be_visible(timeout=SLOW)
        teacher.get_by_role("radio", name="The end").click()
        teacher.get_by_role("button", name="Close the class").click()
        expect(teacher.get_by_role("button", name="Open it again")).to_be_visible(timeout=SLOW)
        ada.goto(running.url)
        ada.get_by_role("button", name="Train", exact=True).click()
        expect(ada.get_by_text("The class is closed").first).to_be_visible(timeout=SLOW)
        assert len(store.runs.all()) == 1
    with server(store.url) as again:
        ada.goto(f"{again.url}/results")  # another port, and the same cookie
        download = ada.locator('.st-key-runs-table [aria-label^="Download as CSV"]')
        expect(download).to_have_count(1, timeout=SLOW)
        expect(download).to_be_hidden(timeout=SLOW)  # it would write names into a file
        expect(ada.get_by_text("Ada").first).to_be_visible(timeout=SLOW)
