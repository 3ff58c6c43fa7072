"""Answers to questions about a trained network: arrays by name."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mnist_lab.data import drawing, mnist
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.inspection.attribution import attribution
from mnist_lab.inspection.export import export
from mnist_lab.inspection.hidden_layer import hidden
from mnist_lab.inspection.network import Network, Networks
from mnist_lab.inspection.robustness import ablation, each_ablated, robustness
from mnist_lab.inspection.test_images import Advance, Arrays, portions
from mnist_lab.store.digits import MOST
from mnist_lab.training.evaluation import as_input
from mnist_lab.training.reports import rounded


def answer(network: Network, advance: Advance, *, image: str) -> Arrays:
    """Probabilities of the ten digits for an image, `(10,)`."""
    given = drawing.from_text(image)
    return {"probabilities": network.probabilities(given[np.newaxis])[0]}


def maps(network: Network, advance: Advance, *, image: str) -> Arrays:
    """What each layer makes of an image, float32, by the layer's number: `(height, width, channels)` or `(units,)`."""
    given = as_input(tf.constant(drawing.from_text(image)[np.newaxis]))
    outputs = network.outputs(given)
    return {str(number): output[0].numpy() for number, output in enumerate(outputs)}


def tested(network: Network, advance: Advance) -> Arrays:
    """Probabilities for the 10,000 test images, float16 `(10_000, 10)`."""
    test = mnist.load()[1]
    found = [network.probabilities(part) for part in portions(test.x, advance)]
    return {"probabilities": rounded(np.concatenate(found))}


def own_digits(network: Network, advance: Advance, *, digits: list[int]) -> Arrays:
    """`ids`, int64 `(n,)`, of those drawings that are still there, and their `probabilities` of the ten digits,
    float32 `(n, 10)`."""
    if len(digits) > MOST:
        raise InputError(f"Own digits: at most {MOST:,} at once; received {len(digits):,}.")
    found = network.store.digits.some(digits)
    if not found:
        raise InputError("Own digits: none of these drawings is there any more; open the page again.")
    images = np.stack([digit.image for digit in found.values()])
    answers = [network.probabilities(part) for part in portions(images, advance)]
    return {"ids": np.array(list(found), np.int64), "probabilities": np.concatenate(answers)}


FUNCTIONS: dict[type[questions.Question], Callable[..., Arrays]] = {
    questions.Answer: answer,
    questions.Maps: maps,
    questions.Attribution: attribution,
    questions.Tested: tested,
    questions.OwnDigits: own_digits,
    questions.Hidden: hidden,
    questions.Robustness: robustness,
    questions.Ablation: ablation,
    questions.EachAblated: each_ablated,
    questions.Export: export,
}


def respond(networks: Networks, question: questions.Question, advance: Advance) -> Arrays:
    """The answer to a question. Raises InputError where it asks what cannot be."""
    network = networks.get(question.run_id, question.epoch)
    return FUNCTIONS[type(question)](network, advance, **question.particulars)
