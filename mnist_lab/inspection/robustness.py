"""What is left of a network's accuracy when images are changed or channels are switched off."""

import numpy as np
import tensorflow as tf

from mnist_lab.data.mnist import Images
from mnist_lab.data.perturbation import KINDS as PERTURBATIONS
from mnist_lab.data.perturbation import perturbed
from mnist_lab.errors import InputError
from mnist_lab.inspection.network import Network
from mnist_lab.inspection.test_images import Advance, Arrays, evenly_chosen, portions


def robustness(network: Network, advance: Advance, *, change: str, strengths: list[float], images: int) -> Arrays:
    """`accuracy` on some test images, evenly chosen, that are changed with each of some strengths."""
    if change not in PERTURBATIONS:
        raise InputError(f"Change: should be one of {', '.join(PERTURBATIONS)}; received {change[:40]!r}.")
    given = evenly_chosen(images)
    found = []
    for number, strength in enumerate(strengths):
        changed = perturbed(given.x, {change: strength})

        def within(share: float, number: int = number) -> None:
            advance((number + share) / len(strengths))

        answers = [network.probabilities(part).argmax(axis=1) for part in portions(changed, within)]
        found.append(float((np.concatenate(answers) == given.y).mean()))
    return {"accuracy": np.array(found)}


def ablation(network: Network, advance: Advance, *, off: dict[str, list[int]], images: int) -> Arrays:
    """`right` `(2, n)`: which test images are read correctly with all channels, and with some of some parts held at zero."""
    given = evenly_chosen(images)
    found = []
    for number, some in enumerate(({}, off)):
        masks = _masks(network, some)

        def within(share: float, number: int = number) -> None:
            advance((number + share) / 2)

        found.append(_right(network, given, masks, within))
    return {"right": np.stack(found), "labels": given.y}


def each_ablated(network: Network, advance: Advance, *, part: str, images: int) -> Arrays:
    """`accuracy` with one channel of a part held at zero, for each of them; `whole`: with all."""
    given = evenly_chosen(images)
    if part not in network.parts:
        raise InputError(f"Part: should be one of {', '.join(network.parts)}; received {part[:40]!r}.")
    channels = network.parts[part].channels
    whole = _right(network, given, _masks(network, {}), lambda share: None).mean()
    found = []
    for channel in range(channels):

        def within(share: float, channel: int = channel) -> None:
            advance((channel + share) / channels)

        found.append(float(_right(network, given, _masks(network, {part: [channel]}), within).mean()))
    return {"accuracy": np.array(found), "whole": np.array(whole)}


def _masks(network: Network, off: dict[str, list[int]]) -> list[tf.Tensor]:
    masks = {name: np.ones(part.channels, np.float32) for name, part in network.parts.items()}
    for name, channels in off.items():
        if name not in masks or not all(0 <= channel < len(masks[name]) for channel in channels):
            raise InputError(f"Switched off: {name[:40]!r} has no such channels as {str(channels)[:40]}.")
        masks[name][channels] = 0
    return [tf.constant(mask) for mask in masks.values()]


def _right(network: Network, given: Images, masks: list[tf.Tensor], advance: Advance) -> np.ndarray:
    answers = [network.masked(tf.constant(x), masks).numpy().argmax(axis=1) for x in portions(given.x, advance)]
    found: np.ndarray = np.concatenate(answers) == given.y
    return found
