"""What is held equal is equal within 2 %, nothing else changes, and what is refused cannot be had."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_lab.charts.work import Work
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import ConvBlock, DenseBlock
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import problem, totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.results.prediction import model_seconds
from mnist_lab.studies.equal import TOLERANCE, Cost, adjusted, multiply_adds, parameters
from tests.builders.plans import same_padding

blocks = st.builds(
    ConvBlock,
    filters=st.sampled_from([1, 2, 3, 4, 4, 8, 8, 16, 30]),
    kernel_size=st.integers(1, 5).map(lambda n: (n, n)),
    strides=st.sampled_from([(1, 1), (1, 1), (2, 2)]),
    padding=st.sampled_from(["valid", "same"]),
    pooling=st.sampled_from(["none", "none", "max"]),
    convolution=st.sampled_from(["plain", "plain", "separable"]),
    bias=st.booleans(),
    batch_normalization=st.booleans(),
    residual=st.booleans(),
)


@st.composite
def designs(draw: st.DrawFn, most: int) -> Experiment:
    """A design that can be built, with up to `most` convolutions."""
    network = Architecture(
        blocks=draw(st.lists(blocks, min_size=1, max_size=most).map(tuple)),
        bridge=draw(st.sampled_from(["flatten", "global average"])),
        head=draw(st.lists(st.builds(DenseBlock, units=st.integers(1, 40)), max_size=1).map(tuple)),
    )
    assume(problem(network) is None)
    return same_padding(architecture=network.model_dump(mode="json"), train_images=1000, name="generated")


def made_equal(design: Experiment, wanted: float, cost: Cost, by: Any) -> Experiment | None:
    """The adjusted design; None where it is refused."""
    what: Any = {parameters: "parameters", multiply_adds: "multiply-adds of training"}.get(cost, "predicted seconds")
    try:
        return adjusted(design, what, by, wanted, cost, "Cell")
    except InputError as error:
        assert str(error).startswith(f"Cell: {what} should be within 2 % of ")
        assert f"; the nearest that can be reached by {by} is " in str(error)
        return None


def is_equal(cost: float, wanted: float) -> bool:
    return abs(cost - wanted) <= TOLERANCE * wanted


def form(network: Architecture) -> list[str]:
    """The layers of a network, whatever their sizes."""
    return [row.name for row in trace(network)]


def scaled(network: Architecture) -> list[int]:
    """The blocks whose filters can change: not those that are added to the image, which has one channel."""
    first = itertools.takewhile(
        lambda i: (b := network.blocks[i]).residual and b.strides == (1, 1) and b.filters == 1,
        range(len(network.blocks)),
    )
    return list(range(len(list(first)), len(network.blocks)))


def is_from_one_scale(before: list[int], after: tuple[int, ...]) -> bool:
    """Whether some scale has each number between the whole numbers around its exact one, or above it by one."""
    low = max(Fraction(n - 1, was) if n > 1 else Fraction(0) for was, n in zip(before, after, strict=True))
    high = min(Fraction(n + 1, was) for was, n in zip(before, after, strict=True))
    return low < high


def with_filters(design: Experiment, numbers: dict[int, int]) -> Experiment:
    changed = [
        block.model_copy(update={"filters": numbers.get(i, block.filters)})
        for i, block in enumerate(design.architecture.blocks)
    ]
    return design.model_copy(update={"architecture": design.architecture.with_blocks(*changed)})


def without(design: Experiment, *fields: str) -> dict[str, Any]:
    data = design.model_dump(mode="json")
    if "filters" in fields:
        for block in data["architecture"]["blocks"]:
            del block["filters"]
    if "length" in fields:
        del data["train_images"], data["recipe"]["epochs"]
    return data


def reachable(design: Experiment, cost: Cost, most: float) -> Iterator[float]:
    """The costs up to `most` of all designs with scaled filters, and of some above it; made one by one."""
    free = scaled(design.architecture)
    before = [design.architecture.blocks[i].filters for i in free]
    if not free:
        yield cost(design)
        return
    for first in range(1, 1025):
        rest = [
            range(max(1, (first - 1) * was // before[0] - 2), min(1024, (first + 1) * was // before[0] + 2) + 1)
            for was in before[1:]
        ]
        found = []
        for numbers in itertools.product([first], *rest):
            if is_from_one_scale(before, numbers):
                other = with_filters(design, dict(zip(free, numbers, strict=True)))
                if problem(other.architecture) is None and form(other.architecture) == form(design.architecture):
                    found.append(cost(other))
        yield from found
        if first > 3 and found and min(found) > most:
            return  # all that follow cost more


COSTS = st.sampled_from([parameters, multiply_adds])


@settings(max_examples=60)
@given(designs(most=4), COSTS, st.floats(0.1, 8))
def test_by_filters_what_is_not_refused_is_equal_and_nothing_else_has_changed(
    design: Experiment, cost: Cost, factor: float
) -> None:
    wanted = cost(design) * factor
    found = made_equal(design, wanted, cost, "filters")
    if found is None:
        return
    assert is_equal(cost(found), wanted)
    assert without(found, "filters") == without(design, "filters")
    assert form(found.architecture) == form(design.architecture)
    free = scaled(design.architecture)
    before, after = ([network.blocks[i].filters for i in free] for network in (design.architecture, found.architecture))
    assert not free or is_from_one_scale(before, tuple(after))


@settings(max_examples=60)
@given(designs(most=2), COSTS, st.floats(0.3, 3))
def test_by_filters_what_is_refused_is_nowhere_within_reach(design: Experiment, cost: Cost, factor: float) -> None:
    wanted = cost(design) * factor
    if made_equal(design, wanted, cost, "filters") is None:
        assert not any(is_equal(found, wanted) for found in reachable(design, cost, 2 * wanted))


PLAIN: dict[str, Any] = {"kernel_size": 3, "padding": "same"}
ONE_BY_ONE = {"kernel_size": 1, "residual": True}
FORMS: dict[str, list[dict[str, Any]]] = {
    "one block": [PLAIN | {"filters": 5}],
    "two blocks": [PLAIN | {"filters": 3}, PLAIN | {"filters": 5}],
    "three blocks": [PLAIN | {"filters": 2}, PLAIN | {"filters": 1}, PLAIN | {"filters": 3}],
    "an addition": [PLAIN | {"filters": 4}, PLAIN | {"filters": 4, "residual": True}],
    "a projection": [PLAIN | {"filters": 2}, ONE_BY_ONE | {"filters": 3}],
    "a projection to one filter more": [PLAIN | {"filters": 8, "kernel_size": 1}, ONE_BY_ONE | {"filters": 9}],
    "a projection to one filter less": [PLAIN | {"filters": 6, "kernel_size": 1}, ONE_BY_ONE | {"filters": 5}],
    "two projections": [PLAIN | {"filters": 3}, ONE_BY_ONE | {"filters": 2}, ONE_BY_ONE | {"filters": 3}],
    "a projection of the image": [PLAIN | {"filters": 2, "residual": True}, PLAIN | {"filters": 3}],
    "an addition to the image": [PLAIN | {"filters": 1, "residual": True}, PLAIN | {"filters": 3}],
    "not of one channel": [
        PLAIN | {"filters": 2},
        {"filters": 3, "kernel_size": 1, "strides": 2, "convolution": "separable"},
    ],
}


@pytest.mark.parametrize("name", FORMS)
def test_all_that_is_within_reach_is_found_and_nothing_else(name: str) -> None:
    design = same_padding(architecture={"blocks": FORMS[name], "bridge": "global average"})
    start = parameters(design)
    costs = sorted(reachable(design, parameters, 4 * start))
    # The edges of what is equal to each cost, and what lies far from all.
    wanted = {round(cost / edge, 3) for cost in costs for edge in (1.021, 1.0199, 1, 0.9801, 0.979)}
    for each in sorted(w for w in wanted if 0.9 * costs[0] < w < 2.5 * start):
        found = made_equal(design, each, parameters, "filters")
        assert (found is not None) is any(is_equal(cost, each) for cost in [start, *costs])
        assert found is None or form(found.architecture) == form(design.architecture)


def test_the_nearest_that_is_shown_is_a_network_that_can_be() -> None:
    """With one filter in the first block the second is impossible, which costs nothing."""
    design = same_padding(architecture={"blocks": FORMS["not of one channel"], "bridge": "global average"})
    with pytest.raises(InputError, match=r"should be within 2 % of 3; the nearest .* is \d\d, with 2-1 filters\.$"):
        adjusted(design, "parameters", "filters", 3, parameters, "Cell")


@settings(max_examples=60)
@given(designs(most=2), st.integers(1, 400), st.integers(1, 60), st.integers(1, 9), st.floats(0.01, 20))
def test_by_length_what_is_not_refused_is_equal_and_what_is_refused_is_out_of_reach(
    design: Experiment, images: int, batch: int, epochs: int, factor: float
) -> None:
    recipe = design.recipe.model_dump(mode="json") | {"epochs": epochs, "batch_size": batch}
    design = design.with_changes(recipe=recipe, train_images=images)
    image = multiply_adds(design) / images / epochs
    wanted = multiply_adds(design) * factor
    found = made_equal(design, wanted, multiply_adds, "length")
    least = next((e for e in range(1, 1001) if e * images * image >= wanted), 1000)
    if found is None:
        reached = [least * n * image for n in range(1, images + 1)] + [e * images * image for e in range(1, 1001)]
        assert not any(is_equal(cost, wanted) for cost in reached)
        return
    assert is_equal(multiply_adds(found), wanted)
    assert without(found, "length") == without(design, "length")
    assert found.train_images <= images
    # Fewer images only where whole epochs do not do, and part of a batch only where whole batches do not.
    if found != design and any(is_equal(e * images * image, wanted) for e in range(1, 1001)):
        assert found.train_images == images
    elif found != design and any(is_equal(least * n * batch * image, wanted) for n in range(1, images // batch + 1)):
        assert found.train_images % batch == 0


@settings(max_examples=25)
@given(designs(most=3), st.sampled_from(["filters", "length"]), st.floats(0.2, 4))
def test_predicted_seconds_can_be_equal_too(design: Experiment, by: str, factor: float) -> None:
    wanted = model_seconds(design) * factor
    found = made_equal(design, wanted, model_seconds, by)
    if found is not None:
        assert is_equal(model_seconds(found), wanted)
        assert without(found, by) == without(design, by)


def test_what_is_equal_already_stays_as_it_is() -> None:
    design = PRESETS["kernel 3"]
    for by in ("filters", "length"):
        assert made_equal(design, 1.015 * multiply_adds(design), multiply_adds, by) is design
        assert made_equal(design, 1.025 * multiply_adds(design), multiply_adds, by) != design


def test_costs_are_counted_as_the_lab_does_elsewhere() -> None:
    design = PRESETS["kernel 3"].with_changes(train_images=51_200)  # 200 full batches
    assert parameters(design) == totals(trace(design.architecture)).parameters
    assert multiply_adds(design) / 1e9 == pytest.approx(Work.of(design).planned("multiply-adds"))


def test_a_longer_training_has_more_epochs_of_the_same_images_where_that_is_near_enough() -> None:
    design = same_padding(train_images=10_000)
    cost = multiply_adds(design)
    found = made_equal(design, 2.5 * cost, multiply_adds, "length")
    assert found is not None
    assert (found.recipe.epochs, found.train_images) == (5, 10_000)  # of two
    found = made_equal(design, 2.3 * cost, multiply_adds, "length")
    assert found is not None
    assert (found.recipe.epochs, found.train_images) == (5, 9216)  # 36 batches of 256 images, for 4.6 epochs
    found = made_equal(design, 0.004 * cost, multiply_adds, "length")
    assert found is not None
    assert (found.recipe.epochs, found.train_images) == (1, 80)


def test_it_says_what_was_wanted_what_was_reached_and_with_what() -> None:
    design = same_padding(architecture={"blocks": [{"filters": 2, "kernel_size": 9}], "bridge": "global average"})
    # 82 parameters for each filter, 10 weights of the output for each, and 10 biases.
    with pytest.raises(InputError) as error:
        adjusted(design, "parameters", "filters", 238, parameters, "Kernel size 9×9")
    assert str(error.value) == (
        "Kernel size 9×9: parameters should be within 2 % of 238; the nearest that can be reached by filters is 194, "
        "with 2 filters."
    )
    with pytest.raises(InputError) as error:
        adjusted(same_padding(), "predicted seconds", "length", 0.2, model_seconds, "Depth 3")
    assert "predicted seconds should be within 2 % of 0.2; the nearest that can be reached by length is 0." in str(
        error.value
    )
    assert str(error.value).endswith(", with 1 epoch of 1 image.")


def test_blocks_that_add_their_input_keep_doing_so() -> None:
    design = PRESETS["residual"].with_changes(train_images=1000)
    for factor in (0.3, 0.7, 1.9):
        found = made_equal(design, factor * parameters(design), parameters, "filters")
        assert found is not None
        assert form(found.architecture) == form(design.architecture)
        assert len({block.filters for block in found.architecture.blocks[1:-1]}) == 1


def test_thirty_blocks_are_no_trouble() -> None:
    """All combinations of one filter more or less are 2³⁰."""
    block = {"filters": 1, "kernel_size": 3, "padding": "same"}
    design = same_padding(architecture={"blocks": [block] * 30, "bridge": "global average"})
    count = 0

    def counted(experiment: Experiment) -> float:
        nonlocal count
        count += 1
        return parameters(experiment)

    for factor in (1.37, 2.11, 3.83, 17.0):
        assert made_equal(design, factor * parameters(design), counted, "filters") is not None
    assert count < 4 * 4000
