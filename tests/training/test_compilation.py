"""Runs that share what is compiled, against runs that compile for themselves: the same to the bit."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment, Protocol
from mnist_lab.design.presets import PRESETS
from mnist_lab.design.recipe import OPTIMIZERS
from mnist_lab.errors import StoreError
from mnist_lab.training import compilation, runtime, trainer
from mnist_lab.training.compilation import CLEARED_AFTER, Cache, Compiled, cache
from mnist_lab.training.reports import Checkpoint, Command, Outcome
from tests.builders.processes import ROOT
from tests.builders.training import Record, everything, same_result, without_seconds

Trained = tuple[Outcome | None, Record]


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def trained(experiment: Experiment, resume: Checkpoint | None = None, pause_after: int | None = None) -> Trained:
    record = Record(pause_after, Command.PAUSE)
    return trainer.train(experiment, record.report, record.command, resume, report_seconds=0.0), record


def alone(experiment: Experiment) -> Trained:
    """As in a fresh process."""
    cache.clear()
    return trained(experiment)


def kept() -> list[Compiled]:
    return list(cache.designs.values())


def variables(compiled: Compiled) -> dict[str, np.ndarray]:
    both = (*compiled.model.variables, *compiled.optimizer.variables)
    return {f"{i} {variable.name.split('_')[0]}": variable.numpy() for i, variable in enumerate(both)}


def assert_same(one: Trained, other: Trained) -> None:
    """The same log, checkpoints and result."""
    (outcome, record), (other_outcome, other_record) = one, other
    assert outcome
    assert other_outcome
    assert without_seconds(record.epochs) == without_seconds(other_record.epochs)
    for checkpoint, its in zip(record.checkpoints, other_record.checkpoints, strict=True):
        arrays, others = (
            {name: array for name, array in each.state.items() if name != "progress"} for each in (checkpoint, its)
        )
        assert arrays.keys() == others.keys()
        assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
    assert same_result(outcome, other_outcome)


def assert_what_runs_leave_behind_does_not_show(first: Experiment, between: Experiment) -> None:
    """Seeds of a design, whole, paused and resumed, and another design in between: all are as alone."""
    second = first.with_changes(seed=2)
    expected, expected_between = alone(second), alone(between)
    cache.clear()
    trained(first)
    (shared,) = kept()
    assert_same(trained(second), expected)
    assert_same(trained(between), expected_between)
    trained(first, pause_after=2)
    outcome, _ = trained(second, expected[1].checkpoints[0])
    assert outcome
    assert expected[0]
    assert same_result(outcome, expected[0])
    assert_same(trained(between), expected_between)
    assert shared in kept(), "one compilation served all of them"
    assert len(kept()) == 2


@pytest.mark.usefixtures("few_to_evaluate")
def test_seeds_that_share_what_is_compiled_are_the_same_to_the_bit_as_alone(small: Experiment) -> None:
    """With dropout, normalisation, a residual block, augmentation, a schedule and a moving average."""
    assert_what_runs_leave_behind_does_not_show(
        everything(small).with_changes(train_images=301), small.with_changes(train_images=300)
    )


@pytest.mark.slow
@pytest.mark.usefixtures("few_to_evaluate")
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_so_they_are_with_every_optimizer(small: Experiment, name: str) -> None:
    first = everything(small, name).with_changes(train_images=301, protocol=Protocol.NOTEBOOK)
    assert_what_runs_leave_behind_does_not_show(first, everything(small, name).with_changes(train_images=250))


def digest(experiment: Experiment) -> str:
    """Of the weights and the answers to the test images."""
    outcome, _ = trained(experiment)
    assert outcome
    arrays = (*outcome.weights.values(), outcome.probabilities)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.mark.slow
def test_so_they_are_in_a_process_of_their_own(small: Experiment) -> None:
    experiment = everything(small)
    for seed in (3, 4):
        found = digest(experiment.with_changes(seed=seed))
    code = (
        "import sys\n"
        "from mnist_lab.training import runtime\n"
        "runtime.configure(2)\n"
        "from mnist_lab.design.experiment import read_design\n"
        "from tests.training.test_compilation import digest\n"
        "print(digest(read_design(sys.stdin.read())))"
    )
    text = experiment.with_changes(seed=4).model_dump_json()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [found]


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_restarted_it_has_the_variables_of_a_new_one(small: Experiment, name: str) -> None:
    experiment = everything(small, name)
    faster = experiment.recipe.model_dump() | {"optimizer": {"name": name, "learning_rate": 0.123}, "epochs": 9}
    other = experiment.with_changes(seed=7, recipe=faster)
    used, new = Compiled(experiment), Compiled(other)
    for variable in (*used.model.variables, *used.optimizer.variables):
        variable.assign(variable + 1)
    assert used.key == new.key
    used.restart(other)
    found, expected = variables(used), variables(new)
    assert found.keys() == expected.keys()
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


@pytest.mark.parametrize("name", ["LeNet-5", "residual", "tiny", "7x7"])
def test_so_have_the_layers_of_the_presets(name: str) -> None:
    separable = {"convolution": "separable", "filters": 8, "kernel_size": 3, "dropout": 0.25}
    architecture = PRESETS[name].architecture.model_dump()
    architecture["blocks"] = [*architecture["blocks"], separable] if name == "tiny" else architecture["blocks"]
    one, other = (PRESETS[name].with_changes(seed=seed, architecture=architecture) for seed in (1, 2))
    used, new = Compiled(one), Compiled(other)
    before = variables(used)
    used.restart(other)
    found, expected = variables(used), variables(new)
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []
    assert any(not np.array_equal(found[name], before[name]) for name in found)


@pytest.mark.parametrize(
    "change",
    [
        {"train_images": 999},
        {"recipe": {"batch_size": 99}},
        {"recipe": {"optimizer": {"name": "adam", "beta_1": 0.8}}},
        {"recipe": {"optimizer": {"name": "nadam"}}},
        {"recipe": {"label_smoothing": 0.1}},
        {"recipe": {"weight_decay": 0.1}},
        {"recipe": {"augmentation": {"shift": 1}}},
        {"recipe": {"moving_average": 0.5}},
        {"recipe": {"normalization_momentum": 0.5}},
        {"architecture": {"blocks": [{"filters": 5, "kernel_size": 5, "strides": 2, "dropout": 0.1}]}},
        {"architecture": {"blocks": [{"filters": 4, "kernel_size": 5, "strides": 2, "dropout": 0.2}]}},
    ],
)
def test_what_is_compiled_otherwise_is_not_shared(small: Experiment, change: dict) -> None:
    recipe = small.recipe.model_dump() | change.get("recipe", {})
    compiled = cache.take(small)
    cache.keep(compiled)
    assert cache.take(small.with_changes(**change | {"recipe": recipe})) is not compiled
    assert cache.take(small.with_changes(name="other", seed=9)) is compiled
    assert cache.take(small) is not compiled, "it serves one training at a time"


def test_few_designs_are_kept_and_none_that_is_large(small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    designs = [small.with_changes(train_images=images) for images in (100, 200, 300, 400)]
    for design in (*designs[:3], designs[0], designs[3]):
        cache.keep(cache.take(design))
    numbers = [json.loads(compiled.key)["images"] for compiled in kept()]
    assert numbers == [300, 100, 400], "the one that was used longest ago has gone"
    monkeypatch.setattr(compilation, "MAX_KEPT_BYTES", 2 * kept()[0].nbytes)
    cache.keep(cache.take(designs[3]))
    assert len(kept()) == 2
    monkeypatch.setattr(compilation, "MAX_KEPT_BYTES", kept()[0].nbytes - 1)
    cache.keep(cache.take(designs[3]))
    assert kept() == []


def test_designs_share_the_images(small: Experiment) -> None:
    one, other = cache.take(small), cache.take(small.with_changes(recipe={"batch_size": 50}))
    assert one._images is other._images


def test_memory_is_released_where_something_was_compiled_and_kernels_seldom(
    small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[bool] = []
    monkeypatch.setattr(runtime, "release", lambda *, kernels: released.append(kernels))
    found = Cache()

    def run(images: int) -> None:
        found.keep(found.take(small.with_changes(train_images=images)))
        found.release()

    run(100)
    run(100)
    found.release()
    assert released == [False], "its next run had it"
    for images in range(101, 100 + CLEARED_AFTER):
        run(images)
    run(200)
    assert released == [False] * (CLEARED_AFTER - 1) + [True, False]
    found.clear()
    found.take(small)
    found.release()
    assert released[-1], "nothing is kept that would have to be optimised again"


def test_what_has_failed_is_not_kept(small: Experiment) -> None:
    def fails(_report: object) -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError):
        trainer.train(small, fails, lambda: Command.CONTINUE)
    assert kept() == []
