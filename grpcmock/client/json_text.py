"""JSON with places: one or more values after another, read as the text comes, into trees that know where they stand."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]

from grpcmock.errors import ConfigError, Location, Problem
from grpcmock.tree import Node

DEEPEST = 200
"""How many arrays and objects may stand inside each other."""

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[\w.$+-]+")
_CONSTANTS = {"true": True, "false": False, "null": None}
_TOKENS = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\]]')


class JsonReader:
    """Reads JSON values that follow each other: concatenated, or one a line."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._text = ""
        self._depth = 0
        self._line = 1

    def feed(self, text: str) -> Iterator[Node]:
        """Take whole lines of text, and yield the values that are complete by now. Raises :class:`ConfigError`."""
        self._text += text
        for found in _TOKENS.findall(text):
            if found in "{[":
                self._depth += 1
            elif found in "}]":
                self._depth -= 1
        if self._depth <= 0 and self._text.strip():
            yield from self._flush()

    def close(self) -> Iterator[Node]:
        """Yield what is left. Raises :class:`ConfigError` if it is no whole value."""
        yield from self._flush()

    def forget(self) -> None:
        """Drop what was fed but isn't complete."""
        self._line += self._text.count("\n")
        self._text, self._depth = "", 0

    def _flush(self) -> Iterator[Node]:
        parser = _Parser(self._text, self._file, self._line)
        try:
            yield from parser.values()
        finally:
            self.forget()


def parse(text: str, file: str) -> list[Node]:
    """Read all the values of a text. Raises :class:`ConfigError`, which says where and what is wrong."""
    return list(_Parser(text, file, 1).values())


class _Parser:
    def __init__(self, text: str, file: str, first_line: int) -> None:
        self._text = text
        self._file = file
        self._first_line = first_line
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def values(self) -> Iterator[Node]:
        at = self._skip(0)
        while at < len(self._text):
            node, at = self._value(at, 0)
            yield node
            at = self._skip(at)

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _location(self, at: int) -> Location:
        line = bisect_right(self._starts, at) - 1
        return Location(self._file, self._first_line + line, at - self._starts[line] + 1)

    def _node(self, value: object, at: int, keys: list[Node] | None = None) -> Node:
        location = self._location(at)
        return Node(value, location.file, location.line, location.column, keys)

    def _error(self, at: int, expected: str, hint: str = "") -> ConfigError:
        found = self._text[at : at + 1]
        if not found:
            message = f"the text ends where {expected} is expected."
            at = len(self._text.rstrip())
        else:
            word = _WORD.match(self._text, at)
            message = f"expected {expected}, not {(word[0] if word else found)[:40]!r}."
        return ConfigError(str(Problem(message, self._location(at), hint=hint or _hint(found))))

    def _value(self, at: int, depth: int) -> tuple[Node, int]:
        first = self._text[at : at + 1]
        if first in ("{", "["):
            if depth >= DEEPEST:
                problem = Problem(f"more than {DEEPEST} arrays and objects inside each other.", self._location(at))
                raise ConfigError(str(problem))
            return self._object(at, depth + 1) if first == "{" else self._array(at, depth + 1)
        if first == '"':
            value, end = self._string(at)
            return self._node(value, at), end
        if (word := _WORD.match(self._text, at)) and word[0] in _CONSTANTS:
            return self._node(_CONSTANTS[word[0]], at), word.end()
        if (number := _NUMBER.match(self._text, at)) and word and number.end() == word.end():
            whole = number[1] is None and number[2] is None
            if whole and len(number[0]) > 1000:
                raise ConfigError(str(Problem("this number is too long.", self._location(at))))
            return self._node(int(number[0]) if whole else float(number[0]), at), number.end()
        raise self._error(at, "a JSON value")

    def _object(self, at: int, depth: int) -> tuple[Node, int]:
        begin = at
        values: dict[str, Node] = {}
        keys: list[Node] = []
        at = self._skip(at + 1)
        while self._text[at : at + 1] != "}":
            if values:
                at = self._after_comma(at, "'}'")
            if self._text[at : at + 1] != '"':
                raise self._error(at, "a name in double quotes" if values else "a name in double quotes or '}'")
            name, end = self._string(at)
            if name in values:
                raise ConfigError(str(Problem(f"{name!r} is here twice.", self._location(at), hint="Keep one.")))
            keys.append(self._node(name, at))
            at = self._skip(end)
            if self._text[at : at + 1] != ":":
                raise self._error(at, "':'")
            values[name], at = self._value(self._skip(at + 1), depth)
            at = self._skip(at)
        return self._node(values, begin, keys), at + 1

    def _array(self, at: int, depth: int) -> tuple[Node, int]:
        begin = at
        items: list[Node] = []
        at = self._skip(at + 1)
        while self._text[at : at + 1] != "]":
            if items:
                at = self._after_comma(at, "']'")
            item, at = self._value(at, depth)
            items.append(item)
            at = self._skip(at)
        return self._node(items, begin), at + 1

    def _after_comma(self, at: int, or_end: str) -> int:
        if self._text[at : at + 1] != ",":
            raise self._error(at, f"',' or {or_end}")
        after = self._skip(at + 1)
        if self._text[after : after + 1] in ("}", "]"):
            problem = Problem("a comma stands before the end.", self._location(at), hint="Take it away.")
            raise ConfigError(str(problem))
        return after

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self._text, at + 1, True)
        except json.JSONDecodeError as error:
            place = self._location(error.pos)
            raise ConfigError(str(Problem(f"{_lower(error.msg)}.", place))) from None
        try:
            value.encode()
        except UnicodeEncodeError:
            problem = Problem("half of a surrogate pair is no character.", self._location(at))
            raise ConfigError(str(problem)) from None
        return value, end


def _hint(found: str) -> str:
    if found == "'":
        return "JSON has double quotes only."
    return ""


def _lower(text: str) -> str:
    return (text[:1].lower() + text[1:]).removesuffix(" at")
