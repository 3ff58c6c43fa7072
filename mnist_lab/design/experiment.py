"""An experiment: architecture, training recipe, data protocol and seed, all that a run depends on besides the machine."""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from mnist_lab.design.architecture import Architecture
from mnist_lab.design.blocks import LATER_FIELDS, Spec, not_newer
from mnist_lab.design.network import trace
from mnist_lab.design.recipe import Recipe
from mnist_lab.errors import InputError, sentence
from mnist_lab.names import UNNAMED, Name

MAX_SEEDS = 30  # that are queued at once


class Protocol(StrEnum):
    """Which images are trained on, which are validated on, and which epoch's weights are kept."""

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
        """What the protocol does, in two sentences for the pages."""
        if self is Protocol.NOTEBOOK:
            return (
                "As in the notebook: trains on up to 60,000 images and validates on the 10,000 test images, so that "
                "validation figures are test figures. The weights of the last epoch are kept."
            )
        return (
            "Trains on up to 55,000 images and validates on the last 5,000 training images. The weights of the epoch with "
            "the best validation accuracy are kept, and the test images are used once, at the end."
        )


FORMAT = 2  # of an experiment as JSON; raised when fields or values are added that an older lab would refuse or misread

# Recipe fields about normalisation that format 2 added, each with the value that means what format 1 did.
NORMALIZATION_FIELDS: dict[str, Any] = {"bias_corrected_statistics": False, "normalization_momentum": 0.99}


def _upgraded(_: int) -> int:
    """Fields that an older format lacks get their defaults."""
    return FORMAT


class Experiment(Spec):
    """The complete description of a run: on one machine, equal experiments give equal results to the bit.

    Attributes:
        train_images: how many training images to use, from the first on; by default all that the protocol allows.
    """

    format: Annotated[int, not_newer("design", FORMAT), AfterValidator(_upgraded)] = Field(default=FORMAT, ge=1)
    name: Name = UNNAMED
    architecture: Architecture
    recipe: Recipe = Recipe()
    protocol: Protocol = Protocol.HOLDOUT
    seed: int = Field(default=1, ge=0, lt=2**31)
    train_images: int = Field(default=0, ge=1, le=60_000)

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
        """Batches per epoch; the last one may be smaller."""
        return -(-self.train_images // self.recipe.batch_size)

    @property
    def design_key(self) -> str:
        """Hash of all fields but name and seed; runs with the same key are seeds of one design.

        A field that was added later is left out where its value means what older versions did, so that the keys of older
        designs do not change. Recipe fields about normalisation are left out where the network has none.
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
        """A validated copy with some fields changed. A changed protocol resets `train_images` to its default.

        Raises:
            InputError: a field is not valid; one sentence on the first such.
        """
        fields = self.model_dump(mode="json")
        if "protocol" in changes and "train_images" not in changes:
            del fields["train_images"]
        return parse(Experiment, fields | changes)


SpecT = TypeVar("SpecT", bound=Spec)


def parse(kind: type[SpecT], data: Any) -> SpecT:
    """`data`, as plain Python values or JSON text, validated as a `kind`.

    Raises:
        InputError: one sentence on the first invalid field: where it is, what it should be, what was received.
    """
    try:
        if isinstance(data, str | bytes):
            return kind.model_validate_json(data)
        return kind.model_validate(data)
    except ValidationError as error:
        raise InputError(sentence(error)) from None


def parse_foreign(kind: type[SpecT], data: str | bytes) -> SpecT:
    """JSON from a file or a link, validated as a `kind`: in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        InputError: as `parse`; also where the text is in another encoding or an object has a key twice.
    """
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise InputError("The input: should be text in UTF-8; received other bytes.") from None
    text = text.removeprefix("\ufeff")
    found = parse(kind, text)  # refuses nesting so deep that `json.loads` would raise RecursionError
    json.loads(text, object_pairs_hook=_refuse_duplicates)
    return found


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"The input: the key {twice!r} should occur once; received it {names.count(twice)} times.")


MAX_DESIGN = 20_000


def read_design(text: str | bytes) -> Experiment:
    """An experiment from the JSON of a link or a file.

    Raises:
        InputError: it is longer than 20,000 characters, not JSON, or not a valid experiment; one sentence on the first
            thing wrong.
    """
    if len(text) > MAX_DESIGN:
        raise InputError(f"a design is at most {MAX_DESIGN:,} characters; received {len(text):,}.")
    return parse_foreign(Experiment, text)
