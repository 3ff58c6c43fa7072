"""Optimizers: what the recipe says, and step for step what stock Keras does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_lab.design.recipe import OPTIMIZERS, Recipe
from mnist_lab.training.optimizers import optimizer

SETTINGS = [{"name": name} for name in OPTIMIZERS] + [
    {"name": "sgd", "momentum": 0.0},
    {"name": "sgd", "momentum": 0.8, "nesterov": True},
    {"name": "adadelta", "learning_rate": 0.7, "rho": 0.8, "epsilon": 1e-3},
    {"name": "adam", "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-2},
]


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_have_the_recipes_fields(name: str) -> None:
    recipe = Recipe.model_validate({"optimizer": {"name": name}})
    config = optimizer(recipe).get_config()
    for field, value in recipe.optimizer.model_dump(exclude={"name"}).items():
        assert config[field] == pytest.approx(value)
    assert (config["weight_decay"], config["use_ema"]) == (None, False)


@pytest.mark.parametrize("setting", [*SETTINGS, {"name": "rmsprop", "momentum": 0.5}], ids=str)
def test_slots_are_what_keras_stores_of_each_weight(setting: dict) -> None:
    recipe = Recipe.model_validate({"optimizer": setting})
    built = optimizer(recipe)
    built.build([keras.Variable(np.zeros((3, 5, 7), "float32"))])
    assert sum(variable.shape == (3, 5, 7) for variable in built.variables) == recipe.optimizer.slots


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_step_and_every_variable_is_that_of_stock_keras(setting: dict) -> None:
    recipe = Recipe.model_validate({"optimizer": setting, "weight_decay": 0.01, "moving_average": 0.9})
    ours = optimizer(recipe)
    stock = getattr(keras.optimizers, type(recipe.optimizer).__name__).from_config(ours.get_config())
    shapes = [(3, 3, 4, 8), (8,), (70, 10)]
    random = np.random.default_rng(1)
    begin = [random.normal(size=shape).astype("float32") for shape in shapes]
    weights = [[keras.Variable(array) for array in begin] for _ in range(2)]
    for one, variables in zip((ours, stock), weights, strict=True):
        one.build(variables)
    for step in range(20):
        gradients = [tf.constant(random.normal(0, 0.1, shape), tf.float32) for shape in shapes]
        for one, variables in zip((ours, stock), weights, strict=True):
            one.learning_rate.assign(0.1 / (step + 1))
            one.apply(gradients, variables)
    # Keras rounds 1 - beta in double precision, TensorFlow in single: with 0.999 they differ by 5e-5 of it, and weights
    # that have moved by 0.1 or more by a few millionths.
    for mine, theirs in zip(ours.variables, stock.variables, strict=True):
        assert np.allclose(mine.numpy(), theirs.numpy(), rtol=1e-4, atol=5e-6), mine.path
    for mine, theirs, first in zip(*weights, begin, strict=True):
        assert np.allclose(mine.numpy(), theirs.numpy(), rtol=0, atol=5e-6)
        assert not np.allclose(mine.numpy(), first, atol=1e-3)
