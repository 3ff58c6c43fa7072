"""A whole lesson in real browsers, with real training: a teacher, two pupils on phones, and the stage on a projector."""

import io
import re
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from mnist_lab.store import secrets
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.processes import ROOT, chromium_itself, server, wait_until

SLOW = 120_000.0  # milliseconds
TRAINED = 240  # seconds
LAPTOP, PHONE, PROJECTOR = (1280, 720), (390, 844), (1920, 1080)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium_itself() as running:
        yield running


def person(running: Browser, size: tuple[int, int]) -> BrowserContext:
    """A browser with cookies of its own."""
    context = running.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    context.set_default_timeout(SLOW)
    expect.set_options(timeout=SLOW)
    return context


def join(context: BrowserContext, url: str, code: str, name: str) -> Page:
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Code").fill(code)
    page.get_by_label("name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(name).first).to_be_visible()
    return page


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def part(teacher: Page, name: str) -> None:
    """Open a part of the Class page, or choose what is offered in one."""
    teacher.get_by_role("radio", name=name, exact=True).click()
    settled(teacher)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def write(page: Page, label: str, text: str) -> None:
    field = page.locator("input").and_(page.get_by_label(label, exact=True))
    field.fill(text)
    field.press("Enter")


def is_kept(page: Page, label: str, number: str) -> bool:
    """Type a number, unless it stands there; whether the page has it when it has been drawn."""
    field = page.locator("input").and_(page.get_by_label(label, exact=True))
    if field.input_value() != number:
        write(page, label, number)
    page.wait_for_timeout(300)
    settled(page)
    return field.input_value() == number


def finished(store: Store, count: int) -> None:
    """Wait until so many runs are there and have finished."""

    def are() -> bool:
        runs = store.runs.all()
        return len(runs) == count and all(run.status is Status.FINISHED for run in runs)

    wait_until(are, f"{count} runs have finished", TRAINED)


def draw(page: Page, url: str) -> None:
    """Draw a one where the lab asks for a nought: it is the drawer's word that counts."""
    page.goto(f"{url}/digits")
    keep = page.get_by_role("button", name="Keep this 0")
    keep.wait_for()
    box = page.get_by_role("application", name="Pad to draw a digit on").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 4 / 5, steps=5)
    page.mouse.up()
    keep.click()
    expect(page.get_by_text("Yours: 1 of at most 50")).to_be_visible()


@pytest.mark.timeout(1200)
def test_a_lesson_from_the_first_link_to_the_file_taken_home(store: Store, browser: Browser) -> None:
    at_desk, with_ada, with_bob = person(browser, LAPTOP), person(browser, PHONE), person(browser, PHONE)
    with server(store.url, folder=ROOT) as running:
        port = int(running.url.rpartition(":")[2])
        # Open, and join.
        teacher = at_desk.new_page()
        teacher.goto(f"{running.url}/teach/{store.secrets.get(secrets.TEACHER)}")
        press(teacher, "Open a class")
        room = wait_until(store.classes.current, "the class is open")
        ada, bob = (
            join(context, running.url, room.code, name) for context, name in ((with_ada, "Ada"), (with_bob, "Bob"))
        )
        stage = person(browser, PROJECTOR).new_page()
        stage.goto(f"{running.url}/watch/{store.secrets.get(secrets.of_stage(room.id))}")
        expect(stage.get_by_text("2 pupils in")).to_be_visible()

        # Rehearse, and begin the round.
        part(teacher, "Round")
        # Whoever types a number while the machine is being measured, which changes what is proposed, types it again.
        wait_until(lambda: is_kept(teacher, "Training images", "1000"), "the images are kept", 60)
        wait_until(lambda: is_kept(teacher, "Epochs", "1"), "the epochs are kept", 60)
        expect(teacher.get_by_text("1 epoch of 1,000 images; everyone's first run").first).to_be_visible()
        press(teacher, "Rehearse")
        expect(teacher.get_by_text("Measured with 2 pretended pupils")).to_be_visible(timeout=1000 * TRAINED)
        assert store.runs.unrehearsed().all() == []
        press(teacher, "Begin the round")
        for pupil in (ada, bob):
            expect(pupil.get_by_text("everybody trains 1 epoch of 1,000 images")).to_be_visible()

        # Guess, and train.
        part(teacher, "Guess")
        part(teacher, "How many seconds")
        teacher.get_by_role("combobox", name="Of one design, or the round").click()
        teacher.get_by_role("option", name=re.compile("^2x2: preset")).click()
        teacher.keyboard.press("Escape")
        press(teacher, "Ask the class")
        for pupil, seconds in ((ada, "12"), (bob, "40")):
            press(pupil, "My guess")
            pupil.locator("[class*=st-key-guess-answer] input").fill(seconds)
            pupil.keyboard.press("Tab")
            press(pupil, "Lock my guess")
            expect(pupil.get_by_text(f"You said {seconds} s.")).to_be_visible()
        expect(teacher.get_by_text("2 have answered").first).to_be_visible()
        assert not teacher.get_by_text("40 s").count(), "what was guessed is hidden from the teacher, too"
        press(teacher, "Train it now")
        (asked,) = wait_until(store.runs.all, "it is queued")
        for pupil, preset in ((ada, "3x3"), (bob, "7x7")):
            pupil.goto(f"{running.url}/?preset={preset}")
            settled(pupil)
            press(pupil, "Train")
            expect(pupil).to_have_url(re.compile("/train"))

        # Race, and what comes out.
        part(teacher, "Stage")
        part(teacher, "Race")
        runs = wait_until(lambda: found if len(found := store.runs.all()) == 3 else None, "all are queued")
        for run in runs:
            teacher.get_by_role("combobox", name="Runs that race").click()
            teacher.get_by_role("option", name=re.compile(f"^Run {run.id}:")).click()
            teacher.keyboard.press("Escape")
            settled(teacher)
        finished(store, 3)
        expect(stage.get_by_text("Not enough data: 1 seed each.")).to_be_visible()
        for run in runs:
            assert stage.locator(".st-key-stage-chart svg text", has_text=run.name.partition(" ·")[0]).count()
        part(teacher, "Guesses")
        seconds = store.runs.get(asked.id).seconds
        expect(stage.get_by_text("How many seconds will the training of 2x2")).to_be_visible()
        expect(stage.get_by_text(re.compile(f"{seconds:.0f}|{seconds:.1f}")).first).to_be_visible()
        expect(bob.get_by_text("You said 40 s").first).to_be_visible()

        # A challenge, in whose middle the server is killed.
        part(teacher, "Challenge")
        write(teacher, "Parameters, at most", "150000")
        press(teacher, "Begin the challenge")
        teacher.get_by_role("button", name="Close entering").wait_for()
        for pupil, preset in ((ada, "2x2"), (bob, "3x3")):
            pupil.goto(f"{running.url}/?preset={preset}")
            settled(pupil)
            press(pupil, "Enter it in the challenge")
            expect(pupil).to_have_url(re.compile("/train"))
        part(teacher, "Stage")
        part(teacher, "The challenge's board")
        finished(store, 5)
        hidden = [run for run in store.runs.all() if run.is_unrevealed]
        assert len(hidden) == 2
        assert all(run.test_accuracy is None for run in hidden)
        expect(stage.get_by_text("Ada").first).to_be_visible()
        running.signal(signal.SIGKILL)
        running.process.wait()
    with server(store.url, folder=ROOT, port=port) as running:
        teacher.goto(f"{running.url}/class")
        part(teacher, "Challenge")
        teacher.get_by_role("button", name="Reveal the test results…").click()
        teacher.get_by_role("button", name=re.compile("^Reveal")).last.click()
        wait_until(lambda: not any(run.is_unrevealed for run in store.runs.all()), "all is shown")
        best = max(store.runs.get(run.id).test_accuracy for run in hidden)
        expect(stage.get_by_text(f"{100 * best:.2f}").first).to_be_visible()  # it has come back by itself
        expect(stage.get_by_text("2 have answered")).to_have_count(0)

        # Their own digits.
        for pupil in (ada, bob):
            draw(pupil, running.url)
        assert len(store.digits.of(room.id)) == 2
        part(teacher, "Stage")
        part(teacher, "Our own digits")
        expect(stage.get_by_text(re.compile("2 digits by 2 people"))).to_be_visible()

        # And home.
        part(teacher, "The end")
        with teacher.expect_download() as download:
            press(teacher, "Take it away")
        with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
            assert {"best.csv", "guesses.csv", "own-digits.npz", "runs.csv"} <= set(archive.namelist())
        teacher.get_by_role("link", name="A page to print for each pupil").click()
        expect(teacher.locator(".handout", has_text="Ada")).to_be_visible()
        assert len(re.findall(rb"/Type\s*/Page\b", teacher.pdf(format="A4"))) == 2, "one for each"
        teacher.goto(f"{running.url}/class")
        part(teacher, "The end")
        press(teacher, "Close the class")
        expect(teacher.get_by_role("button", name="Open it again")).to_be_visible()
