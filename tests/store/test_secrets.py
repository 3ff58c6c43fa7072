"""Secrets of a store."""

import threading
from pathlib import Path

import pytest

from mnist_lab.store.secrets import COOKIES, STORE_ID, TEACHER
from mnist_lab.store.store import Store


def test_a_secret_is_made_once_and_kept(store: Store, url: str) -> None:
    found = {name: store.secrets.get(name) for name in (STORE_ID, COOKIES, TEACHER)}
    assert len(set(found.values())) == 3
    assert all(len(value) >= 32 for value in found.values()), "nobody finds one by trying"
    other = Store(url)
    assert {name: other.secrets.get(name, lambda: pytest.fail("it is there")) for name in found} == found
    other.close()


def test_servers_that_start_at_once_have_the_same(url: str, store: Store) -> None:
    found: list[str] = []
    begin = threading.Barrier(6)

    def get() -> None:
        mine = Store(url)
        begin.wait()
        found.append(mine.secrets.get(COOKIES))
        mine.close()

    threads = [threading.Thread(target=get) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [store.secrets.get(COOKIES)] * 6


def test_each_store_has_its_own(store: Store, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    for name in (STORE_ID, COOKIES, TEACHER):
        assert store.secrets.get(name) != other.secrets.get(name)
    other.close()


def test_a_secret_that_is_replaced_is_another_for_every_server(store: Store, url: str) -> None:
    other = Store(url)
    before = other.secrets.get(TEACHER)
    store.secrets.set(TEACHER, "chosen-token")
    assert other.secrets.get(TEACHER) == "chosen-token" != before
    store.secrets.set(COOKIES, "chosen-before-it-was-made")
    assert other.secrets.get(COOKIES) == "chosen-before-it-was-made"
    other.close()
