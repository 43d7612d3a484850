"""Where decisions come from: every decision in a message is one integer below a bound, drawn from a source."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b, shake_128
from itertools import chain
from typing import TypeVar

T = TypeVar("T")

Draw = Callable[[int], int]
"""Gives an integer from 0 to, but without, its argument. The smaller, the simpler what is made of it."""

_WORD = 1 << 32
_FIRST_WORDS, _MORE_WORDS = 64, 512


class Source:
    """A source of decisions, and the record of those it made.

    ``below`` is all that a driver has to bring along. What is drawn below 0 or 1 is 0, and isn't recorded: it is no
    decision. The same choices, replayed against the same questions, give the same message.
    """

    __slots__ = ("below", "choices")

    def __init__(self, below: Draw, choices: list[int]) -> None:
        self.below = below
        self.choices = choices
        """What was drawn since the last :meth:`take`."""

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from *low* to *high*, both included; *low* is the simplest."""
        return low + self.below(high - low + 1)

    def boolean(self) -> bool:
        return self.below(2) == 1

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of *options*; the first is the simplest."""
        return options[self.below(len(options))]

    def take(self) -> tuple[int, ...]:
        """Give the choices made since the last time, and begin a new record: one for each message of a stream, say."""
        taken = tuple(self.choices)
        self.choices.clear()
        return taken


class RandomSource(Source):
    """Decisions that follow from a key alone: the same on every machine and in every version of Python.

    The bits are those of SHAKE-128, so that a key costs a few microseconds and a decision a tenth of one.
    """

    __slots__ = ("key",)

    def __init__(self, key: bytes | str | int, *names: bytes | str | int) -> None:
        """Take a key of any length. *names* make it that of a part: of a phase, a method, a case."""
        self.key: bytes = _digest((key, *names))
        choices: list[int] = []
        super().__init__(_random(self.key, choices.append), choices)


class ReplaySource(Source):
    """The decisions of another source once more. What doesn't fit a question, or is asked beyond their end, is 0."""

    __slots__ = ()

    def __init__(self, choices: Iterable[int]) -> None:
        given = iter(tuple(choices))
        made: list[int] = []

        def below(bound: int) -> int:
            if bound < 2:
                return 0
            value = next(given, 0)
            if value >= bound or value < 0:
                value = 0
            made.append(value)
            return value

        super().__init__(below, made)


def _digest(parts: tuple[bytes | str | int, ...]) -> bytes:
    """Make a key of parts; each is preceded by its sort and length, so that no two lists of parts are alike."""
    digest = blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, bytes):
            sort, data = b"b", part
        elif isinstance(part, str):
            sort, data = b"s", part.encode("utf-8", "surrogatepass")
        else:
            sort, data = b"i", str(part).encode()
        digest.update(sort + len(data).to_bytes(8, "big") + data)
    return digest.digest()


def _random(key: bytes, record: Callable[[int], None]) -> Draw:
    words = chain.from_iterable(_blocks(key))

    def below(bound: int) -> int:
        if bound < 2:
            return 0
        if bound <= _WORD:
            value = next(words) * bound >> 32
        else:
            drawn, width = next(words), 32
            while bound >> width - 16:  # 16 bits to spare keep the draw even enough
                drawn, width = drawn << 32 | next(words), width + 32
            value = drawn * bound >> width
        record(value)
        return value

    return below


def _blocks(key: bytes) -> Iterator[tuple[int, ...]]:
    """Yield words of 32 bits without end, in blocks; the first is short, for most messages need no more."""
    count, number = _FIRST_WORDS, 0
    while True:
        yield struct.unpack(f"<{count}I", shake_128(key + number.to_bytes(8, "big")).digest(4 * count))
        count, number = _MORE_WORDS, number + 1
