"""The exported script runs alone and is the same network."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_lab import dataset
from mnist_lab.experiment import Experiment
from mnist_lab.keras_model import build
from mnist_lab.keras_script import source
from mnist_lab.presets import PRESETS

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


def few(name: str, **recipe: object) -> Experiment:
    preset = PRESETS[name]
    return preset.with_changes(train_images=2000, recipe=preset.recipe.model_dump() | {"epochs": 1} | recipe)


@pytest.mark.parametrize(
    "experiment",
    [few("3x3"), few("fast", **EVERYTHING), few("2x2", schedule={"name": "cosine"}, optimizer={"name": "lion"})],
    ids=["plain", "everything", "cosine"],
)
def test_the_script_runs_alone_and_has_the_same_layers_shapes_and_parameters(
    experiment: Experiment, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(source(experiment) + TELL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(dataset.FILE)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    model = build(experiment.architecture, seed=1)
    ours = [[type(layer).__name__, list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers]
    assert told["layers"] == ours
    assert 0 < told["accuracy"] <= 1
    assert 1 <= told["epochs"] <= experiment.recipe.epochs


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60).filter(lambda name: name and all(letter >= " " for letter in name)))
def test_no_name_breaks_out_of_the_script(name: str) -> None:
    tree = ast.parse(source(PRESETS["3x3"].with_changes(name=name)))
    same = ast.parse(source(PRESETS["3x3"]))
    assert ast.dump(ast.Module(tree.body[1:], [])) == ast.dump(ast.Module(same.body[1:], []))
