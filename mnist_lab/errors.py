"""The lab's exceptions. The message of each is one sentence that tells a person what to do.

    LabError
    ├── InputError            a value that was typed, imported or found in a URL is not valid
    │   ├── ArchitectureError a network cannot be built
    │   ├── ConflictError     somebody else has changed a label in the meantime
    │   └── NotAllowedError   somebody may not do this, in a class
    ├── DataError             the MNIST file is missing, or is not MNIST
    ├── StoreError            the database cannot be opened, read or written now; retrying may help
    ├── RefusedError          the database refuses a value; retrying does not help
    ├── TrainingError         training cannot continue: it diverged, or its checkpoint does not fit
    ├── EngineError           the engine, or another process, could not be started
    └── SettingError          an environment variable of the lab has an invalid value

Only the pages' outermost layer and the command line catch `LabError`, and show its message.
"""

import re

from pydantic import ValidationError


class LabError(Exception):
    """Base class of the lab's exceptions; `str()` gives its sentence."""


MAX_REFUSAL = 300


class InputError(LabError):
    """A received value is not valid. The message is cut to one line of at most `MAX_REFUSAL` characters."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


def one_line(text: str, max_length: int = MAX_REFUSAL) -> str:
    """A text with unprintable characters escaped, and with its middle cut out where it is longer than `max_length`."""
    half = max_length // 2
    if len(text) > 2 * max_length:  # spares escaping millions of characters one by one
        text = text[:max_length] + text[-max_length:]
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable if len(printable) <= max_length else f"{printable[: half - 1]}…{printable[-half:]}"


class ArchitectureError(InputError):
    """A network cannot be built.

    Args:
        sentence: what does not fit, and where.
        block: index of the convolution block at fault; None where it is not one convolution block.
    """

    def __init__(self, sentence: str, block: int | None = None) -> None:
        super().__init__(sentence)
        self.block = block


class ConflictError(InputError):
    """A label that was to be changed has been changed by somebody else in the meantime.

    Args:
        run_id: the run whose label it is.
        now: the present value of the label, by the label's name.
    """

    def __init__(self, sentence: str, run_id: int, now: dict[str, str]) -> None:
        super().__init__(sentence)
        self.run_id = run_id
        self.now = now


class NotAllowedError(InputError):
    """Somebody asked for what they may not do: it is another's, or the class is closed, or they are not in it."""


class DataError(LabError):
    """The data file cannot be read, or is not MNIST."""


class StoreError(LabError):
    """The database cannot be used now; retrying may help."""


class RefusedError(LabError):
    """The database refuses a value; retrying does not help."""


DIVERGED = "Training diverged"  # how the sentence of a run begins whose training did


class TrainingError(LabError):
    """Training cannot continue: it diverged, or it was given a checkpoint or a layer that it does not know."""


class EngineError(LabError):
    """The engine, or another process that was started, cannot do its work."""


class SettingError(LabError):
    """An environment variable of the lab has an invalid value; only a restart with another value helps."""


_WHOLE = "should be a whole number"
_IN_PLAIN_WORDS = {
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "string_type": "should be text",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "tuple_type": "should be a list",
    "extra_forbidden": "is not known here",
}


def sentence(error: ValidationError) -> str:
    """The first problem of a pydantic error in a sentence: `Where: what; received value.`"""
    first = error.errors(include_url=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    message = _IN_PLAIN_WORDS.get(first["type"], message)
    where = _place(first["loc"])
    if first["type"] == "missing":
        return f"{where}: should be given; received nothing."
    if first["type"] == "json_invalid":
        at = re.search(r"line \d+", message)
        message = f"should be JSON as the lab writes it; this breaks off or is something else at {at[0] if at else 'its beginning'}"
    if first["type"] == "value_error":  # our own messages already say what was received
        return f"{where}: {message}." if where else f"{message}."
    received = "nothing" if first["input"] is None else repr(first["input"])
    if len(received) > 60:
        received = received[:57] + "…"
    return f"{where or 'The input'}: {message}; received {received}."


_NUMBERED = {"blocks": "block", "head": "dense block", "factors": "factor", "presets": "preset"}


def _place(location: tuple[int | str, ...]) -> str:
    """`("architecture", "blocks", 3, "kernel_size", 0)` as `Block 4, kernel size`."""
    parts = [part for part in location if part not in ("architecture", "recipe", "constrained-str")] or [*location]
    if parts[0:1] == ["optimizer"]:
        parts = parts[2:] or parts  # pydantic puts the discriminator, the optimizer's name, before the field
    words: list[str] = []
    for part in parts:
        if isinstance(part, str):
            word = _NUMBERED.get(part, part.replace("_", " "))
            words.append(one_line(word, 60))  # an unknown field may have any name
        elif words and words[-1] in _NUMBERED.values():
            words[-1] += f" {part + 1}"
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
