"""What each made in a lesson, on a page."""

import pytest

from mnist_lab.classroom.cookies import teacher
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import NotAllowedError
from mnist_lab.lab import Lab
from mnist_lab.lesson import handout
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil
from tests.builders.runs import ADA, epoch, finish

TEACHER = teacher()


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


def run_of(lab: Lab, who: Person, preset: str, seed: int, accuracy: float) -> int:
    (run_id,) = lab.start(PRESETS[preset].with_changes(seed=seed), by=who)
    lab.store.queue.claim("engine", only=[run_id])
    lab.store.recording.record(run_id, epoch(1))
    finish(lab.store, run_id, accuracy)
    return run_id


def test_it_is_what_somebody_made_themselves_the_best_design_first(lab: Lab, store: Store) -> None:
    room = open_class(store)
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    for seed in (1, 2):
        run_of(lab, cleo, "fast", seed, 0.90)
        run_of(lab, cleo, "3x3", seed, 0.95)
    run_of(lab, dana, "2x2", 1, 0.99)
    lab.stop(*lab.start(PRESETS["7x7"], by=cleo), by=cleo)
    lab.digits.keep(1, [[(0.5, 0.2), (0.5, 0.8)]], by=cleo)
    mine = lab.handouts.mine(by=cleo)
    assert (mine.name, mine.opened) == ("Cleo", store.classes.current().opened)
    runs = {run.name: run for run in store.runs.all(Status.FINISHED)}
    assert [(design.runs, design.parameters) for design in mine.designs] == [
        (2, runs[name].parameters)
        for name in sorted(("fast", "3x3"), key=lambda n: -(runs[n].validation_accuracy or 0))
    ]
    assert mine.unfinished == 1
    assert len(mine.curves) == 4
    assert mine.curves[0].values == (runs["3x3"].best_validation_accuracy,)
    assert mine.verdict
    assert [digit.label for digit in mine.digits.digits] == [1]
    hers, other = lab.handouts.all(by=TEACHER)
    assert hers == mine
    assert (other.name, other.verdict, other.digits.digits, len(other.designs)) == ("Dana", "", (), 1)
    with pytest.raises(NotAllowedError):
        lab.handouts.all(by=cleo)
    store.classes.end(room)
    with pytest.raises(NotAllowedError, match="there is no class"):
        lab.handouts.all(by=ADA)
    assert lab.handouts.mine(by=ADA).designs == ()


def test_more_designs_than_a_page_has_room_for_are_counted(
    lab: Lab, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handout, "MOST_DESIGNS", 1)
    for preset in ("fast", "3x3"):
        run_of(lab, ADA, preset, 1, 0.9)
    mine = lab.handouts.mine(by=ADA)
    assert (len(mine.designs), mine.left_out, len(mine.curves)) == (1, 1, 1)
