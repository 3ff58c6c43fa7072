"""Questions to a trained network: through the store, and with a real engine beside a training."""

import time
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab.data import mnist
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.inspection.network import Networks
from mnist_lab.store.schema import ERRANDS
from mnist_lab.store.store import Store
from tests.builders import trained
from tests.builders.networks import small_experiment


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with one trained network."""
    with trained.shelf(tmp_path_factory, small_experiment()) as store:
        yield store


def test_an_errand_goes_from_question_to_answer(store: Store) -> None:
    first = store.ask("export", {"run_id": 1})
    assert store.ask("export", {"run_id": 1}) == first  # asked by two, answered once
    second = store.ask("export", {"run_id": 2})
    claimed = store.claim_errands("engine")
    assert [(e.id, e.kind, e.arguments) for e in claimed] == [
        (first, "export", {"run_id": 1}),
        (second, "export", {"run_id": 2}),
    ]
    assert store.claim_errands("engine") == []
    assert store.advance(first, 0.5)
    assert (store.errand(first).progress, store.errand(first).is_done) == (0.5, False)
    store.respond(first, {"a": np.arange(3)})
    assert store.errand(first).is_done
    assert store.answer(first)["a"].tolist() == [0, 1, 2]
    store.decline(second, "It cannot be.")
    assert (store.errand(second).error, store.answer(second)) == ("It cannot be.", None)
    assert store.ask("export", {"run_id": 2}) != second  # what was declined may be asked again


def test_an_errand_lives_as_long_as_somebody_wants_it(store: Store) -> None:
    errand = store.ask("export", {})
    store.ask("export", {})
    store.claim_errands("engine")
    store.forget(errand)
    assert store.advance(errand, 0.1)
    store.forget(errand)
    assert not store.advance(errand, 0.2)
    assert store.errand(errand) is None
    done = store.ask("export", {})
    store.respond(done, {})
    store.forget(done)
    assert store.errand(done).is_done  # an answer stays for whoever asks next


def test_another_engine_takes_over_what_the_last_one_left(store: Store) -> None:
    errand = store.ask("export", {})
    store.claim_errands("dead")
    assert [e.id for e in store.claim_errands("next")] == [errand]


def test_answers_and_questions_that_nobody_waits_for_are_dropped(store: Store) -> None:
    old = store.ask("export", {"run_id": 1})
    with store._write() as connection:
        connection.execute(sa.update(ERRANDS).values(until=time.time() - 1))
    assert store.claim_errands("engine") == []  # its page is long gone
    store.ask("export", {"run_id": 2})
    assert store.errand(old) is None


def test_finding_a_question_or_new_ones_reads_no_others(store: Store) -> None:
    queries = ("SELECT id FROM errands WHERE digest = 'a'", "SELECT id, error FROM errands WHERE is_done = 0")
    with store._read() as connection:
        for query in (*queries, "DELETE FROM errands WHERE until < 1.0"):
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
            assert "USING" in plan, plan
            assert "SCAN" not in plan, plan


def test_exported_files_are_stock_keras_and_answer_as_the_run_did(shelf: Store, tmp_path) -> None:
    shares = []
    found = questions.respond(Networks(shelf), "export", {"run_id": 1}, shares.append)
    assert shares == [0.5, 1.0]
    for name, data in found.items():
        (tmp_path / name).write_bytes(data.tobytes())
    test = mnist.load()[1]
    x = test.x[..., None].astype("float32") / 255
    kept = shelf.probabilities(1).astype(np.float32)
    model = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    assert np.abs(model.predict(x, verbose=0) - kept).max() < 2e-3
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    again = keras.models.clone_model(model)
    again.load_weights(tmp_path / "network.weights.h5")
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_network_that_answers_otherwise_is_not_given_away(shelf: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = Networks(shelf)
    monkeypatch.setattr(shelf, "probabilities", lambda run_id: np.roll(Store.probabilities(shelf, run_id), 1, axis=1))
    with pytest.raises(InputError, match="answers the test images otherwise than the run did"):
        questions.respond(networks, "export", {"run_id": 1}, lambda share: None)


def test_what_cannot_be_asked_is_a_sentence(shelf: Store) -> None:
    networks = Networks(shelf)
    with pytest.raises(InputError, match="there is none with the number 99"):
        questions.respond(networks, "export", {"run_id": 99}, lambda share: None)
    with pytest.raises(InputError, match="its weights after epoch 77 are not kept"):
        networks.get(1, 77)
    with pytest.raises(InputError, match="Errand: should be one of"):
        questions.respond(networks, "system", {}, lambda share: None)
