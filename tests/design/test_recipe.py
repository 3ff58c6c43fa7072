"""What a recipe says, without Keras."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.design.experiment import parse
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Cosine, OneCycle, Recipe, Step
from mnist_lab.errors import InputError


def test_one_cycle_rises_then_falls() -> None:
    rates = Recipe(schedule=OneCycle(), epochs=1).learning_rates(100)
    assert rates.shape == (100,)
    assert rates.argmax() == 25
    assert rates.max() == np.float32(1.0)
    assert np.all(np.diff(rates[:25]) > 0)
    assert np.all(np.diff(rates[25:]) < 0)
    assert rates.min() > 0
    assert len(Recipe(schedule=OneCycle(), epochs=1).learning_rates(1)) == 1
    assert set(Recipe(epochs=1).learning_rates(5)) == {np.float32(1.0)}


def test_step_falls_every_so_many_epochs() -> None:
    rates = Recipe(schedule=Step(factor=0.1, every=2), epochs=5).learning_rates(3)
    assert rates == pytest.approx([1] * 6 + [0.1] * 6 + [0.01] * 3)


def test_cosine_falls_from_all_to_nothing() -> None:
    rates = Recipe(schedule=Cosine(), epochs=2).learning_rates(50)
    assert rates[0] == 1
    assert rates[50] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.001


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 40), st.integers(1, 20))
def test_every_schedule_has_a_rate_for_every_step_and_never_more_than_the_full_one(name, steps, epochs) -> None:
    rates = parse(Recipe, {"schedule": {"name": name}, "epochs": epochs}).learning_rates(steps)
    assert rates.shape == (steps * epochs,)
    assert rates.min() >= 0
    assert rates.max() <= 1


def test_a_schedule_may_be_named_alone_as_in_old_designs() -> None:
    assert parse(Recipe, {"schedule": "one-cycle"}).schedule == OneCycle()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_optimizer_refuses_what_is_none_of_its_fields(name: str) -> None:
    with pytest.raises(InputError, match="Foo"):
        parse(Recipe, {"optimizer": {"name": name, "foo": 1}})


def test_no_augmentation_moves_nothing_and_some_stays_within_its_bounds() -> None:
    identity = [1, 0, 0, 0, 1, 0, 0, 0]
    assert Augmentation().transforms(np.random.default_rng(1), 5) == pytest.approx(np.array([identity] * 5))
    shifts = Augmentation(shift=2).transforms(np.random.default_rng(1), 500)
    assert np.abs(shifts[:, [2, 5]]).max() <= 2
    assert np.abs(shifts[:, [2, 5]]).max() > 1.9
    turned = Augmentation(rotation=90, zoom=0.1).transforms(np.random.default_rng(1), 500)
    middle = turned[:, :2].sum(axis=1) * 13.5 + turned[:, 2]
    assert middle == pytest.approx(np.full(500, 13.5), abs=1e-4)  # the middle stays where it is
    scale = np.hypot(turned[:, 0], turned[:, 1])
    assert 1 / 1.1 <= scale.min() < 0.93
