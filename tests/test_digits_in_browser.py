"""A digit drawn with a finger on a phone, in a real browser, is in the class's set."""

import re

import numpy as np
from playwright.sync_api import Page, expect

from mnist_lab.data import drawing
from mnist_lab.store.store import Store
from tests.builders.classes import CODE, open_class
from tests.builders.processes import chromium_itself, server, wait_until

SLOW = 90_000.0  # milliseconds
PHONE = {"width": 390, "height": 844}


def stroke(page: Page, *corners: tuple[float, float]) -> None:
    """A finger's way over the pad, through corners as shares of its side."""
    box = page.get_by_role("application", name="Pad to draw a digit on").bounding_box()
    at = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in corners]
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at[:1]})
    for point in at[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_pupil_draws_with_a_finger_on_a_phone_and_the_digit_is_in_the_set(store: Store) -> None:
    room = open_class(store)
    with server(store.url) as running, chromium_itself() as browser:
        context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
        context.set_default_timeout(SLOW)
        page = context.new_page()
        page.goto(running.url)
        expect(page).to_have_url(re.compile("/join$"), timeout=SLOW)
        page.get_by_label("Code").fill(CODE)
        page.get_by_label("name").fill("Cleo")
        page.keyboard.press("Enter")
        expect(page).not_to_have_url(re.compile("/join$"), timeout=SLOW)
        page.goto(f"{running.url}/digits")
        keep = page.get_by_role("button", name="Keep this 0")
        expect(keep).to_be_in_viewport(timeout=SLOW)  # the pad, and what keeps the drawing, on one screen
        stroke(page, (0.5, 0.2), (0.3, 0.5), (0.5, 0.8), (0.7, 0.5), (0.5, 0.2))
        stroke(page, (0.4, 0.6), (0.6, 0.4))  # and crossed out, as some write it
        keep.dblclick()
        expect(page.get_by_text("Draw a 1")).to_be_visible(timeout=SLOW)
        expect(page.get_by_text("Yours: 1 of at most 50")).to_be_visible(timeout=SLOW)
        expect(page.locator(".pad")).to_have_count(1, timeout=SLOW)
        assert page.locator(".pad").evaluate("root => root.pad.strokes") == [], "the next pad is empty"
        (digit,) = wait_until(lambda: store.digits.of(room), "it is kept")
        assert (digit.label, store.people.by_key(digit.person).name) == (0, "Cleo")
        rows = np.flatnonzero(digit.image.any(axis=1))
        assert rows[-1] - rows[0] + 1 == drawing.DIGIT_SIDE
        assert digit.image[14, 12:17].any(), "with its second stroke, however quick the press was"
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.get_by_role("button", name="Undo: delete the last 0").click()
        wait_until(lambda: not store.digits.of(room), "it is gone")
