"""Looking into a trained network: it stands here with its weights, and answers questions.

Questions come as errands, by name and with plain arguments; answers are arrays by name.
"""

import dataclasses
import functools
import json
import tempfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import svds

from mnist_lab.data import drawing, mnist
from mnist_lab.data.mnist import Images
from mnist_lab.data.perturbation import KINDS as PERTURBATIONS
from mnist_lab.data.perturbation import perturbed
from mnist_lab.design import layers
from mnist_lab.design.architecture import parts, trace
from mnist_lab.errors import InputError
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training import model as keras_model
from mnist_lab.training.evaluation import EVALUATION_BATCH, Evaluation, as_input
from mnist_lab.training.reports import rounded

Arrays = dict[str, np.ndarray]
Advance = Callable[[float], None]
PATCH = 5
PATH_STEPS = 64
_MOST_KEPT = 12
_CONSTANT = 1e-6
# Stored predictions are float16, and another number of threads sums in another order: no image's answer may differ
# beyond what these two explain.
_TOLERANCE = 2e-3


class Network:
    """A run's network as validated after an epoch.

    Attributes:
        run_id, epoch: of the run and its checkpoint; model: stock Keras.
        parts: its blocks and dense blocks by name, each with the index of its last layer and its number of channels.
    """

    def __init__(self, store: Store, run_id: int, epoch: int | None = None) -> None:
        """Args: epoch: the kept one where None. Raises InputError where these weights are not kept."""
        run = store.runs.get(run_id)
        if run is None:
            raise InputError(f"Run: there is none with the number {run_id}; the Results page lists all there are.")
        weights = store.checkpoints.weights(run_id, epoch)
        if weights is None:
            which = "its weights" if epoch is None else f"its weights after epoch {epoch}"
            raise InputError(f"Run {run_id}: {which} are not kept; choose another, or train it again.")
        self.store = store
        self.run_id = run_id
        self.epoch = run.kept_epoch if epoch is None else epoch
        self.status = run.status
        experiment = run.experiment
        self.model = keras_model.build(experiment.architecture, 0, experiment.recipe.normalization_momentum)
        self.model.set_weights([weights[v.path] for v in self.model.weights])
        self.evaluation = Evaluation(self.model)
        self.parts = parts(trace(run.experiment.architecture))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the ten digits, float32 `(n, 10)`, for images as uint8 `(n, 28, 28)`."""
        return self.evaluation(Images(images, np.zeros(len(images), np.uint8)))[2]

    def outputs(self, x: tf.Tensor) -> list[tf.Tensor]:
        """What each layer gives, for an input `(n, 28, 28, 1)` in 0 to 1."""
        found = []
        for layer in self.model.layers:
            x = keras_model.output(layer, x)
            found.append(x)
        return found

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """What the softmax of the last layer is taken of, `(n, 10)`."""
        *hidden, last = self.model.layers
        for layer in hidden:
            x = keras_model.output(layer, x)
        return tf.matmul(x, last.kernel) + last.bias

    @functools.cached_property
    def masked(self) -> Callable[[tf.Tensor, list[tf.Tensor]], tf.Tensor]:
        """Probabilities for images, uint8 `(n, 28, 28)`, with each part's channels multiplied by a mask of its own."""
        ends = {part.last_layer: number for number, part in enumerate(self.parts.values())}

        @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def forward(images: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
            x = as_input(images)
            for index, layer in enumerate(self.model.layers):
                x = keras_model.output(layer, x)
                if index in ends:
                    x = x * masks[ends[index]]
            return x

        found: Callable[[tf.Tensor, list[tf.Tensor]], tf.Tensor] = forward
        return found

    @functools.cached_property
    def watched(self) -> Callable[[tf.Tensor], Any]:
        """For images, uint8 `(n, 28, 28)`: probabilities, what the last layer is given, and each part's highest and
        lowest value by channel."""
        ends = [part.last_layer for part in self.parts.values()]

        @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def forward(images: tf.Tensor) -> Any:
            outputs = self.outputs(as_input(images))
            seen = [tf.reshape(outputs[end], [-1, outputs[end].shape[-1]]) for end in ends]
            return outputs[-1], outputs[-2], [tf.reduce_max(s, 0) for s in seen], [tf.reduce_min(s, 0) for s in seen]

        found: Callable[[tf.Tensor], Any] = forward
        return found


class Networks:
    """The networks of a store that were asked for last stay ready. May be used from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[tuple[int, int | None], Network] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run_id: int, epoch: int | None = None) -> Network:
        """A network; raises InputError where its weights are not kept."""
        key = run_id, epoch
        with self._lock:
            network = self._kept.pop(key, None) or Network(self.store, run_id, epoch)
            if network.status is not Status.RUNNING or epoch is not None:
                self._kept[key] = network
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return network


def answer(network: Network, advance: Advance, *, image: str) -> Arrays:
    """Probabilities of the ten digits for an image, `(10,)`."""
    given = drawing.from_text(image)
    return {"probabilities": network.probabilities(given[np.newaxis])[0]}


def maps(network: Network, advance: Advance, *, image: str) -> Arrays:
    """What each layer makes of an image, float32, by the layer's number: `(height, width, channels)` or `(units,)`."""
    given = as_input(tf.constant(drawing.from_text(image)[np.newaxis]))
    outputs = network.outputs(given)
    return {str(number): output[0].numpy() for number, output in enumerate(outputs)}


def attribution(network: Network, advance: Advance, *, image: str, digit: int, method: str) -> Arrays:
    """How much each pixel matters for a digit, `importance` `(28, 28)`, by one of `METHODS`."""
    if method not in METHODS:
        raise InputError(f"Method: should be one of {', '.join(METHODS)}; received {method[:40]!r}.")
    return {"importance": METHODS[method](network, drawing.from_text(image), int(digit))}


def occlusion(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """By how much the digit's probability falls where a square of 5×5 about a pixel is blanked.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014, section 4.2.
    """
    side, reach = drawing.SIDE, PATCH // 2
    blanked = np.repeat(image[np.newaxis], side * side, axis=0)
    for number in range(side * side):
        row, column = divmod(number, side)
        blanked[number, max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = 0
    whole = network.probabilities(image[np.newaxis])[0, digit]
    found: np.ndarray = (whole - network.probabilities(blanked)[:, digit]).reshape(side, side)
    return found


def gradient(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """How fast the digit's logit grows with a pixel's ink (0 to 1).

    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2014, section 3.
    """
    found: np.ndarray = _gradients(network, as_input(tf.constant(image[np.newaxis])), digit)[0]
    return found


def integrated_gradients(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """Each pixel's share of the digit's logit, compared with an empty image: together they are the difference.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017; 64 steps, midpoints.
    """
    x = as_input(tf.constant(image[np.newaxis]))
    steps = (np.arange(PATH_STEPS, dtype=np.float32) + 0.5) / PATH_STEPS
    gradients = _gradients(network, x * steps[:, np.newaxis, np.newaxis, np.newaxis], digit)
    found: np.ndarray = gradients.mean(axis=0) * x.numpy()[0, ..., 0]
    return found


def _gradients(network: Network, x: tf.Tensor, digit: int) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_sum(network.logits(x)[:, digit])
    found: np.ndarray = tape.gradient(logit, x).numpy()[..., 0]
    return found


METHODS: dict[str, Callable[[Network, np.ndarray, int], np.ndarray]] = {
    "occlusion": occlusion,
    "gradient": gradient,
    "integrated gradients": integrated_gradients,
}


def tested(network: Network, advance: Advance) -> Arrays:
    """Probabilities for the 10,000 test images, float16 `(10_000, 10)`."""
    test = mnist.load()[1]
    found = [network.probabilities(part) for part in _portions(test.x, advance)]
    return {"probabilities": rounded(np.concatenate(found))}


def hidden(network: Network, advance: Advance) -> Arrays:
    """The test images as the last hidden layer sees them, and which units never say anything else.

    Returns:
        `places` `(10_000, 2)`: on the two axes along which they lie furthest apart (principal components); `explained`
        `(2,)`: each axis' share of the variance; `answers` `(10_000,)`; `dead` and `units`: of each part in order,
        how many channels have the same value at every place of every test image, and how many there are.
    """
    test = mnist.load()[1]
    answers, vectors, highest, lowest = [], [], [], []
    for part in _portions(test.x, advance):
        probabilities, given, high, low = network.watched(tf.constant(part))
        answers.append(probabilities.numpy().argmax(axis=1))
        vectors.append(given.numpy())
        highest.append([x.numpy() for x in high])
        lowest.append([x.numpy() for x in low])
    places, explained = _principal(np.concatenate(vectors))
    dead, units = [], []
    for high_, low_ in zip(zip(*highest, strict=True), zip(*lowest, strict=True), strict=True):
        spread = np.max(high_, axis=0) - np.min(low_, axis=0)
        dead.append(int((spread <= _CONSTANT).sum()))
        units.append(len(spread))
    return {
        "places": places.astype(np.float32),
        "explained": explained,
        "answers": np.concatenate(answers).astype(np.uint8),
        "dead": np.array(dead),
        "units": np.array(units),
    }


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the first two principal components, `(n, 2)`, and their shares of the variance."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    left, sizes, axes = svds(centred, k=2, v0=np.ones(min(centred.shape)), random_state=0)
    order = np.argsort(-sizes)
    # An axis has no direction of its own: the same one each time, so that epochs can be compared.
    signs = np.sign(axes[order].sum(axis=1))
    signs[signs == 0] = 1
    total = max(float((centred**2).sum()), 1e-12)
    return left[:, order] * sizes[order] * signs, sizes[order] ** 2 / total


def robustness(network: Network, advance: Advance, *, change: str, strengths: list[float], images: int) -> Arrays:
    """`accuracy` on the test images, or so many of them evenly chosen, changed by each of some strengths."""
    if change not in PERTURBATIONS:
        raise InputError(f"Change: should be one of {', '.join(PERTURBATIONS)}; received {change[:40]!r}.")
    given = _some(images)
    found = []
    for number, strength in enumerate(strengths):
        changed = perturbed(given.x, {change: strength})

        def within(share: float, number: int = number) -> None:
            advance((number + share) / len(strengths))

        answers = [network.probabilities(part).argmax(axis=1) for part in _portions(changed, within)]
        found.append(float((np.concatenate(answers) == given.y).mean()))
    return {"accuracy": np.array(found)}


def ablation(network: Network, advance: Advance, *, off: dict[str, list[int]], images: int) -> Arrays:
    """`right` `(2, n)`: which test images are right with all channels, and with some of some parts held at zero."""
    given = _some(images)
    found = []
    for number, some in enumerate(({}, off)):
        masks = _masks(network, some)

        def within(share: float, number: int = number) -> None:
            advance((number + share) / 2)

        found.append(_right(network, given, masks, within))
    return {"right": np.stack(found), "labels": given.y}


def each_alone(network: Network, advance: Advance, *, part: str, images: int) -> Arrays:
    """`accuracy` with one channel of a part held at zero, for each of them; `whole`: with all."""
    given = _some(images)
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
    answers = [network.masked(tf.constant(x), masks).numpy().argmax(axis=1) for x in _portions(given.x, advance)]
    found: np.ndarray = np.concatenate(answers) == given.y
    return found


def _some(images: int) -> Images:
    """So many test images, evenly chosen: the second half of them is harder than the first."""
    test = mnist.load()[1]
    chosen = np.linspace(0, len(test) - 1, min(max(int(images), 1), len(test))).round().astype(int)
    return Images(test.x[chosen], test.y[chosen])


def _portions(images: np.ndarray, advance: Advance) -> Any:
    """Images in portions for one evaluation each; says how far it is after each."""
    for start in range(0, len(images), EVALUATION_BATCH):
        yield images[start : start + EVALUATION_BATCH]
        advance(min(1.0, (start + EVALUATION_BATCH) / len(images)))


def export(network: Network, advance: Advance) -> Arrays:
    """A network as stock `.keras` and `.weights.h5` files, bytes as uint8 arrays by their names.

    Each file is read back before it is given away, and answers the test images as the run itself did.

    Raises:
        InputError: it does not, or the run's predictions are not kept.
    """
    run_id = network.run_id
    kept = network.store.runs.probabilities(run_id)
    if kept is None:
        raise InputError(f"Run {run_id}: its predictions are not kept, so an export cannot be checked; train it again.")
    found: Arrays = {}
    test = mnist.load()[1]
    with tempfile.TemporaryDirectory(prefix="mnist-lab-") as folder:
        for done, (name, save) in enumerate(
            (("network.keras", network.model.save), ("network.weights.h5", network.model.save_weights))
        ):
            path = Path(folder) / name
            save(path)
            if name.endswith(".keras"):
                write_for_every_keras_3(path)
                again = keras.models.load_model(path, safe_mode=True)
            else:
                again = keras.models.clone_model(network.model)
                again.load_weights(path)
            _check(run_id, name, Evaluation(again)(test)[2], kept)
            found[name] = np.frombuffer(path.read_bytes(), np.uint8)
            advance((done + 1) / 2)
    return found


# Arguments of Keras layers that the lab does not describe a layer by, yet what the layer does depends on.
_ALSO_SAID = {"name", "batch_shape", "data_format", "axis", "momentum", "epsilon"}


def write_for_every_keras_3(path: Path) -> None:
    """Leave out of a `.keras` file whatever else Keras says of its layers: from version to version it adds more, all of
    it here as it always was, and an older Keras refuses a name that it does not know. So all from 3.0 on read the file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    written = json.loads(files["config.json"])
    model = written["config"]
    for layer in model["layers"]:
        described = getattr(layers, layer["class_name"], None)
        said = _ALSO_SAID | {field.name for field in dataclasses.fields(described)} if described else _ALSO_SAID
        layer["config"] = {name: value for name, value in layer["config"].items() if name in said}
    written["config"] = {name: model[name] for name in ("name", "layers", "build_input_shape")}
    files["config.json"] = json.dumps(written).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _check(run_id: int, name: str, ours: np.ndarray, kept: np.ndarray) -> None:
    off = np.abs(ours - kept.astype(np.float32)).max()
    if not off <= _TOLERANCE:
        raise InputError(
            f"Run {run_id}: {name} answers the test images otherwise than the run did (by up to {off:.3f}), so it is not "
            "given away; train it again."
        )


KINDS: dict[str, Callable[..., Arrays]] = {
    "answer": answer,
    "maps": maps,
    "attribution": attribution,
    "tested": tested,
    "hidden": hidden,
    "robustness": robustness,
    "ablation": ablation,
    "each alone": each_alone,
    "export": export,
}


def respond(networks: Networks, kind: str, arguments: dict[str, Any], advance: Advance) -> Arrays:
    """The answer to an errand. Raises InputError where it asks what cannot be."""
    if kind not in KINDS:
        raise InputError(f"Errand: should be one of {', '.join(KINDS)}; received {kind[:40]!r}.")
    rest = {name: value for name, value in arguments.items() if name not in ("run_id", "epoch")}
    return KINDS[kind](networks.get(arguments["run_id"], arguments.get("epoch")), advance, **rest)
