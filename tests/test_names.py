"""What a name can be."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab import names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  7×7, dropout 0.3 ", "7×7, dropout 0.3"),
        ("cafe\u0301", "café"),
        ("\u00a07\u2009×\u30007\u00a0", "7 × 7"),
        ("two  words", "two words"),
        ("name\n", "name"),
        ("👩\u200d🏫 ❤\ufe0f 🏳\ufe0f\u200d🌈", "👩\u200d🏫 ❤\ufe0f 🏳\ufe0f\u200d🌈"),
        ("\U0001fadf", "\U0001fadf"),  # a splatter, of Unicode 16
        ("नमस्ते שלום 网络", "नमस्ते שלום 网络"),
        ("x" * 60, "x" * 60),
        ("e\u0301" * 60, "é" * 60),
        ("*_`<b>:smile:", "*_`<b>:smile:"),
    ],
)
def test_what_is_kept(given: str, kept: str) -> None:
    assert names.normalized(given) == kept
    assert names.normalized(kept) == kept


UNSEEN = (
    "\0 \x07 \x1b \x7f \x85 \u00ad \u034f \u061c \u115f \u180e \u200b \u200c \u200d \u200e \u200f \u2028 \u2029 \u202a \u202e "
    "\u2060 \u2066 \u2069 \u2800 \u3164 \ufeff \uffa0 \ufff9 \uffff \ud800 \ue000 \U000e0041 \U000f0000"
)


@pytest.mark.parametrize("character", UNSEEN.split(" "), ids=lambda c: f"{ord(c):04X}")
@pytest.mark.parametrize("place", ["{}", "a{}b", "a{}", "{}b", "a\n{}"])
def test_what_cannot_be_seen_is_refused_and_named(character: str, place: str) -> None:
    with pytest.raises(ValueError, match=r"^should (have nothing|be 1 to)") as caught:
        names.normalized(place.format(character))
    assert str(caught.value).isprintable(), "the refusal itself shows it by its number"
    assert len(str(caught.value)) < 300
    sanitized = names.sanitized(place.format(character))
    assert sanitized == names.normalized(sanitized)


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0\u3000", "\n\t", "\u0301", "\ufe0f", "x" * 61, "a\tb", "a\nb", "a\vb"]
)
def test_what_is_empty_or_too_long_or_of_several_lines_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should"):
        names.normalized(text)


@given(st.text(alphabet=st.characters(), max_size=100), st.sampled_from([names.MAX_NAME, names.MAX_TAG]))
def test_whatever_is_left_of_a_text_is_a_name(text: str, most: int) -> None:
    sanitized = names.sanitized(text, most)
    assert names.normalized(sanitized, most) == sanitized
    assert unicodedata.is_normalized("NFC", sanitized)
    try:
        name = names.normalized(text, most)
    except ValueError:
        return
    assert names.normalized(name, most) == name == sanitized
