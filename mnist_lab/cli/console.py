"""What the commands print to: any encoding, and any width from a narrow window to a file."""

import codecs
import io
import sys

from rich.console import Console, RenderableType

_PLAIN = str.maketrans({"×": "x", "–": "-", "−": "-", "±": "+-", "…": "...", "′": "'", "“": '"', "”": '"', "°": " deg"})


def _console(width: int | None = None, *, stderr: bool = False) -> Console:
    # Names are the users': nothing in them is markup, or the code of an emoji.
    return Console(markup=False, emoji=False, highlight=False, width=width, stderr=stderr)


out = _console()
err = _console(stderr=True)


def accept_all_characters() -> None:
    """Let standard output and error print something plain for what their encoding lacks, as ASCII and old Windows' do."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_PLAIN)
    return plain.encode("ascii", "replace").decode(), error.end


def print_table(table: RenderableType) -> None:
    """Print a table whole: in a file or pipe as wide as it needs, in a narrower window with its cells on several lines."""
    console = out if out.is_terminal else _console(max(out.width, width(table)))
    console.print(table)


def width(table: RenderableType) -> int:
    """How many characters wide a table is where nothing limits it."""
    return out.measure(table, options=out.options.update(width=10_000)).maximum
