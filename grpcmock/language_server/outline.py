"""Where things stand in a stub file, though it may be half written: the paths of keys and values, line by line.

A parser of YAML refuses what is being typed. So this reads lines by their indentation, and flow collections by their
brackets; what it can't tell it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""The number of the document in its file, then keys and numbers of elements: ``(0, 3, "request", "id")``."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line. Lines and columns count from 0, as in the Language Server Protocol."""

    line: int
    begin: int
    end: int

    def holds(self, line: int, column: int) -> bool:
        return line == self.line and self.begin <= column <= self.end


@dataclass(slots=True)
class Entry:
    """A key with its value, as far as that is on one line."""

    path: Path
    key: Span
    value: Span | None = None
    text: str = ""
    """The value without quotes; empty if it is a mapping, a list or a text of several lines."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is being typed."""

    path: Path
    """Of the mapping or list that a key or an element is typed into, or of the key whose value is typed."""
    word: Span
    """What of it is there."""
    text: str
    on_key: bool
    """Whether a key can stand here."""
    on_value: bool
    """Whether a value can."""


@dataclass(slots=True)
class _Frame:
    indent: int
    part: str | int
    """A key, or the number of an element."""


@dataclass(slots=True)
class _Flow:
    """A collection in brackets that is open."""

    path: Path
    is_mapping: bool
    key: str | None = None
    index: int = 0
    begin: tuple[int, int] | None = None
    """Where the word began that is being read."""

    @property
    def inside(self) -> Path:
        if not self.is_mapping:
            return (*self.path, self.index)
        return self.path if self.key is None else (*self.path, self.key)


@dataclass(slots=True)
class Outline:
    """A file as far as it can be told: its entries by their documents and paths."""

    text: str
    entries: list[Entry] = field(default_factory=list)
    cursor: Cursor | None = None

    def of_path(self, path: Path) -> Entry | None:
        """Give the entry of a path; None if there is none."""
        return next((entry for entry in self.entries if entry.path == path), None)

    def at(self, line: int, column: int) -> Entry | None:
        """Give the entry whose key or value is at a place."""
        for entry in self.entries:
            if entry.key.holds(line, column) or (entry.value is not None and entry.value.holds(line, column)):
                return entry
        return None

    def keys_of(self, path: Path) -> set[str]:
        """Give the keys that a mapping has already."""
        size = len(path)
        return {str(entry.path[size]) for entry in self.entries if entry.path[:size] == path and len(entry.path) > size}

    def method_of(self, path: Path) -> str:
        """Give the method of the stub that *path* is in, as it is written; else that of the file's defaults."""
        owners = [path[:length] for length in range(len(path), 1, -1) if isinstance(path[length - 1], int)]
        for owner in (*owners, path[:1], (*path[:1], "defaults")):
            if (entry := self.of_path((*owner, "method"))) is not None:
                return entry.text
        return ""


_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`{}\[\],:-][^#]*?|-[^\s#][^#]*?)\s*:(?=\s|$)""")
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?\s*(#.*)?$")
_COMMENT = re.compile(r"(^|\s)#.*$")


def outline(text: str, line: int = -1, column: int = -1) -> Outline:
    """Read a file, and tell what stands at a place if one is given."""
    return _Reader(text, line, column).read()


class _Reader:
    def __init__(self, text: str, line: int, column: int) -> None:
        self._lines = text.split("\n")
        self._place = line, column
        self._found = Outline(text)
        self._frames = [_Frame(-1, 0)]
        """What is open, the document first."""
        self._flows: list[_Flow] = []
        self._block: int | None = None
        """The indentation of the key whose text of several lines is being read."""

    def read(self) -> Outline:
        for number, line in enumerate(self._lines):
            self._read(number, line)
        return self._found

    # Block style ------------------------------------------------------------------------------------

    def _read(self, number: int, line: str) -> None:
        if self._flows:
            self._flow(number, line, 0)
            return
        indent = len(line) - len(line.lstrip(" "))
        blank = not line.strip()
        if self._block is not None:
            leaves = number == self._place[0] and self._place[1] <= self._block
            if (blank and not leaves) or indent > self._block:
                return
            self._block = None
        if number == self._place[0] and (blank or self._place[1] <= indent):
            self._typed_key(number, line, min(self._place[1], len(line)))
        if blank or line.lstrip().startswith("#"):
            return
        if line.startswith(("---", "...")):
            self._frames = [_Frame(-1, int(self._frames[0].part) + 1)]
            return
        at = self._dashes(line, indent)
        self._rest(number, line, at, element=at > indent)

    def _dashes(self, line: str, at: int) -> int:
        """Take the dashes that a line begins with, and give where the rest begins."""
        while line[at : at + 1] == "-" and line[at + 1 : at + 2] in ("", " "):
            while self._frames and (
                self._frames[-1].indent > at or (self._frames[-1].indent == at and _below(self._frames, at))
            ):
                self._frames.pop()
            if self._frames and self._frames[-1].indent == at and isinstance(self._frames[-1].part, int):
                self._frames[-1].part += 1
            else:
                self._frames.append(_Frame(at, 0))
            at += 1
            while line[at : at + 1] == " ":
                at += 1
        return at

    def _rest(self, number: int, line: str, at: int, *, element: bool) -> None:
        """Read what follows the indentation, or the dash of an *element*."""
        found = _KEY.match(line, at)
        on_line = number == self._place[0] and self._place[1] >= at
        if found is None:
            if on_line and not line[at : self._place[1]].lstrip().startswith(("{", "[")):
                self._typed(number, line, at, element=element)
            if line[at : at + 1] in ("{", "["):
                self._open(number, at, self._path(at), line)
            return
        self._leave(at)
        name = _unquoted(found[1])
        entry = Entry((*self._path(at), name), Span(number, at, found.end(1)))
        self._found.entries.append(entry)
        if on_line and self._place[1] <= found.end(1):
            self._cursor(entry.path[:-1], number, line, at, on_key=True, on_value=False)
        self._frames.append(_Frame(at, name))
        begin = found.end()
        while line[begin : begin + 1] == " ":
            begin += 1
        value = line[begin:]
        if value[:1] in ("{", "["):
            self._open(number, begin, entry.path, line)
            return
        if _BLOCK.match(value):
            self._block = at
            return
        written = _COMMENT.sub("", value).rstrip()
        if written:
            entry.value, entry.text = Span(number, begin, begin + len(written)), _unquoted(written)
        if on_line and self._place[1] > found.end(1):
            self._cursor(entry.path, number, line, begin, on_key=False, on_value=True)

    def _leave(self, at: int) -> None:
        """Close what a key at this column doesn't belong to."""
        while self._frames and self._frames[-1].indent >= at:
            self._frames.pop()

    def _path(self, at: int) -> Path:
        return tuple(frame.part for frame in self._frames if frame.indent < at or isinstance(frame.part, int))

    # What is typed ----------------------------------------------------------------------------------

    def _typed(self, number: int, line: str, at: int, *, element: bool) -> None:
        """Tell of a word that is no key yet: it may become one, or be an element."""
        kept = list(self._frames)
        self._leave(at)
        self._cursor(self._path(at), number, line, at, on_key=True, on_value=element)
        self._frames = kept

    def _typed_key(self, number: int, line: str, column: int) -> None:
        """Tell what could stand on an empty line, at this column."""
        kept = [_Frame(frame.indent, frame.part) for frame in self._frames]
        while self._frames and self._frames[-1].indent >= column:
            self._frames.pop()
        self._cursor(tuple(frame.part for frame in self._frames), number, line, column, on_key=True, on_value=False)
        self._frames = kept

    def _cursor(self, path: Path, number: int, line: str, begin: int, *, on_key: bool, on_value: bool) -> None:
        column = self._place[1]
        begin = min(begin, column)
        end = column
        while end < len(line) and not line[end].isspace() and line[end] not in ",}]:#":
            end += 1
        self._found.cursor = Cursor(path, Span(number, begin, end), line[begin:column].lstrip("\"'"), on_key, on_value)

    # Flow style -------------------------------------------------------------------------------------

    def _open(self, number: int, at: int, path: Path, line: str) -> None:
        self._flows = [_Flow(path, line[at] == "{")]
        self._flow(number, line, at + 1)

    def _flow(self, number: int, line: str, at: int) -> None:
        """Read a line inside brackets, from a column on."""
        while at <= len(line) and self._flows:
            flow = self._flows[-1]
            one = line[at : at + 1]
            if (number, at) == self._place:
                self._typed_in_flow(number, line, at)
            if one in ('"', "'"):
                flow.begin = flow.begin or (number, at)
                closing = line.find(one, at + 1)
                last = len(line) if closing < 0 else closing
                if number == self._place[0] and at < self._place[1] <= last:
                    self._typed_in_flow(number, line, self._place[1])
                at = last
            elif one == "#" and line[at - 1 : at] in ("", " "):
                return
            elif one in ("{", "["):
                self._flows.append(_Flow(flow.inside, one == "{"))
            elif one in ("}", "]", ","):
                self._end_word(number, line, at)
                if one == ",":
                    flow.key = None
                    flow.index += 1
                else:
                    self._flows.pop()
            elif (
                one == ":"
                and flow.is_mapping
                and flow.key is None
                and line[at + 1 : at + 2] in ("", " ", '"', "{", "[")
            ):
                begin = flow.begin or (number, at)
                flow.key = _unquoted(line[begin[1] : at].strip())
                self._found.entries.append(Entry((*flow.path, flow.key), Span(number, begin[1], at)))
                flow.begin = None
            elif one.strip():
                flow.begin = flow.begin or (number, at)
            at += 1

    def _end_word(self, number: int, line: str, at: int) -> None:
        flow = self._flows[-1]
        if flow.begin is not None and flow.begin[0] == number and flow.key is not None:
            written = line[flow.begin[1] : at].rstrip()
            entry = self._found.entries[-1]
            if entry.path == flow.inside:
                entry.value = Span(number, flow.begin[1], flow.begin[1] + len(written))
                entry.text = _unquoted(written)
        flow.begin = None

    def _typed_in_flow(self, number: int, line: str, at: int) -> None:
        flow = self._flows[-1]
        begin = flow.begin[1] if flow.begin is not None and flow.begin[0] == number else at
        on_key = flow.is_mapping and flow.key is None
        path = flow.path if on_key else flow.inside
        self._cursor(path, number, line, begin, on_key=on_key, on_value=not on_key)


def _below(frames: list[_Frame], at: int) -> bool:
    """Whether the last frame is a key that stands in an element at the same column, which a dash there ends."""
    return isinstance(frames[-1].part, str) and any(
        frame.indent == at and isinstance(frame.part, int) for frame in frames[:-1]
    )


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text.lstrip("\"'")


def words(found: Outline, *names: str) -> Iterator[tuple[Span, str]]:
    """Yield each key that stands below one of *names*: the scenarios below ``state`` and ``set``."""
    for entry in found.entries:
        if len(entry.path) > 1 and entry.path[-2] in names:
            yield entry.key, str(entry.path[-1])


def values(found: Outline, name: str) -> Mapping[str, list[Span]]:
    """Give where each value of a key is: those of ``name`` are the names of stubs."""
    places: dict[str, list[Span]] = {}
    for entry in found.entries:
        if entry.path[-1] == name and entry.value is not None:
            places.setdefault(entry.text, []).append(entry.value)
    return places
