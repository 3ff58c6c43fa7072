"""The receipts that runs repeat."""

import pytest

from mnist_lab.errors import RefusedError
from mnist_lab.store.store import Store
from tests.builders.runs import trained


def test_a_receipt_stays_as_long_as_its_run(store: Store) -> None:
    run_id = trained(store)
    assert store.receipts.get(run_id) is None
    store.receipts.add(run_id, '{"run": 7}')
    assert store.receipts.get(run_id) == '{"run": 7}'
    store.labels.set([run_id], deleted=True)
    store.runs.purge(days=-1)
    assert store.receipts.get(run_id) is None


def test_a_receipt_of_no_run_is_refused(store: Store) -> None:
    with pytest.raises(RefusedError, match="refused a value"):
        store.receipts.add(77, "{}")
