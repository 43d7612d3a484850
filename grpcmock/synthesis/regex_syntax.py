"""A reader of regular expressions in RE2 syntax: it gives trees that say how long their matches can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

_DIGITS = ((48, 57),)
_SPACE = ((32, 32),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
PRINTABLE = ((32, 126),)
ALL = ((0, 0x10FFFF),)
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_POSIX = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": _SPACE,
    "digit": _DIGITS,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": PRINTABLE,
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": _SPACE,
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_UNICODE = {"Lu": ((65, 90),), "Ll": ((97, 122),), "L": ((65, 90), (97, 122)), "N": _DIGITS, "Nd": _DIGITS}
_UNICODE |= {"P": ((33, 33), (44, 46), (63, 63)), "Z": _SPACE, "Zs": _SPACE, "Latin": _UNICODE["L"]}
_ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
MOST_COPIES = 1000
_MOST_QUANTIFIERS = 8
_LONGEST = 100_000
_DEEPEST = 60

Ranges = tuple[tuple[int, int], ...]


class UnreadableError(ValueError):
    """The expression uses something that this reader doesn't know, or is no expression."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of some ranges of code points."""

    ranges: Ranges
    shortest = longest = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]
    shortest: int
    longest: float


@dataclass(frozen=True, slots=True)
class Either:
    """One branch of several."""

    branches: tuple[Node, ...]
    shortest: int
    longest: float


@dataclass(frozen=True, slots=True)
class Copies:
    """A node several times over."""

    node: Node
    least: int
    most: float
    shortest: int
    longest: float


Node = Chars | Sequence | Either | Copies


@lru_cache(maxsize=512)
def parse(pattern: str) -> Node:
    """Read an expression. Raises :class:`UnreadableError`."""
    reader = _Reader(pattern)
    node = reader.either(0)
    if reader.position < len(pattern):
        raise UnreadableError(f"unexpected {pattern[reader.position]!r}")
    return node


class _Reader:
    """A recursive descent through RE2 syntax. Anchors and word boundaries are read as nothing."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0

    def either(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise UnreadableError("nested too deeply")
        branches = [self.sequence(depth)]
        while self.take("|"):
            branches.append(self.sequence(depth))
        if len(branches) == 1:
            return branches[0]
        return Either(tuple(branches), min(b.shortest for b in branches), max(b.longest for b in branches))

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.position < len(self.pattern) and self.peek() not in "|)":
            node = self.quoted() or self.atom(depth)
            if node is not None:
                parts.append(self.copies(node))
        return _sequence(parts)

    def quoted(self) -> Node | None:
        if not self.take("\\Q"):
            return None
        text, _, _ = self.pattern[self.position :].partition("\\E")
        self.position = min(len(self.pattern), self.position + len(text) + 2)
        return _sequence([Chars(((ord(c), ord(c)),)) for c in text])

    def atom(self, depth: int) -> Node | None:
        if self.take("(?"):
            return self.special_group(depth)
        if self.take("("):
            return self.group(depth)
        if self.take("["):
            return Chars(self.char_class())
        if self.take("\\"):
            return self.escape()
        char = self.next()
        if char in "^$":
            return None
        if char == ".":
            return Chars(ALL)
        if char in "*+?":
            raise UnreadableError(f"nothing to repeat before {char!r}")
        return Chars(((ord(char), ord(char)),))

    def special_group(self, depth: int) -> Node | None:
        if self.take("P<") or self.take("<"):
            while self.next() != ">":
                pass
            return self.group(depth)
        flags = ""
        while self.peek() not in ":)":
            flags += self.next()
        if not set(flags) <= set("imsU-"):
            raise UnreadableError(f"unknown group (?{flags}")
        return None if self.next() == ")" else self.group(depth)

    def group(self, depth: int) -> Node:
        node = self.either(depth + 1)
        if not self.take(")"):
            raise UnreadableError("a group isn't closed")
        return node

    def copies(self, node: Node) -> Node:
        for _ in range(_MOST_QUANTIFIERS):
            if (found := self.quantifier()) is None:
                return node
            self.take("?")
            least, most = found
            if node.shortest * least > _LONGEST:
                raise UnreadableError("too many copies")
            longest = 0.0 if node.longest == 0 else node.longest * most
            node = Copies(node, least, most, node.shortest * least, longest)
        raise UnreadableError("too many quantifiers in a row")

    def quantifier(self) -> tuple[int, float] | None:
        for sign, bounds in (("*", (0, math.inf)), ("+", (1, math.inf)), ("?", (0, 1))):
            if self.take(sign):
                return bounds
        if self.peek() != "{":
            return None
        inside, closing, _ = self.pattern[self.position + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not closing or not low.isdecimal() or (high and not high.isdecimal()):
            return None  # as in RE2, a brace that is no quantifier stands for itself
        self.position += len(inside) + 2
        if int(low) > MOST_COPIES:
            raise UnreadableError("too many copies")
        return int(low), (float(high) if high else math.inf) if comma else int(low)

    def escape(self) -> Node | None:
        char = self.peek()
        if char in "AzZbB":
            self.next()
            return None
        return Chars(self.escaped_ranges())

    def escaped_ranges(self) -> Ranges:
        char = self.next()
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return _complement(ranges) if char.isupper() else ranges
        if char in "pP":
            name = self.braced() if self.peek() == "{" else self.next()
            negated = (char == "P") != name.startswith("^")
            ranges = _UNICODE.get(name.lstrip("^"), _UNICODE["L"])
            return _complement(ranges) if negated else ranges
        if char == "x":
            digits = self.braced() if self.peek() == "{" else self.next() + self.next()
            return self.code_point(digits, 16)
        if char in _ESCAPES:
            return ((_ESCAPES[char],) * 2,)
        if char == "0":
            return self.code_point("0", 8)
        if char.isalnum():
            raise UnreadableError(f"unknown escape \\{char}")
        return ((ord(char), ord(char)),)

    def code_point(self, digits: str, base: int) -> Ranges:
        try:
            number = int(digits, base)
        except ValueError:
            raise UnreadableError(f"{digits!r} is no number") from None
        return ((number, number),)

    def char_class(self) -> Ranges:
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            first = False
            if self.take("[:"):
                name, _, _ = self.pattern[self.position :].partition(":]")
                self.position += len(name) + 2
                known = _POSIX.get(name.lstrip("^"))
                if known is None:
                    raise UnreadableError(f"unknown class [:{name}:]")
                ranges += _complement(known) if name.startswith("^") else known
                continue
            low = self.class_item()
            if len(low) == 1 and low[0][0] == low[0][1] and self.ranges_on():
                self.next()
                high = self.class_item()
                ranges.append((low[0][0], high[-1][1]))
            else:
                ranges += low
        self.next()
        return _complement(tuple(ranges)) if negated else tuple(ranges)

    def ranges_on(self) -> bool:
        return self.peek() == "-" and self.pattern[self.position + 1 : self.position + 2] not in ("]", "")

    def class_item(self) -> Ranges:
        if self.take("\\"):
            return self.escaped_ranges()
        char = self.next()
        return ((ord(char), ord(char)),)

    def braced(self) -> str:
        inside, closing, _ = self.pattern[self.position + 1 :].partition("}")
        if not closing:
            raise UnreadableError("a brace isn't closed")
        self.position += len(inside) + 2
        return inside

    def peek(self) -> str:
        """Give the next character; at the end a character that nothing asks for."""
        return self.pattern[self.position] if self.position < len(self.pattern) else "\uffff"

    def next(self) -> str:
        if self.position >= len(self.pattern):
            raise UnreadableError("the expression ends too early")
        self.position += 1
        return self.pattern[self.position - 1]

    def take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.position):
            self.position += len(text)
            return True
        return False


def _sequence(parts: list[Node]) -> Node:
    if len(parts) == 1:
        return parts[0]
    return Sequence(tuple(parts), sum(p.shortest for p in parts), sum(p.longest for p in parts))


def _complement(ranges: Ranges) -> Ranges:
    gaps, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return (*gaps, (start, 0x10FFFF)) if start <= 0x10FFFF else tuple(gaps)
