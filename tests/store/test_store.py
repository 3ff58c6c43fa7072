"""The store over a real SQLite file."""

from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store


def test_runs_outlive_the_store_and_come_newest_first(store: Store, url: str) -> None:
    ids = store.queue.add([PRESETS["3x3"], PRESETS["7x7"]], "ada")
    store.close()
    runs = Store(url).runs.all()
    assert [run.id for run in runs] == ids[::-1]
    assert runs[0].experiment == PRESETS["7x7"]
    assert (runs[0].status, runs[0].owner, runs[0].parameters) == (Status.QUEUED, "ada", 136_906)


def test_two_stores_of_one_url_are_one(store: Store, url: str) -> None:
    other = Store(url)
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    assert other.url == store.url == url
    assert other.queue.claim("engine").id == run_id
    other.close()
    assert store.runs.get(run_id).status is Status.RUNNING
