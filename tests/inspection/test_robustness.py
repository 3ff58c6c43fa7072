"""Accuracy on changed images and without some channels, against stock Keras."""

import keras
import numpy as np
import pytest

from mnist_lab.data.perturbation import perturbed
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import parts, trace
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.questions import Ablation, EachAblated, Robustness
from tests.builders.inspected import TEST, as_x, ask


def test_a_robustness_curve_is_the_accuracy_on_changed_images(network: Network, stock: keras.Model) -> None:
    strengths = [-30.0, 0.0, 45.0]
    shares: list[float] = []
    found = ask(network, Robustness, shares.append, change="rotate", strengths=strengths, images=500)["accuracy"]
    chosen = np.linspace(0, 9999, 500).round().astype(int)
    for strength, accuracy in zip(strengths, found, strict=True):
        changed = perturbed(TEST.x[chosen], {"rotate": strength})
        answers = stock.predict(as_x(changed), verbose=0).argmax(axis=1)
        assert accuracy == pytest.approx((answers == TEST.y[chosen]).mean(), abs=0.0041)
    assert shares[-1] == 1.0


def test_a_filter_that_is_off_is_one_whose_output_is_zero(
    network: Network, stock: keras.Model, experiment: Experiment
) -> None:
    found = ask(network, Ablation, off={"Block 1": [0, 3], "Dense 1": [5]}, images=400)
    ends = parts(trace(experiment.architecture))
    chosen = np.linspace(0, 9999, 400).round().astype(int)
    outputs: list[np.ndarray] = []
    for number, row in enumerate(network.traced):
        given = [outputs[i] if i >= 0 else as_x(TEST.x[chosen]) for i in row.inputs]
        x = stock.get_layer(row.name)(given if len(given) > 1 else given[0], training=False).numpy()
        if number == ends["Block 1"].last_layer:
            x[..., [0, 3]] = 0
        if number == ends["Dense 1"].last_layer:
            x[..., 5] = 0
        outputs.append(x)
    expected = x.argmax(axis=1) == TEST.y[chosen]
    assert (found["right"][1] == expected).mean() > 0.995
    whole = stock.predict(as_x(TEST.x[chosen]), verbose=0).argmax(axis=1) == TEST.y[chosen]
    assert (found["right"][0] == whole).mean() > 0.995


def test_each_filter_alone_is_the_same_as_that_one_switched_off(network: Network) -> None:
    found = ask(network, EachAblated, part="Block 2", images=300)
    channels = network.parts["Block 2"].channels
    assert len(found["accuracy"]) == channels
    for channel in (0, channels - 1):
        off = ask(network, Ablation, off={"Block 2": [channel]}, images=300)["right"].mean(axis=1)
        assert found["accuracy"][channel] == pytest.approx(off[1], abs=1e-9)
        assert float(found["whole"]) == pytest.approx(off[0], abs=1e-9)
