"""Choices that depend on a key alone: the same on every machine and in every version of Python."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class KeyedRandom:
    """A source of choices. What it gives depends on its key and on how often it was asked, on nothing else.

    Each part of a message draws from a child named after it, so that a field more or less in a proto leaves the
    values of the other fields as they were.
    """

    __slots__ = ("_asked", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key if len(key) <= 64 else blake2b(key, digest_size=32).digest()
        self._asked = 0

    def child(self, name: str) -> KeyedRandom:
        return KeyedRandom(blake2b(name.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest())

    def bits(self) -> int:
        """Draw 64 bits."""
        self._asked += 1
        return int.from_bytes(blake2b(b"%d" % self._asked, key=self._key, digest_size=8).digest(), "big")

    def below(self, bound: int) -> int:
        """Draw an integer from 0 to *bound* - 1."""
        drawn, width = self.bits(), 64
        while bound >> (width - 16):
            drawn, width = drawn << 64 | self.bits(), width + 64
        return drawn * bound >> width

    def between(self, low: int, high: int) -> int:
        """Draw an integer from *low* to *high*, both included."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """Draw a float from 0 up to, but without, 1."""
        return (self.bits() >> 11) / (1 << 53)

    def happens(self, probability: float) -> bool:
        return self.unit() < probability

    def choice(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def bytes(self, size: int) -> bytes:
        """Draw *size* bytes."""
        blocks = (self.bits().to_bytes(8, "big") for _ in range(-(-size // 8)))
        return b"".join(blocks)[:size]

    def text(self, alphabet: str, size: int) -> str:
        """Draw *size* characters of *alphabet*."""
        return "".join(alphabet[self.below(len(alphabet))] for _ in range(size))
