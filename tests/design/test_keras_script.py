"""The exported script runs alone and is the same network."""

import ast
import dataclasses
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab.data import mnist
from mnist_lab.data.mnist import Images
from mnist_lab.design import layers
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.keras_script import source
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import SCHEDULES, Augmentation
from mnist_lab.names import sanitized
from mnist_lab.training import trainer
from mnist_lab.training.model import build
from mnist_lab.training.reports import Command

EVERYTHING = {
    "schedule": {"name": "one-cycle"},
    "label_smoothing": 0.1,
    "weight_decay": 0.001,
    "augmentation": {"shift": 2, "rotation": 10, "zoom": 0.1},
    "moving_average": 0.9,
    "patience": 1,
    "epochs": 2,
}
TELL = """
import json
layers = [[type(layer).__name__, list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers]
print(json.dumps({"layers": layers, "accuracy": accuracy, "epochs": len(model.history.epoch)}))
"""


@pytest.fixture(scope="module")
def few_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as MNIST's with what scripts train on and validate with here, and the first 1,000 images for the test."""
    (train, test), file = mnist.load(), tmp_path_factory.mktemp("data") / "few.npz"
    chosen = [*range(1000), *range(len(train) - 5000, len(train))]
    np.savez(file, x_train=train.x[chosen], y_train=train.y[chosen], x_test=test.x[:1000], y_test=test.y[:1000])
    return file


def in_this_process(experiment: Experiment, monkeypatch: pytest.MonkeyPatch, data: Path) -> dict[str, Any]:
    """What a script leaves when it is run here, its network starting from the lab's initial weights."""
    start = build(experiment.architecture, experiment.seed).get_weights()
    text = source(experiment)
    assert text.count("model.summary()") == 1
    monkeypatch.setattr(sys, "argv", ["script.py", str(data)])
    left: dict[str, Any] = {"__name__": "script", "START": start}
    exec(compile(text.replace("model.summary()", "model.set_weights(START)"), "script.py", "exec"), left)
    return left


def full_batches(blocks: list[dict[str, object]], **recipe: object) -> Experiment:
    """Without dropout, and one batch an epoch: then the order of images, which is Keras' own in a script, decides nothing."""
    head = [{"units": 16, "batch_normalization": True}]
    plain = {"batch_size": 300, "epochs": 6, "optimizer": {"name": "sgd", "learning_rate": 0.05}}
    experiment = {"architecture": {"blocks": blocks, "head": head}, "recipe": plain | recipe, "train_images": 300}
    return parse(Experiment, experiment)


BLOCK = {"filters": 4, "kernel_size": 5, "strides": 3, "batch_normalization": True}
CORRECTED = {"bias_corrected_statistics": True, "normalization_momentum": 0.9}
# Each ends by early stopping before its last epoch where it has patience.
AGREEING = {
    "corrected": full_batches([BLOCK], bias_corrected_statistics=True),
    "not corrected": full_batches([BLOCK], normalization_momentum=0.5),
    "notebook": full_batches([BLOCK], **CORRECTED, moving_average=0.5).with_changes(
        protocol="notebook", train_images=300
    ),
    "everything": full_batches(
        [BLOCK],
        **CORRECTED,
        label_smoothing=0.3,
        weight_decay=0.01,
        moving_average=0.3,
        patience=1,
        epochs=12,
        optimizer={"name": "adam", "learning_rate": 1.0},
        schedule={"name": "one-cycle"},
    ),
    "notebook with patience": full_batches(
        [BLOCK],
        moving_average=0.3,
        label_smoothing=0.1,
        patience=1,
        epochs=30,
        optimizer={"name": "adam", "learning_rate": 0.3},
        schedule={"name": "one-cycle"},
    ).with_changes(protocol="notebook", train_images=300),
}


@pytest.mark.parametrize("name", list(AGREEING))
def test_what_a_script_prints_is_what_the_lab_shows(
    name: str, monkeypatch: pytest.MonkeyPatch, few_images: Path
) -> None:
    experiment = AGREEING[name]
    left = in_this_process(experiment, monkeypatch, few_images)
    with np.load(few_images) as file:
        few = [Images(file[f"x_{part}"], file[f"y_{part}"]) for part in ("train", "test")]
    monkeypatch.setattr(mnist, "load", lambda: few)
    lines = []
    outcome = trainer.train(experiment, lambda r: lines.append(r.epoch) if r.epoch else None, lambda: Command.CONTINUE)
    assert outcome
    log = left["model"].history.history
    loss = "plain" if experiment.recipe.label_smoothing else "loss"
    assert len(log["loss"]) == len(lines)
    assert (len(lines) < experiment.recipe.epochs) is bool(experiment.recipe.patience)
    for i, line in enumerate(lines):
        theirs = [log[column][i] for column in (loss, f"val_{loss}", "accuracy", "val_accuracy")]
        ours = [line.loss, line.validation_loss, line.accuracy, line.validation_accuracy]
        assert theirs[:2] == pytest.approx(ours[:2], rel=2e-2), line.epoch
        assert theirs[2:] == pytest.approx(ours[2:], abs=1e-2), line.epoch
    assert left["loss"] == pytest.approx(outcome.test_loss, rel=2e-2)
    assert left["accuracy"] == pytest.approx(outcome.test_accuracy, abs=1e-2)
    for theirs, ours in zip(left["model"].get_weights(), outcome.weights.values(), strict=True):
        assert theirs == pytest.approx(ours, abs=2e-2)


def test_a_script_moves_images_as_the_lab_does() -> None:
    augmentation = Augmentation(shift=3, rotation=40, zoom=0.9)
    experiment = few("fast", augmentation=augmentation.model_dump())
    (function,) = [node for node in ast.parse(source(experiment)).body if getattr(node, "name", "") == "augment"]
    numbers = np.random.default_rng(1).uniform(-1, 1, (4, 50)).astype(np.float32)

    class Numbers:
        """TensorFlow, whose random numbers are those that the lab is given."""

        random = SimpleNamespace(uniform=lambda *_: tf.constant(numbers))

        def __getattr__(self, name: str) -> Any:
            return getattr(tf, name)

    left: dict[str, Any] = {"keras": keras, "np": np, "tf": Numbers()}
    exec(compile(ast.Module([function], []), "script.py", "exec"), left)
    images = mnist.load()[0].x[:50, ..., np.newaxis].astype(np.float32) / 255
    theirs, _ = left["augment"](tf.constant(images), None)
    generator = SimpleNamespace(uniform=lambda *_: numbers.astype(float))
    transforms = augmentation.transforms(generator, 50)  # type: ignore[arg-type]
    ours = keras.ops.image.affine_transform(images, transforms, data_format="channels_last")
    assert np.abs(np.asarray(theirs) - np.asarray(ours)).max() < 1e-3


@pytest.mark.parametrize("schedule", [*SCHEDULES])
def test_a_script_has_the_labs_learning_rate_at_every_step(schedule: str) -> None:
    experiment = PRESETS["3x3"].with_changes(
        train_images=1000,
        recipe=PRESETS["3x3"].recipe.model_dump() | {"schedule": {"name": schedule}, "epochs": 7, "batch_size": 300},
    )
    kept = [node for node in ast.parse(source(experiment)).body if isinstance(node, ast.Import | ast.ClassDef)]
    made = next(node for node in ast.parse(source(experiment)).body if "optimizer =" in ast.unparse(node))
    left: dict[str, Any] = {}
    exec(compile(ast.Module([*kept, made], []), "script.py", "exec"), left)
    rate = left["optimizer"]._learning_rate
    theirs = [float(rate(step)) if callable(rate) else float(rate) for step in range(7 * 4)]
    assert theirs == pytest.approx(experiment.recipe.learning_rates(4), rel=1e-5)


def few(name: str, **recipe: object) -> Experiment:
    preset = PRESETS[name]
    return preset.with_changes(train_images=1000, recipe=preset.recipe.model_dump() | {"epochs": 1} | recipe)


ALONE = {
    "plain": few("3x3"),
    "everything": few("fast", **EVERYTHING),
    "cosine": few("2x2", schedule={"name": "cosine"}, optimizer={"name": "lion"}),
}
RUN = """
import runpy, sys
data, *scripts = sys.argv[1:]
for script in scripts:
    sys.argv[:] = [script, data]
    runpy.run_path(script, run_name="__main__")
print([name for name in sys.modules if name.startswith("mnist_lab")])
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, few_images: Path) -> dict[str, dict[str, Any]]:
    """What scripts say of themselves that run one after the other in a process of their own, without the lab."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, experiment in ALONE.items():
        (folder / name).write_text(source(experiment) + TELL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(few_images), *ALONE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, imported = done.stdout.splitlines()
    assert imported == "[]"
    return dict(zip(ALONE, [json.loads(line) for line in lines if line.startswith('{"layers"')], strict=True))


@pytest.mark.parametrize("name", list(ALONE))
def test_the_script_runs_alone_and_has_the_same_layers_shapes_and_parameters(
    name: str, told: dict[str, dict[str, Any]]
) -> None:
    experiment, found = ALONE[name], told[name]
    model = build(experiment.architecture, seed=1)
    ours = [[type(layer).__name__, list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers]
    assert found["layers"] == ours
    assert 0 < found["accuracy"] <= 1
    assert 1 <= found["epochs"] <= experiment.recipe.epochs


@settings(max_examples=60)
@given(st.text(max_size=60).map(sanitized))
def test_no_name_breaks_out_of_the_script(name: str) -> None:
    tree = ast.parse(source(PRESETS["3x3"].with_changes(name=name)))
    same = ast.parse(source(PRESETS["3x3"]))
    assert ast.dump(ast.Module(tree.body[1:], [])) == ast.dump(ast.Module(same.body[1:], []))


@pytest.mark.parametrize("kind", [layers.Conv2D, layers.SeparableConv2D, layers.Dense])
def test_a_layer_s_defaults_are_those_of_keras(kind: type) -> None:
    stock = inspect.signature(getattr(keras.layers, kind.__name__)).parameters
    declared = {field.name: field.default for field in dataclasses.fields(kind) if field.default != dataclasses.MISSING}
    assert declared == {name: stock[name].default for name in declared}
