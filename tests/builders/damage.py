"""Files as they come out of a bad memory stick, an unlucky editor or a bad mind."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mnist_lab.errors import MAX_REFUSAL, InputError

_PIECES = (
    b'NaN -Infinity 1e999 -1 0.1e-400 99999999999999999999999999999 null true {} [] "\\ud800" "\\u0000" "\\u202e" \xef\xbb\xbf \xff \x00 PK\x05\x06 , }'
).split(b" ")


def spoiled(whole: bytes, times: int, seed: int = 0) -> Iterator[bytes]:
    """A file, so many times with something flipped, cut out, said again or put in."""
    dice = random.Random(seed)
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 1, 1, 2, 5, 40))):
            place = dice.randrange(len(data) or 1)
            length = dice.choice((1, 2, 4, 30, 500))
            match dice.randrange(5):
                case 0:
                    data[place : place + 1] = bytes([(data or b"\0")[place] ^ (1 << dice.randrange(8))])
                case 1:
                    del data[place : place + length]
                case 2:
                    data[place:place] = data[place : place + length]
                case 3:
                    data[place : place + dice.choice((0, 1, 3))] = dice.choice(_PIECES)
                case 4:
                    del data[dice.randrange(len(data) or 1) :]
        yield bytes(data)


def refused(read: Callable[[bytes], Any], files: Iterable[bytes]) -> int:
    """How many are refused; anything but a sentence of one line fails the test."""
    count = 0
    for data in files:
        try:
            read(data)
        except InputError as error:
            count += 1
            assert 10 < len(str(error)) <= MAX_REFUSAL, error
            assert str(error).isprintable(), error
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__} got out of {data[:2000]!r}") from error
    return count


def _with(piece: bytes) -> Callable[[bytes], bytes]:
    """A JSON object with one more field, at its end."""
    return lambda file: file.rstrip()[:-1] + b", " + piece + b"}"


NOT_JSON_ENOUGH: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda file: b"",
    "a mark alone": lambda file: b"\xef\xbb\xbf",
    "half of a UTF-16": lambda file: file.decode().encode("utf-16")[:-1],
    "Latin-1": _with(b'"x": "\xe9"'),
    "lists in lists": lambda file: b"[" * 100_000,
    "objects in objects": lambda file: b'{"recipe":' * 100_000,
    "deep and whole": _with(b'"x": ' + b"[" * 3000 + b"]" * 3000),
    "a long number": _with(b'"x": ' + b"9" * 100_000),
    "a number that Python cannot print": _with(b'"x": ' + b"9" * 4301),
    "a number that it can": _with(b'"x": ' + b"9" * 4299),
    "no number": _with(b'"x": NaN'),
    "endless": _with(b'"x": -Infinity'),
    "a lone surrogate": _with(b'"x": "\\ud800"'),
    "a lone surrogate for a name": _with(b'"\\udfff": 1'),
    "a long name": _with(b'"' + b"x" * 10_000 + b'": 1'),
    "a name of two lines": _with(b'"a\\nb\\u2028c\\u202e": 1'),
    "said twice": _with(b'"name": "another"'),
    "said twice the same": _with(b'"format": 1'),
    "two of them": lambda file: file + file,
    "a comma too many": lambda file: file.rstrip()[:-1] + b",}",
}
