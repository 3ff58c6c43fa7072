"""The lab as a person uses it, in a real browser."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote_plus

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, TimeoutError
from streamlit.proto.BackMsg_pb2 import BackMsg

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.command_line import command
from tests.builders.networks import small_experiment
from tests.builders.processes import ROOT, running_chromium, server, wait_until, window
from tests.builders.runs import OUTCOME, epoch, finished

CURVE = "[data-testid=stVegaLiteChart] svg g.mark-line path"


@dataclass
class Served:
    """A server, the store that it serves, and runs that had ended there before it began: some ids for a purpose each."""

    url: str
    store: Store
    ended: dict[str, list[int]]

    def show(self, what: str) -> list[int]:
        """Have some of those runs in the tables, which else are deleted; their ids."""
        self.store.labels.set(self.ended[what], deleted=False)
        return self.ended[what]

    def clear(self) -> None:
        """Stop all that trains and delete all runs."""
        self.store.queue.stop(*(run.id for run in self.store.queue.active()))
        wait_until(lambda: not self.store.queue.active(), "nothing trains")
        self.store.labels.set([run.id for run in self.store.runs.all()], deleted=True)


def ended_runs(store: Store) -> dict[str, list[int]]:
    small = small_experiment()
    other = small.with_changes(name="other", architecture={"blocks": [{"filters": 8, "kernel_size": 3}]})
    answers = np.full((10_000, 10), 0.1)
    two = store.queue.add([PRESETS["3x3"]] * 2, "ada")  # whose weights nobody asks; the first is the better one
    for run_id, accuracy in zip(two, (0.6, 0.5), strict=True):
        store.queue.claim("engine", only=[run_id])
        store.recording.record(run_id, epoch(1))
        store.recording.finish(run_id, replace(OUTCOME, validation_accuracy=accuracy, probabilities=answers))
    names = [finished(store, small.with_changes(name=name, seed=seed), 0.9).id for seed, name in enumerate("ab")]
    pairs = [
        finished(store, design.with_changes(seed=seed), accuracy + better).id
        for seed, accuracy in ((1, 0.900), (2, 0.902), (3, 0.901))
        for design, better in ((small, 0.0), (other, 0.05))
    ]
    return {"two of 3x3": two, "a and b": names, "three seeds of two designs": pairs}


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('lab') / 'lab.db'}")
    ended = ended_runs(store)
    store.labels.set([run.id for run in store.runs.all()], deleted=True)
    with server(store.url) as running:
        yield Served(running.url, store, ended)
    store.close()


@pytest.fixture
def served(warm_server: Served) -> Iterator[Served]:
    """The server that these tests share, with nothing of what another test has trained."""
    yield warm_server
    warm_server.clear()


@pytest.fixture
def page_of_a_server(served: Served, chromium: BrowserContext) -> Iterator[tuple[str, Page]]:
    """A page, and the address of a lab with two runs that have ended, the runs 1 and 2."""
    assert served.show("two of 3x3") == [1, 2]
    with window(chromium) as page:
        yield served.url, page


def settled(page) -> None:
    """Wait until the page's script has run to its end, as a person does before the next key."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def set_number(page, label: str, value: str) -> None:
    settled(page)
    box = page.get_by_role("spinbutton", name=label, exact=True)
    box.fill(value)
    box.press("Enter")


def unfold_recipe(page) -> None:
    settled(page)
    page.get_by_text("Recipe: how it is trained").click()


def choose(page, label: str) -> None:
    settled(page)
    page.get_by_role("radio", name=label, exact=True).or_(page.get_by_role("button", name=label, exact=True)).click()


def test_design_train_watch_and_find(served: Served, chromium: BrowserContext) -> None:
    """That it is found again after a restart is seen in `test_server`."""
    store = served.store
    with window(chromium) as page:
        page.goto(f"{served.url}/train")  # a cold deep link; in the whole file, the first visitor of a fresh server
        page.get_by_role("heading", name="Train", exact=True).wait_for()
        page.get_by_text("Nothing has been trained yet").wait_for()
        page.get_by_role("link", name="Design", exact=True).first.click()

        choose(page, "7x7")
        page.get_by_text("136,906", exact=True).wait_for()
        choose(page, "3x3")
        page.get_by_text("13,338", exact=True).wait_for()
        set_number(page, "Kernel size", "2")
        page.get_by_text("9,418", exact=True).wait_for()
        unfold_recipe(page)
        set_number(page, "Training images", "5000")  # about a second an epoch, so that it can be watched
        set_number(page, "Epochs", "5")
        page.get_by_text("3x3 · kernel 2 · 5 epochs · 5,000 images: 9,418 parameters; about").wait_for()
        settled(page)
        page.get_by_role("textbox", name="Learning rate").select_text()
        page.keyboard.type("0,9")  # key by key: a browser's own field for numbers would drop the comma
        page.keyboard.press("Tab")
        page.get_by_text("learning rate 0.9 · 5 epochs · 5,000 images in batches of 128").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()

        page.get_by_text("Epoch 1 of 5").wait_for()
        (run,) = store.runs.all()
        first = wait_until(lambda: page.locator(CURVE).first.get_attribute("d"), "the curve begins")
        wait_until(lambda: len(page.locator(CURVE).first.get_attribute("d")) > len(first), "it grows")
        assert store.runs.get(run.id).status is Status.RUNNING, "points arrive before the run ends"
        page.get_by_text("Finished · 5 of 5 epochs").wait_for()

        page.get_by_role("link", name="Results").click()
        page.get_by_text("The notebook, and runs that repeat it").wait_for()
        cell = page.locator("[data-testid=stDataFrame] [role=gridcell]")
        name = "3x3 · kernel 2 · 5 epochs · 5,000 images · rate 0.9"
        wait_until(lambda: name in cell.all_text_contents(), "the run is in the table")
        assert page.get_by_test_id("stException").count() == 0

    run = store.runs.get(run.id)
    assert run.experiment.train_images == 5_000
    assert run.experiment.recipe.optimizer.learning_rate == 0.9
    assert run.experiment.architecture.blocks[0].kernel_size == (2, 2)


class Held:
    """What a server sends to a new page, held back while wanted: to the page the server is slow."""

    def __init__(self, page) -> None:
        self.page = page
        self.messages: list[bytes] = []
        self.holds = False
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, from_page) -> None:
        self.from_page = from_page
        from_page.connect_to_server().on_message(
            lambda message: self.messages.append(message) if self.holds else from_page.send(message)
        )

    def wait_for(self, text: bytes) -> None:
        """Wait until something with these bytes is held back."""
        self.wait_until(lambda: any(text in message for message in self.messages), text.decode())

    def wait_until(self, probe, what: str):
        """The first truthy answer, while messages come in."""
        return wait_until(lambda: self.page.evaluate("1") and probe(), what)

    def release(self) -> None:
        """Let all of it through."""
        self.holds = False
        for message in self.messages:
            self.from_page.send(message)


def test_a_change_is_trained_though_the_browser_has_not_heard_of_it_yet(
    served: Served, chromium: BrowserContext
) -> None:
    """A browser reports the address it has, which is an old one until the server's answer to a change arrives."""
    with window(chromium):
        held = Held(page := chromium.new_page())
        page.goto(f"{served.url}/?preset=fast")
        page.get_by_role("button", name="Train", exact=True).wait_for()
        unfold_recipe(page)
        settled(page)
        page.get_by_role("spinbutton", name="Epochs", exact=True).wait_for()
        held.holds = True
        set_number(page, "Epochs", "1")
        held.wait_for(b"design=")
        page.get_by_role("button", name="Train", exact=True).click()
        (run,) = held.wait_until(served.store.runs.all, "it is queued")
        assert run.experiment.recipe.epochs == 1


def test_an_impatient_second_click_trains_nothing_twice(served: Served, chromium: BrowserContext) -> None:
    with window(chromium):
        held = Held(page := chromium.new_page())
        page.goto(f"{served.url}/?preset=fast")
        train = page.get_by_role("button", name="Train", exact=True)
        train.wait_for()
        unfold_recipe(page)
        set_number(page, "Training images", "1000")
        page.get_by_text("2 epochs · 1,000 images in batches").wait_for()
        settled(page)
        set_number(page, "Epochs", "1")
        page.get_by_text("1 epoch · 1,000 images in batches").wait_for()
        settled(page)
        held.holds = True
        train.click()
        held.wait_until(served.store.runs.all, "it is queued")
        train.click()
        train.click()
        held.release()
        page.get_by_text("Finished · 1 of 1 epochs").wait_for()
        assert len(served.store.runs.all()) == 1
        # What the browser reported of Design after the session had left it was no change of the design.
        page.get_by_role("link", name="Design", exact=True).first.click()
        page.get_by_text("fast · 1 epoch · 1,000 images: 108,874 parameters").wait_for()
        unfold_recipe(page)
        assert page.get_by_role("spinbutton", name="Epochs", exact=True).input_value() == "1"
        assert page.get_by_role("textbox", name="Learning rate").input_value() == "0.01"
        page.get_by_role("button", name="Undo").click()
        wait_until(
            lambda: page.get_by_role("spinbutton", name="Epochs", exact=True).input_value() == "2",
            "one change is undone",
        )


def test_what_does_not_fit_is_refused_and_mended_in_one_click_and_back_undoes(
    served: Served, chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.goto(f"{served.url}/?preset=7x7")
        page.get_by_text("136,906", exact=True).wait_for()
        set_number(page, "Kernel size", "9")
        page.get_by_text("Block 3: a 9×9 kernel does not fit the 6×6 map it receives.").wait_for()
        train = page.get_by_role("button", name="Train", exact=True)
        wait_until(train.is_disabled, "it cannot be trained")
        page.get_by_role("button", name="No pooling in block 2").click()
        page.get_by_text("does not fit").wait_for(state="hidden")
        wait_until(lambda: "design=" in page.url, "the design is in the address")
        shared = page.url
        page.go_back()
        page.get_by_text("136,906", exact=True).wait_for()

        page.goto(shared)  # as somebody else would open the link
        wait_until(lambda: page.get_by_role("spinbutton", name="Kernel size").input_value() == "9", "the link's design")
        wait_until(train.is_enabled, "it can be trained")


def test_a_run_from_the_command_line_appears_by_itself_and_two_browsers_see_it(
    served: Served, chromium: BrowserContext
) -> None:
    with window(chromium) as page:
        page.goto(f"{served.url}/train")
        page.get_by_text("Nothing has been trained yet").wait_for()
        done = command(served.store.url, "train", "--preset", "fast", "--train-images", "2000", "--json")
        page.get_by_role("heading", name="fast").wait_for()
        run = json.loads(done.out)
        page.get_by_text(f"{100 * run['test_accuracy']:.2f} %").first.wait_for()


def test_stop_in_the_browser_keeps_what_was_learnt(served: Served, chromium: BrowserContext) -> None:
    (run_id,) = served.store.queue.add([PRESETS["3x3"]], "ada")
    with window(chromium) as page:
        page.goto(f"{served.url}/train")
        page.get_by_text("Epoch 1 of 12").wait_for()
        wait_until(lambda: served.store.runs.get(run_id).steps_done > 10, "the run trains")
        page.reload()  # changes nothing
        # Streamlit's own "Stop", in the corner while a page takes long, ends the page's script and no training.
        page.get_by_role("button", name="Stop training").click()
        page.get_by_text("Stopped before its planned end").wait_for()
    run = served.store.runs.get(run_id)
    assert run.status is Status.STOPPED
    assert run.test_accuracy is not None


def test_a_chosen_row_stays_chosen_when_a_new_run_comes(
    served: Served, chromium: BrowserContext, small: Experiment
) -> None:
    chosen, _ = served.show("a and b")
    with window(chromium) as page:
        page.goto(f"{served.url}/results")
        page.get_by_role("switch", name="Fold seeds").or_(page.get_by_role("checkbox", name="Fold seeds")).uncheck(
            force=True
        )
        table = page.locator("[data-testid=stDataFrame]").first
        rows = table.locator("[role=row]")
        wait_until(lambda: rows.count() == 3, "a header and two runs")
        place = table.bounding_box()
        page.mouse.click(place["x"] + 15, place["y"] + 38 + 35 * 1.5)  # the box before the second row
        page.get_by_text("1 chosen").wait_for()
        served.store.queue.add([small.with_changes(protocol="notebook")], "ada")
        wait_until(lambda: rows.count() == 4, "the new run is in the table")
        wait_until(lambda: rows.nth(3).get_attribute("aria-selected") == "true", "the choice moves with its run")
        page.get_by_role("button", name="Open", exact=True).click()
        page.get_by_text(f"Run {chosen}: a, seed 0").wait_for()


def tick(page, *places: int) -> None:
    """The boxes before some rows of the first table."""
    table = page.locator("[data-testid=stDataFrame]").first
    for place in places:
        box = table.bounding_box()
        page.mouse.click(box["x"] + 15, box["y"] + 38 + 35 * (place + 0.5))
        settled(page)


def test_runs_are_put_aside_compared_and_opened_from_the_chart_of_costs(
    served: Served, chromium: BrowserContext
) -> None:
    _, other_1, _, _, small_3, other_3 = served.show("three seeds of two designs")
    with window(chromium) as page:
        page.goto(f"{served.url}/results")
        cells = page.locator("[data-testid=stDataFrame]").first.locator("[role=gridcell]")
        wait_until(lambda: cells.all_text_contents()[1:2] == ["other"], "the table is there")
        tick(page, 0)
        page.get_by_text("1 chosen, 3 runs").wait_for()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete 3 runs").click()
        wait_until(lambda: cells.all_text_contents()[1:2] == ["small"], "they are gone")
        settled(page)
        page.keyboard.press("Control+z")
        wait_until(lambda: cells.all_text_contents()[1:2] == ["other"], "they are back")
        settled(page)
        page.get_by_text("1 chosen, 3 runs").wait_for()  # the choice came back with them
        tick(page, 1)
        page.get_by_text("2 chosen, 6 runs").wait_for()
        page.get_by_role("button", name="Compare", exact=True).click()
        page.locator(".verdict").get_by_text("is better than").wait_for()
        page.get_by_text("The same seeds of both were compared").wait_for()
        assert "/compare?runs=" in page.url
        page.get_by_role("link", name="All results").click()
        page.get_by_text("What accuracy costs").wait_for()
        settled(page)
        chart = page.locator("[data-testid=stVegaLiteChart]").first
        chart.scroll_into_view_if_needed()
        place = wait_until(chart.locator(".mark-symbol path").first.bounding_box, "a point is drawn")
        page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        page.get_by_text("Everything known about one run").wait_for()
        page.get_by_text(f"Run {other_3}: other, seed 3").or_(
            page.get_by_text(f"Run {small_3}: small, seed 3")
        ).wait_for()
        page.get_by_role("link", name="Results", exact=True).first.click()  # the menu leads back to the table
        page.get_by_text("What accuracy costs").wait_for()
        page.go_back()
        page.get_by_text("Everything known about one run").wait_for()
        page.goto(f"{served.url}/results?run={other_1}")
        page.get_by_text(f"Run {other_1}: other, seed 1").wait_for()
        page.goto(f"{served.url}/results?compare={small_3},{other_3}")
        page.locator(".verdict").get_by_text("is better than").wait_for()


def test_edit_undo_by_keyboard_share_export_import(served: Served, chromium: BrowserContext, tmp_path: Path) -> None:
    with window(chromium) as page:

        def row(number: int, words: str):
            return page.get_by_role("button", name=f"Block {number}: {words}")

        page.goto(f"{served.url}/?preset=3x3")
        page.get_by_text("13,338", exact=True).wait_for()
        sheets = page.locator("[data-testid=stVegaLiteChart] svg g.mark-rect path")
        wait_until(lambda: sheets.count() > 3, "the diagram is drawn")
        image = sheets.first.bounding_box()
        assert abs(image["width"] - image["height"]) < 2, "maps are to scale"
        sheets.nth(3).click(force=True)
        page.get_by_text("Receptive field of block 1").wait_for()
        page.get_by_role("button", name="Duplicate", exact=True).click()
        row(4, "3×3, 32").wait_for()
        settled(page)
        page.keyboard.press("Control+z")
        row(4, "3×3, 32").wait_for(state="hidden")
        settled(page)
        page.keyboard.press("Control+Shift+z")
        row(4, "3×3, 32").wait_for()
        row(1, "3×3, 16").click()
        page.get_by_text("Receptive field of block 1").wait_for()
        set_number(page, "Kernel height", "2")
        row(1, "2×3, 16").wait_for()
        wait_until(lambda: "%5B2%2C3%5D" in page.url or "[2,3]" in page.url, "the design is in the address")

        page.context.new_page().goto(page.url)
        other = page.context.pages[-1]
        other.get_by_role("button", name="Block 1: 2×3, 16").wait_for()
        assert other.get_by_role("button", name="Block 4: 3×3, 32").is_visible()

        unfold_recipe(page)
        settled(page)
        page.get_by_role("button", name="Save, open, share").click()
        exported = {}
        for name in ("Export Keras script", "Export design (JSON)"):
            with page.expect_download() as download:
                page.get_by_role("button", name=name).click()
            exported[name] = Path(download.value.path()).read_text(encoding="utf-8")
        assert "kernel_size=(2, 3)" in exported["Export Keras script"]
        compile(exported["Export Keras script"], "script.py", "exec")

        broken, whole = tmp_path / "broken.json", tmp_path / "whole.json"
        broken.write_text("[" * 5000)
        whole.write_text(exported["Export design (JSON)"].replace('"seed": 1', '"seed": 77'))
        upload = page.locator("input[type=file]")
        upload.set_input_files(broken)
        page.get_by_text("File broken.json:").wait_for()
        assert row(1, "2×3, 16").is_visible()
        upload.set_input_files(whole)
        wait_until(
            lambda: page.get_by_role("spinbutton", name="Seed", exact=True).input_value() == "77", "the file's design"
        )
        assert page.get_by_test_id("stException").count() == 0


def test_a_run_is_paused_resumed_stopped_and_continued_with_the_mouse_and_another_with_the_keyboard(
    served: Served, chromium: BrowserContext
) -> None:
    recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 200}
    (run_id,) = served.store.queue.add([PRESETS["3x3"].with_changes(recipe=recipe, train_images=5_000)], "ada")
    with window(chromium) as page:
        page.goto(f"{served.url}/train?run={run_id}")
        page.get_by_text(re.compile("Epoch [0-9]+ of 200")).wait_for()
        wait_until(lambda: served.store.runs.get(run_id).epochs_done > 2, "it has epochs to go back to")
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("Paused after").wait_for()
        assert served.store.runs.get(run_id).status is Status.PAUSED
        trained = served.store.runs.get(run_id).steps_done
        settled(page)
        page.get_by_role("button", name="Resume").click()
        wait_until(lambda: served.store.runs.get(run_id).steps_done > trained, "it goes on")
        page.get_by_role("button", name="Stop training").click()
        page.get_by_text("Stopped before its planned end").wait_for()
        assert page.locator("[data-testid=stImage] img").count() >= 2, "filters and the pinned digit"

        last = max(served.store.checkpoints.pictured(run_id))
        handle = page.get_by_role("slider", name="After epoch")
        page.get_by_text(f"What it confuses after epoch {last}:").wait_for()
        handle.focus()
        page.keyboard.press("ArrowLeft")
        page.get_by_text(f"What it confuses after epoch {last - 1}:").wait_for()

        page.get_by_role("button", name="Continue…").click()
        settled(page)
        page.get_by_role("button", name="Queue it").click()
        page.get_by_text(f"Continues run {run_id} from epoch").wait_for()
        child = wait_until(lambda: served.store.runs.children(run_id), "a new run")[0]
        wait_until(lambda: served.store.runs.get(child).steps_done > 0, "it trains")
        page.get_by_role("button", name="Stop training").focus()
        page.keyboard.press("Enter")
        wait_until(lambda: served.store.runs.get(child).status is Status.STOPPED, "Enter stopped it")
        assert page.get_by_test_id("stException").count() == 0


def still(locator) -> dict[str, float]:
    """Where something is when it moves no more."""
    boxes = [None]

    def is_still() -> bool:
        boxes.append(locator.bounding_box())
        time.sleep(0.2)
        return boxes[-1] is not None and boxes[-1] == boxes[-2]

    wait_until(is_still, "it stays where it is")
    return boxes[-1]


def draw(page, *corners: tuple[float, float]) -> None:
    """A stroke on the pad through some corners, as shares of its side, with the moves a hand makes between them."""
    canvas = page.get_by_role("application", name="Pad to draw a digit on")
    box = canvas.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    for corner in at[1:]:
        page.mouse.move(*corner, steps=10)
    page.mouse.up()


SEVEN = ((0.25, 0.22), (0.75, 0.22), (0.60, 0.45), (0.48, 0.65), (0.42, 0.85))
ONE = ((0.5, 0.15), (0.5, 0.85))


def test_a_drawn_digit_is_read_alone_and_while_another_network_trains(served: Served, chromium: BrowserContext) -> None:
    fast = PRESETS["fast"]
    recipe = fast.recipe.model_dump(mode="json") | {"epochs": 1}
    (reader,) = served.store.queue.add([fast.with_changes(recipe=recipe, train_images=20_000)], "ada")
    with window(chromium) as page:
        wait_until(lambda: served.store.runs.get(reader).status is Status.FINISHED, "the network has learnt to read")
        page.goto(f"{served.url}/inspect?runs={reader}")
        page.get_by_text("The answer appears here while you draw").wait_for()
        settled(page)
        draw(page, *SEVEN)
        page.locator(".headline").get_by_text("It says 7").wait_for()
        (long,) = served.store.queue.add([PRESETS["3x3"]], "ada")
        wait_until(lambda: served.store.runs.get(long).steps_done > 10, "another network trains")
        page.get_by_role("button", name="Clear", exact=True).click()
        page.get_by_text("The answer appears here while you draw").wait_for()
        draw(page, *ONE)
        page.locator(".headline").get_by_text("It says 1").wait_for()
        page.get_by_role("button", name="Undo stroke").click()
        page.get_by_text("The answer appears here while you draw").wait_for()
        page.get_by_role("application", name="Pad to draw a digit on").focus()
        page.keyboard.press("Space")
        for _ in range(8):
            page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Space")
        page.locator(".headline").get_by_text("It says 1").wait_for()
        assert served.store.runs.get(long).status is Status.RUNNING
        served.store.queue.stop(long)
        choose(page, "Mistakes")
        page.get_by_text("All mistakes, the most confident first").wait_for()
        settled(page)
        chart = page.locator("[data-testid=stVegaLiteChart]").first
        cells = chart.locator(".mark-rect path")
        wait_until(lambda: cells.count() > 100, "the confusion matrix is drawn")
        cells.last.scroll_into_view_if_needed()

        def opened() -> bool:
            """A click on a chart that is just being drawn anew is lost, and a person clicks again."""
            box = still(cells.last)
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            with contextlib.suppress(TimeoutError):
                page.get_by_text("Images of a ").wait_for(timeout=10_000)
            return page.get_by_text("Images of a ").count() > 0

        wait_until(opened, "its images are shown")
        assert "view=Mistakes" in page.url
        assert page.get_by_test_id("stException").count() == 0


GARBAGE = {
    "/?preset=nope": f"Address: preset should be one of {', '.join(PRESETS)}; received 'nope'.",
    "/?design={garbage": "Address: this link holds no design the lab can read",
    "/?design=[1]": "Address: this link holds no design the lab can read",
    "/train?run=-1": "Address: run should be the number of a run; received '-1'.",
    "/train?run=99": "Run: there is none with the number 99",
    "/run?run=<b>": "Address: run should be the number of a run; received '<b>'.",
    "/compare?runs=1": "Address: runs should be 2 to 6 numbers of runs, as 3,7; received '1'.",
}


def test_garbage_in_the_address_is_one_sentence(page_of_a_server) -> None:
    url, page = page_of_a_server
    for path, sentence in GARBAGE.items():
        page.goto(url + path)
        page.get_by_text(sentence).wait_for()
        assert page.get_by_test_id("stException").count() == 0, path


def address_has(page, words: str) -> None:
    """Wait until the browser's address has some words in it."""
    page.wait_for_url(lambda url: words in unquote_plus(url), wait_until="commit")


def go_to(page, name: str) -> None:
    """By the menu, as a person does."""
    settled(page)
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    settled(page)


def test_the_address_is_the_design_wherever_one_comes_from_and_history_leads_through_it(page_of_a_server) -> None:
    url, page = page_of_a_server
    kernel = page.get_by_role("spinbutton", name="Kernel size")

    def shows(size: str, named: str) -> None:
        wait_until(lambda: kernel.input_value() == size, f"a kernel size of {size}")
        address_has(page, named)
        settled(page)

    page.goto(url)
    shows("3", "?preset=3x3")
    set_number(page, "Kernel size", "2")
    shows("2", "?design=")
    design = unquote_plus(page.url)
    go_to(page, "Results")
    go_to(page, "Design")
    shows("2", design)
    page.reload()
    shows("2", design)
    page.go_back()
    page.get_by_role("heading", name="Results", exact=True).wait_for()
    page.go_back()
    shows("2", design)
    page.go_back()
    shows("3", "?preset=3x3")
    page.go_forward()
    shows("2", design)

    page.goto(f"{url}/train?run=1")
    page.get_by_role("button", name="To Design").click()
    shows("3", "?preset=3x3")
    page.go_back()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    go_to(page, "Results")
    go_to(page, "Train")
    address_has(page, "/train?run=1")
    wait_until(lambda: page.title().startswith("Train 1 "), "the tab says which run it shows")
    page.go_back()  # once: the bare address is no step of its own
    page.get_by_role("heading", name="Results", exact=True).wait_for()


def test_inspect_opens_with_the_best_and_its_views_and_networks_go_back_and_forward(page_of_a_server) -> None:
    url, page = page_of_a_server

    def shows(view: str, runs: str) -> None:
        address_has(page, f"runs={runs}&view={view}")
        page.get_by_role("radio", name=view, checked=True).wait_for()
        wait_until(
            lambda: page.get_by_test_id("stMultiSelect").first.get_by_text("run ").count() == len(runs.split(",")),
            "the networks of the address",
        )
        settled(page)

    page.goto(url)
    go_to(page, "Inspect")
    shows("Draw", "1")
    choose(page, "Mistakes")
    shows("Mistakes", "1")
    page.get_by_role("combobox", name="Networks").click()
    page.get_by_role("option", name="run 2").click()
    page.keyboard.press("Escape")
    shows("Mistakes", "1,2")
    choose(page, "Draw")
    shows("Draw", "1,2")
    go_to(page, "Results")
    go_to(page, "Inspect")
    shows("Draw", "1,2")
    page.go_back()
    page.get_by_role("heading", name="Results", exact=True).wait_for()
    page.go_back()
    shows("Draw", "1,2")
    page.go_back()
    shows("Mistakes", "1,2")
    page.go_back()
    shows("Mistakes", "1")
    page.go_back()
    shows("Draw", "1")
    for view, runs in (("Mistakes", "1"), ("Mistakes", "1,2"), ("Draw", "1,2")):
        page.go_forward()
        shows(view, runs)
    page.goto(f"{url}/results?run=2")  # an old address, which leads on
    page.get_by_text("Everything known about one run").wait_for()
    settled(page)
    page.go_back()
    page.get_by_role("heading", name="Results", exact=True).wait_for()
    page.wait_for_url(lambda url: url.endswith("/results"), wait_until="commit")  # it does not lead on again
    assert page.get_by_test_id("stException").count() == 0


def test_a_page_drawn_once_more_gives_the_next_one_no_query(page_of_a_server) -> None:
    url, page = page_of_a_server
    page.goto(f"{url}/results")
    page.get_by_role("heading", name="Results", exact=True).wait_for()
    settled(page)
    address = Path(f"{ROOT}/mnist_lab/ui/url.js").read_text(encoding="utf-8").replace("export default", "")
    for of_page, named in (("", ""), ("run", ""), ("results", "?preset=3x3")):
        page.evaluate(f"({address})", {"data": {"page": of_page, "query": "preset=3x3"}})
        assert page.evaluate("() => location.search") == named


def test_a_click_counts_once_where_a_timer_of_the_page_fires_before_it_is_sent(page_of_a_server) -> None:
    url, page = page_of_a_server
    sent: list[bytes] = []

    def keep(frame: bytes) -> None:  # for Playwright wants to write an attribute on it
        sent.append(frame)

    page.once("websocket", lambda socket: socket.on("framesent", keep))

    def clicks(*, by_timer: bool) -> int:
        messages = [BackMsg.FromString(each).rerun_script for each in sent if isinstance(each, bytes)]
        return sum(
            any(state.trigger_value for state in message.widget_states.widgets)
            for message in messages
            if message.is_auto_rerun == by_timer
        )

    page.goto(f"{url}/?preset=3x3")
    set_number(page, "Kernel size", "2")
    set_number(page, "Kernel size", "4")
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    settled(page)
    # As in a busy browser: what should happen at once happens after the footer's timer.
    page.evaluate(
        """() => {
          const real = window.setTimeout;
          window.setTimeout = (call, wait, ...more) => real(call, wait || 5000, ...more);
        }"""
    )
    undo.evaluate("button => button.click()")
    wait_until(lambda: page.evaluate("() => 1") and clicks(by_timer=False), "the click is sent")
    assert clicks(by_timer=True) >= 1, "a timer sent it too"
    # Where a line comes before it, Streamlit shows a field twice for a moment.
    fields = page.get_by_role("spinbutton", name="Kernel size")
    values = lambda: fields.evaluate_all("fields => fields.map(field => field.value)")  # noqa: E731
    wait_until(lambda: values() == ["2"], "one change is undone")
    settled(page)
    assert values() == ["2"]


def test_two_fingers_draw_two_strokes_and_no_browser_makes_a_dot_of_a_line(page_of_a_server) -> None:
    url, page = page_of_a_server
    page.goto(f"{url}/inspect?runs=1&view=Draw")
    canvas = page.get_by_role("application", name="Pad to draw a digit on")
    canvas.wait_for()
    settled(page)
    box = canvas.bounding_box()
    touch = page.context.new_cdp_session(page)

    def touched(kind: str, *fingers: tuple[float, float]) -> None:
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
            for number, (x, y) in enumerate(fingers)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drawn() -> list[list[tuple[float, float]]]:
        return page.locator(".pad").evaluate("root => root.pad.strokes")

    first = [(0.3, 0.2 + 0.06 * step) for step in range(10)]
    second = [(0.8, 0.8 - 0.05 * step) for step in range(10)]
    touched("touchStart", first[0])
    touched("touchMove", first[1])
    touched("touchStart", first[1], second[0])
    for here, there in zip(first[2:], second[1:], strict=False):
        touched("touchMove", here, there)
    touched("touchEnd")
    strokes = wait_until(lambda: len(s := drawn()) == 2 and min(map(len, s)) >= 8 and s, "each finger's stroke")
    places = [{round(x, 1) for x, _ in stroke} for stroke in strokes]
    assert places == [{0.3}, {0.8}], "nothing of one finger is in the other's"

    page.get_by_role("button", name="Clear", exact=True).click()
    page.evaluate("PointerEvent.prototype.getCoalescedEvents = () => []")  # as some browsers do
    draw(page, *ONE)
    wait_until(lambda: (s := drawn()) and len(s[0]) >= 10, "a line")
