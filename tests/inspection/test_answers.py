"""Answers to questions about a trained network, against stock Keras."""

import dataclasses
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.inspection.answers import FUNCTIONS, respond
from mnist_lab.inspection.attribution import METHODS
from mnist_lab.inspection.network import Network, Networks
from mnist_lab.inspection.questions import (
    KINDS,
    Ablation,
    Answer,
    Attribution,
    EachAblated,
    Export,
    Maps,
    OwnDigits,
    Question,
    Robustness,
    Tested,
)
from mnist_lab.results.own_digits import score
from mnist_lab.store import ready_made
from mnist_lab.store.store import Store
from tests.builders.inspected import IMAGE, TEST, TEXT, as_x, ask
from tests.builders.trained import train


def test_every_question_has_one_function_that_takes_just_what_it_asks() -> None:
    assert set(FUNCTIONS) == set(KINDS.values())
    assert len(set(FUNCTIONS.values())) == len(FUNCTIONS)
    for kind, function in FUNCTIONS.items():
        assert function.__module__.startswith("mnist_lab.inspection.")
        taken = inspect.signature(function).parameters.values()
        asked = {field.name for field in dataclasses.fields(kind)} - {"run_id", "epoch"}
        assert {one.name for one in taken if one.kind is one.KEYWORD_ONLY} == asked, kind


def test_answers_are_those_of_stock_keras(network: Network, stock: keras.Model) -> None:
    found = ask(network, Answer, image=TEXT)["probabilities"]
    assert found == pytest.approx(stock.predict(as_x(IMAGE[None]), verbose=0)[0], abs=1e-5)


def test_maps_of_every_layer_are_those_of_stock_keras(network: Network, stock: keras.Model) -> None:
    found = ask(network, Maps, image=TEXT)
    assert len(found) == len(network.traced)
    for number, row in enumerate(network.traced):
        layer = stock.get_layer(row.name)
        until = keras.Model(stock.inputs, layer.output)
        expected = until.predict(as_x(IMAGE[None]), verbose=0)[0]
        assert found[str(number)].shape == expected.shape
        assert found[str(number)] == pytest.approx(expected, abs=1e-4), layer.name


def test_the_test_set_is_answered_as_it_was_when_the_run_was_tested(network: Network, looked_into: Store) -> None:
    shares: list[float] = []
    found = ask(network, Tested, shares.append)["probabilities"]
    assert np.abs(found.astype(float) - looked_into.runs.probabilities(1)).max() < 2e-3
    assert shares[-1] == 1.0
    assert sorted(shares) == shares


def test_a_network_whose_separable_convolution_has_unequal_strides_trains_and_is_looked_into(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    block = {"filters": 4, "kernel_size": 5, "strides": [2, 3], "convolution": "separable", "padding": "same"}
    experiment = Experiment(
        architecture=Architecture.model_validate({"blocks": [block]}),
        recipe={"optimizer": {"name": "adam", "learning_rate": 0.03}, "batch_size": 50, "epochs": 3},
        train_images=1001,  # a last batch of one image
    )
    run = train(store, experiment)
    assert run.test_accuracy > 0.5
    network = Network(store, run.id)
    assert ask(network, Maps, image=TEXT)["0"].shape == (14, 10, 4)
    for method in METHODS:
        assert np.abs(ask(network, Attribution, image=TEXT, digit=3, method=method)["importance"]).max() > 0
    assert set(ask(network, Export)) == {"network.keras", "network.weights.h5"}


@pytest.mark.parametrize(
    ("kind", "question", "words"),
    [
        (Answer, {"image": "x"}, "Image: should be"),
        (Attribution, {"image": TEXT, "digit": 1, "method": "magic"}, "Method: should be one of"),
        (Robustness, {"change": "melt", "strengths": [0.0], "images": 10}, "Change: should be one of"),
        (Ablation, {"off": {"Block 9": [0]}, "images": 10}, "Switched off: 'Block 9' has no such channels"),
        (Ablation, {"off": {"Block 1": [99]}, "images": 10}, "Switched off: 'Block 1' has no such channels"),
        (EachAblated, {"part": "Output", "images": 10}, "Part: should be one of"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(network: Network, kind: type[Question], question: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ask(network, kind, **question)


def test_a_question_is_answered_by_the_network_that_it_is_about(looked_into: Store) -> None:
    networks = Networks(looked_into)
    early, kept = (
        respond(networks, Answer(run_id=1, epoch=epoch, image=TEXT), lambda share: None)["probabilities"]
        for epoch in (1, None)
    )
    assert not np.array_equal(early, kept)
    assert kept == pytest.approx(networks.get(1).probabilities(IMAGE[None])[0])


def test_own_digits_are_read_from_the_store_and_the_score_is_counted_by_hand(store: Store) -> None:
    answers = ready_made.load().probabilities.astype(float)
    wrong = np.flatnonzero(answers.argmax(axis=1) != TEST.y)[:2]
    drawn = [*range(8), *wrong]
    ids = [store.digits.add(None, f"pupil {i % 3}", int(TEST.y[i]), TEST.x[i].tobytes()) for i in drawn]
    store.digits.delete(ids[:1])
    advanced: list[float] = []
    found = respond(Networks(store), OwnDigits(run_id=ready_made.ID, digits=ids), advanced.append)
    assert found["ids"].tolist() == ids[1:], "what was deleted meanwhile is left out"
    np.testing.assert_allclose(found["probabilities"], answers[drawn[1:]], atol=2e-3)
    counted = score(store.digits.of(None), found["probabilities"])
    assert (counted.whole.right, counted.whole.of, counted.whole.people) == (7, 9, 3)
    assert {mistake.digit.id for mistake in counted.mistakes} == set(ids[-2:])
    assert advanced[-1] == 1


@pytest.mark.parametrize(
    ("digits", "words"), [([7], "none of these drawings"), (range(1, 2002), "at most 2,000 at once")]
)
def test_digits_that_are_gone_or_too_many_are_a_sentence(store: Store, digits: list[int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        respond(Networks(store), OwnDigits(run_id=ready_made.ID, digits=digits), lambda share: None)
