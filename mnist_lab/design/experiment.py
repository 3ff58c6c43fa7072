"""What a run is before it runs: architecture, training recipe, data protocol and seed."""

import hashlib
import json
from enum import StrEnum
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import LATER_FIELDS, Spec
from mnist_lab.design.network import trace
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError, sentence
from mnist_lab.names import UNNAMED, Name


class Protocol(StrEnum):
    """Which images train, which validate, and which weights are kept."""

    NOTEBOOK = "notebook"
    HOLDOUT = "holdout"

    @property
    def max_train_images(self) -> int:
        return 60_000 if self is Protocol.NOTEBOOK else 55_000

    @property
    def validation_images(self) -> int:
        return 10_000 if self is Protocol.NOTEBOOK else 5_000

    @property
    def explanation(self) -> str:
        """What the protocol does, for a reader."""
        if self is Protocol.NOTEBOOK:
            return (
                "As the notebook did: trains on up to 60,000 images and validates on the 10,000 test images, so its "
                "validation figures are test figures. The last weights are kept."
            )
        return (
            "Trains on up to 55,000 images and validates on the last 5,000 training images. The weights of the best "
            "validation accuracy are kept, and the test images are used once, at the end."
        )


FORMAT = 2  # of an experiment as JSON; a higher one means fields or values that an older lab would refuse or misread

# Fields of normalisation that a recipe has since format 2, each with the value that says what format 1 did.
NORMALIZATION_FIELDS: dict[str, Any] = {"bias_corrected_statistics": False, "normalization_momentum": 0.99}


class Experiment(Spec):
    """One run, completely: the same experiment on the same machine is the same training.

    `train_images` takes the first so many training images; left out, it is all that the protocol allows.
    """

    format: int = Field(default=FORMAT, ge=1)
    name: Name = UNNAMED
    architecture: Architecture
    recipe: Recipe = Recipe()
    protocol: Protocol = Protocol.HOLDOUT
    seed: int = Field(default=1, ge=0, lt=2**31)
    train_images: int = Field(default=0, ge=1, le=60_000)

    @field_validator("format")
    @classmethod
    def _not_newer(cls, value: int) -> int:
        if value > FORMAT:
            raise ValueError(f"this design is of format {value}, which a newer lab wrote; this one reads {FORMAT}")
        return FORMAT  # what was left out of an older one has its default from here on

    @model_validator(mode="before")
    @classmethod
    def _all_images_by_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "train_images" not in data:
            protocol = data.get("protocol", Protocol.HOLDOUT)
            if protocol in list(Protocol):
                return {**data, "train_images": Protocol(protocol).max_train_images}
        return data

    @model_validator(mode="after")
    def _possible(self) -> Self:
        limit = self.protocol.max_train_images
        if self.train_images > limit:
            raise ValueError(
                f"Training images: at most {limit:,} under the {self.protocol} protocol; received {self.train_images:,}"
            )
        try:
            trace(self.architecture)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        return -(-self.train_images // self.recipe.batch_size)

    @property
    def design_key(self) -> str:
        """The same for experiments that differ in nothing but seed and name, or in what changes nothing.

        A field that came later is left out where it says what the lab did before: a design keeps the key of its day.
        """
        fields = self.model_dump(mode="json", exclude={"seed", "name", "format"})
        for block in (*fields["architecture"]["blocks"], *fields["architecture"]["head"]):
            for name, as_before in LATER_FIELDS.items():
                if block.get(name) in as_before:
                    del block[name]
        for name, before in NORMALIZATION_FIELDS.items():
            if fields["recipe"][name] == before or not self.architecture.normalizes:
                del fields["recipe"][name]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def with_changes(self, **changes: Any) -> "Experiment":
        """A copy with some fields changed, validated. A changed protocol brings its own number of images.

        Raises:
            InputError: one sentence on the first thing wrong.
        """
        fields = self.model_dump(mode="json")
        if "protocol" in changes and "train_images" not in changes:
            del fields["train_images"]
        return parse(Experiment, fields | changes)


SpecT = TypeVar("SpecT", bound=Spec)


def parse(kind: type[SpecT], data: Any) -> SpecT:
    """`data` (plain values, or JSON text) as a `kind`.

    Raises:
        InputError: one sentence that says what, where and what was received.
    """
    try:
        if isinstance(data, str | bytes):
            return kind.model_validate_json(data)
        return kind.model_validate(data)
    except ValidationError as error:
        raise InputError(sentence(error)) from None


def parse_foreign(kind: type[SpecT], data: str | bytes) -> SpecT:
    """JSON from outside as a `kind`: in any of Unicode's encodings, with or without a byte order mark, as editors write it.

    Raises:
        InputError: as of `parse`; also where it says two things by one name.
    """
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise InputError("The input: should be text in UTF-8; received bytes that are none.") from None
    text = text.removeprefix("\ufeff")
    found = parse(kind, text)  # which allows no deeper nesting than Python's own reader stands
    json.loads(text, object_pairs_hook=_said_once)
    return found


def _said_once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"The input: {twice!r} should be said once; received it {names.count(twice)} times.")


MAX_DESIGN = 20_000


def read_design(text: str | bytes) -> Experiment:
    """An experiment from JSON that came from outside: a link, a file.

    Raises:
        InputError: it is longer than 20,000 characters, no JSON, or no experiment; one sentence on the first thing
            wrong.
    """
    if len(text) > MAX_DESIGN:
        raise InputError(f"a design is at most {MAX_DESIGN:,} characters; received {len(text):,}.")
    return parse_foreign(Experiment, text)
