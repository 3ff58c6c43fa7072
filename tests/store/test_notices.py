"""What a migration has to say."""

import sqlalchemy as sa

from mnist_lab.store.schema import NOTICES
from mnist_lab.store.store import Store


def test_a_notice_is_there_until_it_is_dismissed(store: Store) -> None:
    assert store.notices.all() == {}
    with store.database.write() as connection:
        connection.execute(sa.insert(NOTICES), [{"id": 2, "text": "Second."}, {"id": 1, "text": "First."}])
    assert list(store.notices.all().items()) == [(1, "First."), (2, "Second.")]
    store.notices.dismiss(1)
    store.notices.dismiss(1)
    assert store.notices.all() == {2: "Second."}
