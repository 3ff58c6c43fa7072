"""What people wrote, shown as they wrote it: Streamlit reads nearly every string it is given as Markdown."""

import re
from typing import Any

import streamlit as st

# Streamlit looks for `:smile:` and `:material_menu:`, addresses and arrows in texts whose escapes are resolved already.
# It finds nothing where one of their characters stands in an element of its own.
_FOUND_LATER = r":(?=[\w+-]+[:/]|//)|(?<=www)\.|@|(?<=[-<>~])[-=>]"
_APART = r":color[\{}]"  # a colour without a colour: an element that looks like what is around it
# Marks of Markdown, mathematics and HTML within a line; a colon may begin a directive, as in `:red[…]`.
_MARKS = r"[\\`*~\[\]<&$|]|:(?!\s)|_(?![^\W_])|(?<![^\W_])_"
_SPECIAL = re.compile(f"(?P<later>{_FOUND_LATER})|{_MARKS}", re.IGNORECASE)
_BEGINS = re.compile(r"^(\d+(?=[.)])|(?=[#+=>-]))")  # a heading, list, quotation or rule, where a line begins


def plain(text: str) -> str:
    """Markdown that Streamlit shows as just this text, with its line breaks: for names, tags, notes, refusals."""
    lines = (_SPECIAL.sub(_escaped, line.strip()) for line in text.splitlines() if line.strip())
    return "  \n".join(_BEGINS.sub(r"\1\\", line) for line in lines)


def _escaped(found: re.Match[str]) -> str:
    return _APART.format(found[0]) if found["later"] else "\\" + found[0]


def refusal(error: Exception | str, place: Any = st) -> None:
    """Show why something cannot be done; the sentence may quote what it received."""
    place.error(plain(str(error)), icon=":material/error:")
