"""What is held equal: a design changed, in its filters or in its length, until it costs what another costs.

By filters: every convolution block's filters are multiplied by one number, and each block takes the whole number below or the
one above, so that blocks differ from the exact scale by less than one filter and yet the cost has fine steps. Blocks whose
shortcut has no projection keep as many filters as each other, and a shortcut with one keeps it: else the scale would change
the network's form. Dense blocks keep their units: the head is not what such a study is about.

By length: the number of epochs, and where whole epochs do not come near enough also the number of training images, since a
run ends with an epoch. Epochs are as few as suffice, so that of the design's images as many as possible are used; their
number is a multiple of the batch size where that comes near enough. A schedule of the learning rate stretches along.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from mnist_lab.design.architecture import Architecture, filters
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import TRAINING_FACTOR, totals, trace
from mnist_lab.design.recipe import MAX_EPOCHS
from mnist_lab.errors import ArchitectureError, InputError
from mnist_lab.numerals import counted
from mnist_lab.studies.plan import By, What

TOLERANCE = 0.02  # of the cost wanted
MOST_FILTERS = 1024
# A search among filters ends where the cost is as near as a thousandth, after so many tries where it is within the
# tolerance, and after so many in any case.
NEAR_ENOUGH = TOLERANCE / 20
TRIED_WITHIN, MOST_TRIED = 200, 3000

Cost = Callable[[Experiment], float]


def parameters(experiment: Experiment) -> int:
    """Number of parameters, trainable or not."""
    return totals(trace(experiment.architecture)).parameters


def multiply_adds(experiment: Experiment) -> int:
    """Multiply-adds of a whole training: forward and backward, for each image that is trained on in each epoch."""
    once = totals(trace(experiment.architecture)).multiply_adds
    return TRAINING_FACTOR * once * experiment.train_images * experiment.recipe.epochs


def adjusted(experiment: Experiment, what: What, by: By, wanted: float, cost: Cost, where: str) -> Experiment:
    """A design that costs what is wanted within 2 %; it itself where it does already.

    Args:
        what: the cost, for sentences.
        cost: of a design. It grows with filters and length; where it does not, as predicted seconds may not, the result is
            as near all the same, but one that is within 2 % may be missed.
        where: names the design in sentences.

    Raises:
        InputError: that is not possible; shows the nearest.
    """
    if _is_equal(cost(experiment), wanted):
        return experiment
    found = _with_filters(experiment, cost, wanted) if by == "filters" else _with_length(experiment, cost, wanted)
    reached = cost(found)
    if _is_equal(reached, wanted):
        return found.with_changes()
    if by == "filters":
        means = f"{filters(found.architecture)} filters"
    else:
        means = f"{counted(found.recipe.epochs, 'epoch')} of {counted(found.train_images, 'image')}"
    raise InputError(
        f"{where}: {what} should be within {100 * TOLERANCE:g} % of {_amount(what, wanted)}; the nearest that can be reached by "
        f"{by} is {_amount(what, reached)}, with {means}."
    )


def _is_equal(cost: float, wanted: float) -> bool:
    return abs(cost - wanted) <= TOLERANCE * wanted


def _amount(what: What, cost: float) -> str:
    if what == "predicted seconds":
        return f"{cost:,.1f}"
    return f"{cost / 1e9:,.2f} billion" if cost >= 1e10 else f"{cost:,.0f}"


def _with_length(experiment: Experiment, cost: Cost, wanted: float) -> Experiment:
    """The nearest in length, in the coarsest units that come near enough: epochs, full batches, images."""
    images, batch = experiment.train_images, experiment.recipe.batch_size

    def lasting(epochs: int, images: int) -> Experiment:
        recipe = experiment.recipe.model_copy(update={"epochs": epochs})
        return experiment.model_copy(update={"recipe": recipe, "train_images": images})

    def nearest(made: Callable[[int], Experiment], most: int) -> tuple[Experiment, int]:
        """Among `made(1)` to `made(most)`, and the least number at which the cost is not below what is wanted."""
        enough = 1 + bisect_left(range(1, most), wanted, key=lambda count: cost(made(count)))
        return min(made(enough), made(max(1, enough - 1)), key=lambda each: abs(cost(each) - wanted)), enough

    whole, epochs = nearest(lambda count: lasting(count, images), MAX_EPOCHS)
    found = [whole]
    if batch <= images and not _is_equal(cost(found[-1]), wanted):
        found.append(nearest(lambda count: lasting(epochs, count * batch), images // batch)[0])
    if not _is_equal(cost(found[-1]), wanted):
        found.append(nearest(lambda count: lasting(epochs, count), images)[0])
    return found[-1] if _is_equal(cost(found[-1]), wanted) else min(found, key=lambda each: abs(cost(each) - wanted))


def _with_filters(experiment: Experiment, cost: Cost, wanted: float) -> Experiment:
    """The nearest with scaled filters."""
    return _Search(experiment, cost, wanted).run()


Numbers = tuple[int, ...]  # of filters, of each group of blocks; the first is the image's one channel


@dataclass(frozen=True)
class _Groups:
    """Which blocks of a network share their number of filters, and which may not.

    Attributes:
        of_blocks: the group of each block. Group 0 is the image with its one channel; a block that is added to the image
            belongs to it.
        numbers: the filters of each group.
        distinct: groups whose filters differ, since a projection is between them, the earlier first.
    """

    of_blocks: tuple[int, ...]
    numbers: Numbers
    distinct: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, network: Architecture) -> "_Groups":
        """Those of a network."""
        groups, numbers, distinct = [], [1], []
        before = 0
        for block in network.blocks:
            is_added = block.residual and block.strides == (1, 1)
            if not (is_added and block.filters == numbers[before]):
                numbers.append(block.filters)
                if is_added:
                    distinct.append((before, len(numbers) - 1))
                before = len(numbers) - 1
            groups.append(before)
        return cls(tuple(groups), tuple(numbers), tuple(distinct))

    def scales(self) -> list[float]:
        """All scales at which the number below the exact one changes for some group, and 0."""
        # Quotients of integers up to 1,024 are equal as floats where they are equal, and else differ by a millionth.
        return sorted({0.0, *(count / n for n in set(self.numbers[1:]) for count in range(1, MOST_FILTERS + 1))})

    def around(self, scale: float) -> tuple[Numbers, Numbers]:
        """For each group the whole number below the exact one (or it) and the one above, both within 1 to 1,024."""
        below = [int(n * scale + 1e-6) for n in self.numbers[1:]]
        low, high = ([min(MOST_FILTERS, max(1, n + more)) for n in below] for more in (0, 1))
        return (1, *low), (1, *high)

    def apart(self, numbers: Numbers) -> Numbers:
        """The numbers with those that should be distinct made so, by one more filter."""
        found = list(numbers)
        for earlier, later in self.distinct:
            found[later] += found[earlier] == found[later]
        return tuple(found)


class _Search:
    """A search for the numbers of filters with the nearest cost, by branch and bound.

    The cost grows with each number. So what lies between two lists of numbers costs no less than the one and no more than
    the other, and is left out where that cannot be nearer than the best yet.
    """

    def __init__(self, experiment: Experiment, cost: Cost, wanted: float) -> None:
        self._experiment, self._cost, self._wanted = experiment, cost, wanted
        self._groups = _Groups.of(experiment.architecture)
        self._costs: dict[Numbers, float] = {}
        self._best, self._error = self._groups.numbers, float("inf")
        self._consider(self._best)

    def run(self) -> Experiment:
        """The nearest design, which is not validated."""
        scales, margin = self._groups.scales(), TOLERANCE * self._wanted
        first = bisect_left(scales, self._wanted - margin, key=lambda s: self._most(self._groups.around(s)[1]))
        end = bisect_right(scales, self._wanted + margin, key=lambda s: self._cost_of(self._groups.around(s)[0]))
        self._consider(self._groups.around(scales[max(0, first - 1)])[1])
        self._consider(self._groups.around(scales[min(end, len(scales) - 1)])[0])
        middle = (first + end - 1) / 2
        for i in sorted(range(first, end), key=lambda i: abs(i - middle)):
            self._explore(*self._groups.around(scales[i]))
        return self._made(self._best)

    def _explore(self, low: Numbers, high: Numbers) -> None:
        """Consider what lies between two lists of numbers that differ by at most one each."""
        free = [i for i, (a, b) in enumerate(zip(low, high, strict=True)) if a < b]
        effects = {i: self._cost_of(_replaced(low, i, high[i])) for i in free}
        order = sorted(free, key=lambda i: -effects[i])  # what matters most is decided first
        boxes = [(low, high, 0)]
        while boxes and not self._is_over():
            low, high, decided = boxes.pop()
            self._consider(low)
            self._consider(high)
            nearest = max(self._cost_of(low) - self._wanted, self._wanted - self._most(high))
            if nearest < self._error and decided < len(order):
                i = order[decided]
                boxes.append((_replaced(low, i, high[i]), high, decided + 1))
                boxes.append((low, _replaced(high, i, low[i]), decided + 1))

    def _is_over(self) -> bool:
        tried, is_within = len(self._costs), self._error <= TOLERANCE * self._wanted
        return self._error <= NEAR_ENOUGH * self._wanted or tried >= (TRIED_WITHIN if is_within else MOST_TRIED)

    def _consider(self, numbers: Numbers) -> None:
        cost = self._cost_of(numbers)
        error = abs(cost - self._wanted)
        if error < self._error and cost and numbers == self._groups.apart(numbers):
            self._best, self._error = numbers, error

    def _most(self, numbers: Numbers) -> float:
        """A bound of the cost of these numbers and of smaller ones: without distinct ones a projection would be missing."""
        return self._cost_of(self._groups.apart(numbers))

    def _cost_of(self, numbers: Numbers) -> float:
        """The cost; 0 where the network is impossible, as some are with a single filter."""
        if numbers not in self._costs:
            try:
                self._costs[numbers] = self._cost(self._made(numbers))
            except ArchitectureError:
                self._costs[numbers] = 0.0
        return self._costs[numbers]

    def _made(self, numbers: Numbers) -> Experiment:
        network = self._experiment.architecture
        blocks = (
            block.model_copy(update={"filters": numbers[group]})
            for block, group in zip(network.blocks, self._groups.of_blocks, strict=True)
        )
        return self._experiment.model_copy(update={"architecture": network.with_blocks(*blocks)})


def _replaced(numbers: Numbers, place: int, number: int) -> Numbers:
    return (*numbers[:place], number, *numbers[place + 1 :])
