"""A study's plan: its question, what varies, what is held equal, how many seeds, and what is compared.

All of it is decided before the first run. A plan is frozen by storing its canonical JSON with the `digest` of that text.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import product
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import Spec, not_newer
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import Experiment, parse, parse_foreign
from mnist_lab.design.network import Traced, trace
from mnist_lab.errors import InputError
from mnist_lab.names import normalized, sanitized
from mnist_lab.numerals import counted
from mnist_lab.studies.fields import DEPTH, variable, with_level

FORMAT = 1  # of a plan as JSON; raised when fields or values are added that an older lab would refuse or misread
MAX_PLAN = 200_000  # characters
MAX_QUESTION = 200
MAX_RUNS = 240
FEWEST_LEVELS, MOST_LEVELS = 2, 8
_HOW_MANY = "give two to eight; received {}"
FEWEST_SEEDS, MOST_SEEDS = 3, 30

What = Literal["everything", "parameters", "multiply-adds of training", "predicted seconds"]
By = Literal["filters", "length"]
Metric = Literal["test accuracy", "validation accuracy"]
# Fields that decide what would be adjusted, and so cannot vary at the same time.
_ADJUSTED: dict[By, tuple[str, ...]] = {
    "filters": ("blocks.filters",),
    "length": ("recipe.epochs", "train_images"),
}


class Factor(Spec):
    """What varies: a field of the design with its levels, or whole designs.

    Attributes:
        field: a path, as of `fields.VARIABLES`; empty where the levels are designs.
        levels: values of the field, in the order in which they are shown.
        presets: designs, each a level with its own name; they have the protocol of the plan's base.
    """

    field: str = Field(default="", max_length=60)
    levels: tuple[Any, ...] = Field(default=(), max_length=MOST_LEVELS)
    presets: tuple[Experiment, ...] = Field(default=(), max_length=MOST_LEVELS)

    @field_validator("levels", "presets", mode="before")
    @classmethod
    def _not_too_many(cls, levels: Any) -> Any:
        if isinstance(levels, Sequence) and not isinstance(levels, str) and len(levels) > MOST_LEVELS:
            raise ValueError(_HOW_MANY.format(f"{len(levels):,}"))
        return levels

    @field_validator("levels")
    @classmethod
    def _of_the_field(cls, levels: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        """The levels in the form that the design gives them, so that 3 and [3, 3] are one kernel size."""
        field = info.data.get("field", "")
        return tuple(_level(field, level) for level in levels) if field else levels

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.field and self.presets) or (self.levels and not self.field):
            raise ValueError("should have a field with levels, or presets; received both or neither")
        count = len(self.texts)
        if count < FEWEST_LEVELS:
            what = "Levels" if self.field else "Designs"
            raise ValueError(f"{what}: {_HOW_MANY.format(count or 'none')}")
        again = [level for i, level in enumerate(self.texts) if level in self.texts[:i]]
        if again:
            raise ValueError(f"Levels: each should be given once; received {again[0]} twice")
        return self

    @property
    def title(self) -> str:
        """What varies, as the Design page calls it."""
        return variable(self.field).title if self.field else "Design"

    @property
    def texts(self) -> tuple[str, ...]:
        """The levels as they are shown: `3×3`, `0.5`, `yes`, or the names of the designs."""
        if self.presets:
            return tuple(preset.name for preset in self.presets)
        return tuple(text(list(level) if isinstance(level, tuple) else level) for level in self.levels)

    def apply(self, data: dict[str, Any], level: int) -> dict[str, Any]:
        """An experiment as JSON with a level by its index, which is not validated as a whole.

        Raises:
            InputError: the design has no place for the field.
        """
        if self.presets:
            return self.presets[level].model_dump(mode="json")
        value = self.levels[level]
        return with_level(data, self.field, list(value) if isinstance(value, tuple) else value)


def _level(field: str, value: Any) -> Any:
    try:
        return variable(field).validated(value)
    except InputError as error:
        raise ValueError(str(error).removesuffix(".")) from None


class Equal(Spec):
    """What is held equal between the cells, within 2 % of the reference cell's, and by which means.

    Attributes:
        what: `everything`: but for the factors the cells are alike, and what that costs differs. Else a cost, for which
            the cells are adjusted; predicted seconds are those of the machine and the time at which the study starts.
        by: `filters`: those of all blocks are scaled; `length`: training is longer or shorter.
    """

    what: What = "everything"
    by: By | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.what == "everything" and self.by is not None:
            raise ValueError(f"By: should be absent where everything is equal; received {self.by!r}")
        if self.what != "everything" and self.by is None:
            raise ValueError(f"By: should be {' or '.join(get_args(By))} where {self.what} are equal; received none")
        if self.what == "parameters" and self.by == "length":
            raise ValueError("By: should be filters where parameters are equal; received 'length'")
        return self


class Plan(Spec):
    """A study before its first run.

    Attributes:
        base: the design that the factors vary. Its protocol is the study's; its seed is not used.
        factors: one, or two of which every combination is a cell.
        seeds: of each cell, from `first_seed` on.
        reference: the level of the first factor with which the others are compared, as it is shown; None for all pairs. Also
            the cell to whose cost the others are adjusted; where None that is the first.
        matters: the smallest difference of accuracy that would matter, as a share: 0.001 is 0.1 percentage points.
    """

    kind: Literal["mnist-lab study"] = "mnist-lab study"
    format: Annotated[int, not_newer("study", FORMAT)] = Field(default=FORMAT, ge=1)
    question: str
    base: Experiment
    factors: tuple[Factor, ...] = Field(min_length=1, max_length=2)
    equal: Equal = Equal()
    seeds: int = Field(ge=FEWEST_SEEDS, le=MOST_SEEDS)
    first_seed: int = Field(default=1, ge=0, lt=2**31 - MOST_SEEDS)
    metric: Metric = "test accuracy"
    reference: str | None = None
    matters: float = Field(default=0.001, gt=0, le=0.5)

    @field_validator("question")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        return normalized(value, MAX_QUESTION)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        self._check_factors()
        if self.reference is not None and self.reference not in self.factors[0].texts:
            texts = ", ".join(self.factors[0].texts)
            raise ValueError(f"Compare: should be with one of the levels ({texts}); received {self.reference!r}")
        cells = len(self.combinations)
        if cells * self.seeds > MAX_RUNS:
            raise ValueError(
                f"Seeds: should make at most {MAX_RUNS} runs; received {cells} combinations of levels with "
                f"{counted(self.seeds, 'seed')} each, which are {cells * self.seeds}"
            )
        designs = self.designs
        self._check_equal(designs)
        self._check_designs(designs)
        return self

    def _check_factors(self) -> None:
        titles = [factor.title for factor in self.factors]
        if len(set(titles)) < len(titles):
            raise ValueError(f"What varies: should be two things; received {titles[0]} twice")
        for factor in self.factors:
            for preset in factor.presets:
                if preset.protocol != self.base.protocol:
                    raise ValueError(
                        f"Preset {preset.name}: should have the base's protocol, {self.base.protocol}; "
                        f"received {preset.protocol}"
                    )

    def _check_equal(self, designs: Sequence[Experiment]) -> None:
        """What is adjusted does not vary, and what is held equal is known before."""
        what, by = self.equal.what, self.equal.by
        for factor in self.factors:
            if by is not None and factor.field in _ADJUSTED[by]:
                raise ValueError(f"Equal: should not be reached by {by} where {factor.title} varies; received {by!r}")
        stopping = max(design.recipe.patience for design in designs)
        if what not in ("everything", "parameters") and stopping:
            raise ValueError(
                f"Equal: {what} should be those of all epochs, which early stopping cuts short; received early stopping "
                f"after {counted(stopping, 'epoch')}"
            )

    def _check_designs(self, designs: Sequence[Experiment]) -> None:
        """Two cells differ in something that training would notice: not in the size of poolings that are not there."""
        networks: dict[Traced, Architecture] = {}
        seen: dict[str, tuple[int, ...]] = {}
        for levels, design in zip(self.combinations, designs, strict=True):
            network = networks.setdefault(trace(design.architecture), design.architecture)
            other = seen.setdefault(design.model_copy(update={"architecture": network}).design_key, levels)
            if other != levels:
                raise ValueError(
                    f"Levels: should differ in what is trained; received {self.words(other)} and {self.words(levels)}, "
                    "which are one design"
                )

    @property
    def combinations(self) -> list[tuple[int, ...]]:
        """The indices of each cell's levels, those of the first factor changing most slowly."""
        return list(product(*(range(len(factor.texts)) for factor in self.factors)))

    @property
    def designs(self) -> list[Experiment]:
        """The design of each combination with the first seed, before anything is adjusted.

        Raises:
            ValueError: one is impossible; names its levels, and says what the design says. Not of a valid plan.
        """
        return [self._design(levels) for levels in self.combinations]

    @property
    def reference_cell(self) -> int:
        """The index of the combination to whose cost the others are adjusted."""
        level = self.factors[0].texts.index(self.reference) if self.reference is not None else 0
        return self.combinations.index((level, *(0 for _ in self.factors[1:])))

    @property
    def canonical_json(self) -> str:
        """The plan as JSON in the one form that its digest is of: sorted keys and no blanks."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON in hexadecimal. It is to be stored when the plan is frozen, with the text: a later
        version of the lab may know more fields, and write the same plan otherwise."""
        return hashlib.sha256(self.canonical_json.encode()).hexdigest()

    def words(self, levels: Sequence[int]) -> str:
        """A combination of levels for sentences: `Kernel size 3×3, Dropout 0.5`."""
        chosen = zip(self.factors, levels, strict=True)
        return ", ".join(f"{factor.title.partition(' (')[0]} {factor.texts[level]}" for factor, level in chosen)

    def _design(self, levels: tuple[int, ...]) -> Experiment:
        data = self.base.model_dump(mode="json")
        varied = sorted(zip(self.factors, levels, strict=True), key=_turn)
        try:
            for factor, level in varied:
                data = factor.apply(data, level)
            fields = [
                f"{factor.title.partition(' (')[0].lower()} {factor.texts[i]}" for factor, i in varied if factor.field
            ]
            name = sanitized(" · ".join([data["name"], *fields]))
            return parse(Experiment, data | {"name": name, "seed": self.first_seed})
        except InputError as error:
            raise ValueError(f"{self.words(levels)}: {error}") from None


def _turn(varied: tuple[Factor, int]) -> tuple[bool, bool, int]:
    """Whole designs come before fields, an optimizer before its learning rate, and last the depth, whose added blocks are
    copies of what is there."""
    field = varied[0].field
    return bool(field), field == DEPTH, len(field)


def read_plan(data: str | bytes) -> Plan:
    """A plan from the JSON of a file or the store.

    Raises:
        InputError: it is longer than 200,000 characters, not JSON, or not a valid plan; one sentence on the first thing
            wrong.
    """
    if len(data) > MAX_PLAN:
        raise InputError(f"a plan is at most {MAX_PLAN:,} characters; received {len(data):,}.")
    return parse_foreign(Plan, data)
