"""Operators on numbers, strings, bytes, and all that has an order."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, shown_json
from grpcmock.matching.leaves import NAN
from grpcmock.matching.matcher import Equalities, Matcher
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType

COMPARISONS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "$gt": (operator.gt, ">"),
    "$gte": (operator.ge, ">="),
    "$lt": (operator.lt, "<"),
    "$lte": (operator.le, "<="),
}


class Compare(Matcher):
    """``$gt``, ``$gte``, ``$lt``, ``$lte``; false of what is absent."""

    __slots__ = ("compare", "expected", "sign")

    def __init__(self, kind: ValueType, name: str, expected: Any) -> None:
        super().__init__(kind)
        self.compare, self.sign = COMPARISONS[name]
        self.expected = expected

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.compare(value, self.expected)

    def describe(self) -> str:
        return f"{self.sign} {self.kind.show(self.expected)}"


class Approx(Matcher):
    """``$approx``: a number that is no further away than ``within``."""

    __slots__ = ("value", "within")

    def __init__(self, kind: ValueType, value: float, within: float) -> None:
        super().__init__(kind)
        self.value = value
        self.within = within

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        # Infinities and NaN have no distance; they are near themselves alone.
        return value is self.value or value == self.value or bool(_distance(value, self.value) <= self.within)

    def describe(self) -> str:
        return f"{self.kind.show(self.value)} ± {self.within!r}"


def _distance(one: float, other: float) -> float:
    try:
        return abs(one - other)
    except OverflowError:  # an integer of JSON that no float can hold
        return math.inf


class Affix(Matcher):
    """``$prefix`` of a string or bytes, ``$suffix`` and ``$contains`` of a string."""

    __slots__ = ("expected", "name")

    def __init__(self, kind: ValueType, name: str, expected: Any) -> None:
        super().__init__(kind)
        self.name = name
        self.expected = expected

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        if self.name == "$prefix":
            return bool(value.startswith(self.expected))
        return bool(value.endswith(self.expected) if self.name == "$suffix" else self.expected in value)

    def describe(self) -> str:
        words = {"$prefix": "beginning with", "$suffix": "ending with", "$contains": "containing"}
        return f"{words[self.name]} {self.kind.show(self.expected)}"


class IgnoreCase(Matcher):
    """``$ignoreCase``: equal once the case of both is folded, as Unicode has it."""

    __slots__ = ("expected", "written")

    def __init__(self, kind: ValueType, written: str) -> None:
        super().__init__(kind)
        self.written = written
        self.expected = written.casefold()

    def test(self, value: Any) -> bool:
        return value is not ABSENT and value.casefold() == self.expected

    def describe(self) -> str:
        return f"{shown_json(self.written)} in any case"

    def equalities(self, path: Path, into: Equalities) -> bool:
        into.append((path.step("fold", str.casefold), (self.expected,)))
        return True


class Regex(Matcher):
    """``$regex``, which searches, and ``$glob``, which takes the whole string; both by RE2, in linear time."""

    __slots__ = ("find", "name", "written")

    def __init__(self, kind: ValueType, name: str, written: str, find: Callable[[str], object]) -> None:
        super().__init__(kind)
        self.name = name
        self.written = written
        self.find = find

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.find(value) is not None

    def describe(self) -> str:
        return f"matching {'/' + self.written + '/' if self.name == '$regex' else 'glob ' + shown_json(self.written)}"


def compile_regex(written: str) -> Callable[[str], object]:
    """Compile a regular expression for searching. Raises ``ValueError`` with RE2's words."""
    search: Callable[[str], object] = _compile(written).search
    return search


def compile_glob(written: str) -> Callable[[str], object]:
    """Compile a glob: ``*`` and ``?`` stand for any characters, ``[…]`` and ``[!…]`` for one of a set, or not of it.

    Raises ``ValueError``.
    """
    fullmatch: Callable[[str], object] = _compile(_glob_to_regex(written)).fullmatch
    return fullmatch


def _compile(regex: str) -> Any:
    import re2  # no stub needs it but those with a pattern of text

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        words = error.args[0] if error.args else "it doesn't compile"
        raise ValueError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from None


def _glob_to_regex(written: str) -> str:
    import re2

    parts, at = ["(?s)"], 0
    while at < len(written):
        character = written[at]
        at += 1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "[" and (end := written.find("]", at + (2 if written[at : at + 1] == "!" else 1))) > 0:
            inside = written[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
            negated = inside.startswith("!")
            inside = inside[1:] if negated else inside
            parts.append(f"[{'^' if negated else ''}{inside.replace('^', chr(92) + '^')}]")
            at = end + 1
        else:
            parts.append(re2.escape(character))
    return "".join(parts)


class Size(Matcher):
    """``$size``: of a string its code points, of bytes its bytes, of a list or map its entries."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.inner.test(len(value))

    def describe(self) -> str:
        return f"size {self.inner.describe()}"

    def equalities(self, path: Path, into: Equalities) -> bool:
        return self.inner.equalities(path.size(), into)


class Json(Matcher):
    """``$json``: a string that holds JSON which fits a pattern."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        try:
            return self.inner.test(json.loads(value, parse_constant=_constant))
        except (ValueError, RecursionError):
            return False

    def describe(self) -> str:
        return f"JSON: {self.inner.describe()}"


def _constant(name: str) -> float:
    return NAN if name == "NaN" else float(name)


class Embedded(Matcher):
    """``$message``: bytes that hold a message of a type, which fits a pattern."""

    __slots__ = ("inner", "message_class")

    def __init__(self, kind: ValueType, message_class: type[Message], inner: Matcher | None) -> None:
        super().__init__(kind)
        self.message_class = message_class
        self.inner = inner

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        try:
            message = decode(self.message_class, value)
        except DecodeError:
            return False
        inner = self.inner
        return inner is None or inner.test(message if inner.kind.normalize is None else inner.kind.normalize(message))

    def describe(self) -> str:
        name = self.message_class.DESCRIPTOR.full_name
        return f"a {name}" if self.inner is None else f"a {name}: {self.inner.describe()}"
