"""One value of a feature map, against what Keras computed."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.layers import Add, Conv2D
from mnist_lab.design.network import trace
from mnist_lab.inspection import arithmetic
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Maps
from tests.builders.inspected import IMAGE, TEXT, as_x, ask


def test_the_arithmetic_of_a_value_comes_to_the_value(network: Network, experiment: Experiment) -> None:
    maps = ask(network, Maps, image=TEXT)
    traced = trace(experiment.architecture)
    generator = np.random.default_rng(0)
    convolutions = [number for number, row in enumerate(traced) if isinstance(row.layer, Conv2D)]
    checked = 0
    for number, row in enumerate(traced):
        if isinstance(row.layer, Conv2D):
            given = maps[str(row.inputs[0])] if number else as_x(IMAGE)
            weights = network.model.get_layer(row.name).get_weights()
            height, width, filters = row.output_shape
            for _ in range(30):
                place = (*(int(generator.integers(n)) for n in (height, width)), int(generator.integers(filters)))
                cell = arithmetic.cell(row.layer, weights, given, place)
                before = cell.total
                value = maps[str(number)][place]
                expected = max(before, 0) if row.layer.activation == "relu" else before
                assert expected == pytest.approx(value, abs=1e-4)
                assert cell.by_channel.sum() + cell.bias == pytest.approx(before)
                checked += 1
    assert checked == 30 * len(convolutions)


def test_a_value_is_followed_through_its_block(network: Network, experiment: Experiment) -> None:
    maps = ask(network, Maps, image=TEXT)
    traced = trace(experiment.architecture)
    for number, row in enumerate(traced):
        if len(row.input_shape) != 3 or isinstance(row.layer, Conv2D | Add) or number == 0:
            continue
        given = maps[str(row.inputs[0])]
        for r, c in ((0, 0), (3, 2)):
            at = arithmetic.carried(row.layer, row.input_shape, r, c)
            if at is None:
                continue
            changed = given.copy()
            changed[r, c] += 5.0
            layer = network.model.get_layer(row.name)
            outputs = [layer(tf.constant(x[None]), training=False)[0] for x in (given, changed)]
            differs = np.argwhere(np.any(outputs[0].numpy() != outputs[1].numpy(), axis=-1))
            assert {tuple(place) for place in differs} <= {at}
