"""Who gets to the lab's pages."""

from pathlib import Path

import pytest

from mnist_lab.classroom.classroom import Classroom
from mnist_lab.classroom.cookies import Cookies
from mnist_lab.store.store import Store
from tests.builders.asking import HOST, Asking
from tests.builders.doors import TEACHER, joined, served, taught

PAGES = ["/", "/train", "/results", "/studies", "/inspect", "/run", "/compare"]


def test_while_a_class_is_on_a_stranger_sees_the_door_only(lab_url: str, store: Store) -> None:
    room, app = Classroom(store), served()
    room.open(by=TEACHER)
    stranger, pupil, teacher = Asking(app), joined(app, store, "Ada"), taught(app, store)
    for is_open in (True, False):
        for path in PAGES:
            assert stranger.get(path).to == stranger.ask("GET", path, {}).to == (303, "/join"), path
            assert stranger.ask("HEAD", path, {}).to == (303, "/join"), path
            assert pupil.get(path).status == teacher.get(path).status == 200, path
        # Streamlit answers each of these with its page.
        for path in ("/class", "/nothing", "/train/", "/a/b", "/index.html", "/joiner", "/join/x", "//evil.example"):
            assert stranger.get(path).to == (303, "/join"), path
        assert stranger.ask("GET", "/favicon.png", {}).status == 200
        assert stranger.get("/join").status == 200
        if is_open:
            room.close(by=TEACHER)
    room.end(by=TEACHER)
    assert stranger.get("/").status == pupil.get("/").status == teacher.get("/").status == 200


def test_a_stranger_gets_no_connection_and_no_files(lab_url: str, store: Store) -> None:
    room, app = Classroom(store), served()
    stranger = Asking(app)
    assert stranger.connects()
    room.open(by=TEACHER)
    pupil = joined(app, store, "Ada")
    assert not stranger.connects()
    assert pupil.connects()
    for path in ("/_stcore/upload_file/session/file", "/media/0.png"):
        assert stranger.ask("PUT", path, {"origin": f"http://{HOST}"}).status == 403
        assert pupil.ask("PUT", path, {"origin": f"http://{HOST}"}).status != 403


def test_while_no_class_is_on_everybody_gets_in_with_whatever_cookie(lab_url: str, store: Store) -> None:
    app = served()
    for cookies in ({}, {"mnist_lab_x": "y"}, {Cookies(store).name: "forged"}):
        assert all(Asking(app, cookies=cookies).get(path).status == 200 for path in PAGES)


def test_a_forged_cookie_is_none(lab_url: str, store: Store) -> None:
    Classroom(store).open(by=TEACHER)
    browser, known = joined(served(), store, "Ada"), Cookies(store)
    good = browser.cookies[known.name]
    assert browser.get("/").status == 200
    for value in ("", "x", good[:-1], good + "x", good.swapcase(), f'"{good}', known.asks("x"), known.pupil("x")):
        browser.cookies = {known.name: value}
        assert browser.get("/").to == (303, "/join"), value
    browser.cookies = {"mnist_lab_of_another": good}
    assert browser.get("/").to == (303, "/join")


def test_where_the_store_cannot_be_used_the_page_says_so_itself(
    lab_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no.db").write_text("this is no database, " * 1000)
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", f"sqlite:///{tmp_path / 'no.db'}")
    assert Asking(served()).get("/").status == 200
