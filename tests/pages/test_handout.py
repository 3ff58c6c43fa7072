"""The Handout page without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil
from tests.builders.networks import small_experiment
from tests.builders.pages import healthy, page
from tests.builders.runs import finish


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [teacher()]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def sheets(test: AppTest) -> list[str]:
    return [one.proto.body for one in healthy(test).get("html")]


def test_the_teacher_prints_a_page_for_each_pupil_and_a_pupil_their_own(store: Store, shown_by: list[Person]) -> None:
    lab = Lab(store.url)
    open_class(store)
    people = [pupil(store, name) for name in ("Cleo <b>", "Dana")]
    (run_id,) = lab.start(small_experiment(), by=people[1])
    store.queue.claim("engine", only=[run_id])
    finish(store, run_id, 0.9)
    cleo, dana = sheets(page("handout"))
    assert "Cleo &lt;b&gt;" in cleo
    assert "No run has finished" in cleo
    assert "90.00\u00a0%" in dana
    assert "it takes two designs" in dana
    test = page("handout")
    test.selectbox(key="handout_of").select(people[1].key).run()
    assert sheets(test) == [dana]
    shown_by.append(people[0])
    assert sheets(page("handout")) == [cleo]
