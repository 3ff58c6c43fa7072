"""What can go wrong, each as one sentence that a person can act on.

    LabError
    ├── InputError            a value that was typed, imported or found in a URL
    │   ├── ArchitectureError a design that cannot be built; knows its block
    │   └── ConflictError     a label that somebody else has written meanwhile; knows its run
    ├── DataError             the MNIST file is missing or is not MNIST
    ├── StoreError            the database cannot be opened, read or written: an outage, worth another try
    ├── RefusedError          the database works and refuses what was to be stored: another try changes nothing
    ├── TrainingError         training ended by itself (it diverged)
    ├── EngineError           no engine could be started
    └── SettingError          an environment variable of the lab says something impossible

Only the pages' boundary and the command line catch `LabError`; its text is what the person reads.
"""

from pydantic import ValidationError


class LabError(Exception):
    """The root of everything the lab raises on purpose; `str()` of it is one sentence."""


MAX_REFUSAL = 300


class InputError(LabError):
    """A received value breaks a rule. However long that value is, the sentence is one line of at most 300 characters."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


def one_line(text: str, most: int = MAX_REFUSAL) -> str:
    """A text with what cannot be seen in it written out, and with its middle left out where it is too long."""
    half = most // 2
    if len(text) > 2 * most:  # before anything is done with each of its millions of characters
        text = text[:most] + text[-most:]
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return seen if len(seen) <= most else f"{seen[: half - 1]}…{seen[-half:]}"


class ArchitectureError(InputError):
    """A design that cannot be built.

    Args:
        sentence: what does not fit, where, and what was received.
        block: index of the convolution block at fault, or None where no single one is.
    """

    def __init__(self, sentence: str, block: int | None = None) -> None:
        super().__init__(sentence)
        self.block = block


class ConflictError(InputError):
    """What was to be written over is no longer what its writer saw.

    Args:
        run_id: of the run whose label that is.
        now: the label's name, and what it is now.
    """

    def __init__(self, sentence: str, run_id: int, now: dict[str, str]) -> None:
        super().__init__(sentence)
        self.run_id = run_id
        self.now = now


class DataError(LabError):
    """The data file cannot be read or is not the real MNIST."""


class StoreError(LabError):
    """The database cannot be used."""


class RefusedError(LabError):
    """The database does not take a value; retrying it would be in vain."""


class TrainingError(LabError):
    """Training could not go on."""


class EngineError(LabError):
    """The engine process cannot do its work."""


class SettingError(LabError):
    """An environment variable of the lab is not understood; only another start of the lab helps."""


def sentence(error: ValidationError) -> str:
    """The first problem of a pydantic error as `Where: what; received value.`"""
    first = error.errors(include_url=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if first["type"] == "float_parsing":
        message = "should be a number"
    where = _place(first["loc"])
    if first["type"] in ("missing", "value_error"):  # our own messages already say what was received
        return f"{where}: {message}." if where else f"{message}."
    received = "nothing" if first["input"] is None else repr(first["input"])
    if len(received) > 60:
        received = received[:57] + "…"
    return f"{where or 'The input'}: {message}; received {received}."


def _place(location: tuple[int | str, ...]) -> str:
    """`("architecture", "blocks", 3, "kernel_size", 0)` as `Block 4, kernel size`."""
    parts = [part for part in location if part not in ("architecture", "recipe", "constrained-str")] or [*location]
    if parts[0:1] == ["optimizer"]:
        parts = parts[2:] or parts  # behind it comes the name that tells one optimizer from another, then the field
    words: list[str] = []
    for part in parts:
        if isinstance(part, str):
            word = {"blocks": "block", "head": "dense block"}.get(part, part.replace("_", " "))
            words.append(one_line(word, 60))  # it may be the name of a field that there is not
        elif words and words[-1] in ("block", "dense block"):
            words[-1] += f" {part + 1}"
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
