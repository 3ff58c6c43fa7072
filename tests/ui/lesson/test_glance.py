"""The cards of a class, and the lines above them."""

from mnist_lab.lesson.glance import Doing, Glance, PupilNow, Trouble
from mnist_lab.ui.lesson import glance

NOBODY = {
    "joined": 0.0,
    "seen": 1000.0,
    "is_here": True,
    "doing": Doing.LOOKS,
    "what": "",
    "page": "inspect",
    "run_id": None,
    "epoch": None,
    "epochs": None,
    "share": None,
    "place": None,
    "wait": None,
    "runs": 0,
    "waiting": 0,
    "best": None,
    "best_run": None,
    "best_test": None,
    "trouble": None,
    "why": "",
}


def pupil(name: str, **known: object) -> PupilNow:
    return PupilNow(key=name, name=name, **NOBODY | known)


def test_a_card_says_what_somebody_does_and_has_reached() -> None:
    trains = pupil(
        "Ada", doing=Doing.TRAINS, what="3x3", run_id=7, epoch=2, epochs=5, share=0.38, runs=3, best=0.98127, best_run=5
    )
    found = glance.in_html(Glance(1000.0, False, (trains, pupil("Bob"))))
    assert "epoch 2 of 5, 38 %: 3x3" in found
    assert '<progress max="1" value="0.380">' in found
    assert 'href="train?run=7"' in found
    assert "validation 98.13 % · 3 runs" in found
    assert "on Inspect" in found
    assert "no result yet · 0 runs" in found
    assert "test" not in found


def test_what_people_wrote_is_text_on_a_card_and_above_it() -> None:
    stuck = pupil(
        "<script>*x*", doing=Doing.DESIGNS, what="<b>", trouble=Trouble.REFUSED, why='Name: "<i>" is not allowed.'
    )
    found = Glance(1000.0, False, (stuck,))
    assert "<script>" not in glance.in_html(found)
    assert "<b>" not in glance.in_html(found)
    assert 'title="Name: &quot;&lt;i&gt;&quot; is not allowed."' in glance.in_html(found)
    assert r"\<script>\*x\*" in glance._troubles(found)


def test_who_is_stuck_and_who_has_gone_is_named_above_the_cards() -> None:
    many = tuple(pupil(f"P{i}", trouble=Trouble.IDLE, why="For 5 minutes.") for i in range(10))
    away = pupil("Ada", seen=900.0, is_here=False)
    just_gone = pupil("Bob", seen=970.0, is_here=False)
    words = glance._troubles(Glance(1000.0, False, (*many, away, just_gone)))
    assert "**Idle:** P0, P1, P2, P3, P4, P5, P6, P7 and 2 more" in words
    assert words.endswith("**Not here:** Ada")
    assert "seen 100 s ago" in glance.in_html(Glance(1000.0, False, (away,)))
    assert "Nobody is stuck" in glance._troubles(Glance(1000.0, False, (pupil("Ada"),)))


def test_the_queue_that_is_paused_is_said() -> None:
    assert "The queue is paused" in glance._counts(Glance(1000.0, True, (pupil("Ada"),)))
