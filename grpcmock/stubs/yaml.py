"""YAML 1.2 (and JSON) with places: from text to nodes, one item at a time, within bounds on depth and expansion."""

from __future__ import annotations

import codecs
import re
from sys import intern
from typing import TYPE_CHECKING, Any, NoReturn

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from grpcmock.errors import Location, did_you_mean
from grpcmock.stubs.scalars import FIRST, is_collection_tag, plain_scalar, shown_tag, tagged_scalar
from grpcmock.stubs.written import is_binary, json_problem
from grpcmock.tree import COLUMN_BITS, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grpcmock.errors import Problems

MAX_DEPTH = 128
"""How deeply mappings and lists may nest."""

_TOO_DEEP = f"This nests more than {MAX_DEPTH} levels deep."

MAX_ALIASED = 100_000
"""How many nodes all aliases of one document may stand for, plus four for each character before."""

_UNPRINTABLE = re.compile("[^\\x09\\x0a\\x0d\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_TAB = re.compile(r" *\t")
_TEMPLATE_HINT = 'Quote a template, so that YAML doesn\'t take it for a mapping: "{{ … }}".'


_ORIGIN = 1 << COLUMN_BITS | 1
"""What turns a packed place that counts from 0 into one that counts from 1."""


class _Stop(Exception):  # noqa: N818 - a way out of the depths, once the problem has been noted
    pass


_BROKEN = (_Stop, YAMLError, ValueError, OverflowError, RecursionError)
"""What a text can bring the two parsers to raise; ValueError and OverflowError come of characters and escapes."""


def parse(text: str | bytes, file: str, problems: Problems) -> Iterator[Node]:
    """Yield the documents of *text*. What is wrong is added to *problems*; after a syntax error nothing more comes."""
    if reader := _reader(text, file, problems):
        try:
            yield from reader.documents()
        except _BROKEN as error:
            reader.explain(error)


def parse_items(text: str | bytes, file: str, problems: Problems) -> Iterator[tuple[Node, bool]]:
    """Yield the items of each document that is a list, with True, and other documents whole, with False.

    Items come one by one, so that a file of many stubs never stands in memory as a tree.
    """
    if reader := _reader(text, file, problems):
        try:
            yield from reader.items()
        except _BROKEN as error:
            reader.explain(error)


def _reader(text: str | bytes, file: str, problems: Problems) -> _Reader | None:
    if isinstance(text, bytes):
        decoded = _decode(text, file, problems)
        if decoded is None:
            return None
        text = decoded
    text = text.removeprefix("\ufeff")
    if file.endswith(".json"):
        # A tab is a space in JSON, and can't stand inside its strings; YAML is pickier about indentation.
        text = _without_surrogates(text).replace("\t", " ")
        text = _ODD_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _Reader(text, file, problems)


def _decode(data: bytes, file: str, problems: Problems) -> str | None:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    if encoding == "utf-8" and is_binary(data):
        message = "This is a binary file, or text in another encoding than UTF-8."
        problems.error(message, Location(file), hint="Stubs are written in YAML or JSON.", rule="encoding")
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problems.error(
            f"The file is not valid {encoding.upper()}: byte 0x{data[error.start]:02x} at offset {error.start}.",
            Location(file, line, column),
            hint="Save it as UTF-8.",
            rule="encoding",
        )
        return None


_ODD_IN_JSON = re.compile("[\\x7f-\\x9f\\u2028\\u2029\\ufffe\\uffff]")
"""What JSON takes in its strings as it is, and YAML's parsers refuse or take for the end of a line."""

_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _without_surrogates(text: str) -> str:
    """Write the pairs of escapes that JSON has for characters beyond U+FFFF as YAML knows them."""

    def character(found: re.Match[str]) -> str:
        code = 0x10000 + ((int(found[2], 16) - 0xD800) << 10) + (int(found[3], 16) - 0xDC00)
        return f"{found[1]}\\U{code:08x}"

    return _SURROGATES.sub(character, text) if "\\ud" in text or "\\uD" in text else text


def _events(text: str) -> Callable[[], Any]:
    """Give a function that gives the next event: by libyaml where it is there, else by PyYAML's own parser."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return _pure_events(text)
    get_event: Callable[[], Any] = CParser(text).get_event
    return get_event


def _pure_events(text: str) -> Callable[[], Any]:
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureParser(Reader, Scanner, Parser):
        def __init__(self) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)

    get_event: Callable[[], Any] = PureParser().get_event
    return get_event


class _Reader:
    """Builds nodes from the events of one text."""

    __slots__ = ("_aliased", "_anchors", "_extents", "_file", "_next", "_problems", "_text")

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._text = text
        self._file = file
        self._problems = problems
        self._anchors: dict[str, Node | None] = {}
        """Each node by its anchor; None while it is still being built."""
        self._extents: dict[str, tuple[int, int]] = {}
        """How many nodes an anchor stands for, and how deeply they nest."""
        self._aliased = 0
        self._next: Callable[[], Any]

    def documents(self) -> Iterator[Node]:
        for event in self._starts():
            yield self._node(event, 0)

    def items(self) -> Iterator[tuple[Node, bool]]:
        for event in self._starts():
            if type(event) is not SequenceStartEvent or event.anchor or event.tag:
                yield self._node(event, 0), False
                continue
            following = self._next
            while type(event := following()) is not SequenceEndEvent:
                yield self._node(event, 1), True

    def _starts(self) -> Iterator[Any]:
        """Yield the first event of each document; the consumer takes the others up to the document's end."""
        self._next = following = _events(self._text)
        following()
        while type(following()) is not StreamEndEvent:
            self._anchors.clear()
            self._extents.clear()
            self._aliased = 0
            yield following()
            following()

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        mark = event.start_mark
        if depth > MAX_DEPTH:
            self._stop(_TOO_DEEP, mark, "Write it flatter.", "too-deep")
        anchor = event.anchor
        if anchor:
            self._anchors[anchor] = None
            self._extents.pop(anchor, None)
        line, column = mark.line + 1, mark.column + 1
        if kind is ScalarEvent:
            node = Node(self._scalar(event), self._file, line, column)
        elif kind is MappingStartEvent:
            value: dict[str, Node] = {}
            places = self._fill(value, event, depth)
            node = Node(value, self._file, line, column, tuple(places))
        else:
            if not is_collection_tag(event.tag, "seq"):
                self._error(f"The tag {shown_tag(event.tag)} is not known on a list.", mark)
            items = []
            following = self._next
            while type(event := following()) is not SequenceEndEvent:
                items.append(self._node(event, depth + 1))
            node = Node(items, self._file, line, column)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _scalar(self, event: Any) -> Any:
        text = event.value
        try:
            if event.tag is not None:
                return tagged_scalar(event.tag, text)
            return plain_scalar(text) if event.implicit[0] and (not text or text[0] in FIRST) else text
        except ValueError as error:
            self._error(str(error), event.start_mark)
            return text

    def _fill(self, value: dict[str, Node], start: Any, depth: int) -> list[int]:
        """Read the entries of a mapping, up to its end, into *value*. Gives the places of its keys."""
        if not is_collection_tag(start.tag, "map"):
            self._error(f"The tag {shown_tag(start.tag)} is not known on a mapping.", start.start_mark)
        following = self._next
        file = self._file
        places: list[int] = []
        merged: list[Node] = []
        # This loop is where a file of many stubs spends its time: scalars are built in place, without a call.
        event: Any
        while type(event := following()) is not MappingEndEvent:
            mark = event.start_mark
            if type(event) is ScalarEvent and event.anchor is None:
                key = intern(event.value)
                if key == "<<" and event.implicit[0]:
                    merged.append(self._node(following(), depth + 1))
                    continue
            else:
                key = self._odd_key(event, start, depth)  # type: ignore[assignment]
            event = following()
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.implicit[0] and (not text or text[0] in FIRST):
                    text = self._scalar(event)
                at: Any = event.start_mark
                child = Node(text, file, at.line + 1, at.column + 1)
            else:
                child = self._node(event, depth + 1)
            if key in value:
                self._duplicate(key, places[list(value).index(key)], mark)
            elif key is not None:
                value[key] = child
                places.append((mark.line << COLUMN_BITS) + mark.column + _ORIGIN)
        for node in merged:
            self._merge(value, places, node)
        return places

    def _odd_key(self, event: Any, start: Any, depth: int) -> str | None:
        """Read a key that isn't a mere scalar. None, with a problem noted, if it is none that a mapping can have."""
        node = self._node(event, depth + 1)
        if type(event) is ScalarEvent:
            return str(event.value)
        if isinstance(node.value, str):
            return node.value
        template = type(event) is MappingStartEvent and event.flow_style and start.flow_style
        hint = _TEMPLATE_HINT if template else ""
        self._error(f"A key must be a string, not {node.kind}.", event.start_mark, hint)
        return None

    def _duplicate(self, key: str, first: int, mark: Any) -> None:
        line = first >> COLUMN_BITS
        hint = f"It stands already in line {line}." if line != mark.line + 1 else ""
        self._error(f"The key {key!r} is twice in this mapping.", mark, hint, "duplicate-key")

    def _merge(self, value: dict[str, Node], places: list[int], merged: Node) -> None:
        """Put the entries of *merged* under those that are there; of several mappings the first one wins."""
        for node in merged.value if merged.is_list else [merged]:
            if not node.is_mapping:
                self._problems.error(
                    f"A merge key '<<' takes a mapping or a list of mappings, not {node.kind}.", node.location
                )
                continue
            for key in node.keys or ():
                if key.value not in value:
                    value[key.value] = node.value[key.value]
                    places.append(key.line << COLUMN_BITS | key.column)

    def _alias(self, event: Any, depth: int) -> Node:
        name, mark = event.anchor, event.start_mark
        node = self._anchors.get(name)
        if node is None:
            known = [anchor for anchor, found in self._anchors.items() if found]
            if name in self._anchors:
                self._stop(f"The anchor {name!r} holds itself.", mark)
            self._stop(f"There is no anchor {name!r} before this alias.", mark, did_you_mean(name, known))
        extent = self._extents.get(name)
        if extent is None:
            self._extents[name] = extent = _extent(node)
        self._aliased += extent[0]
        if self._aliased > MAX_ALIASED + 4 * mark.index:
            self._stop(
                f"The aliases of this document stand for more than {MAX_ALIASED} values.",
                mark,
                "Write out what is meant, or make a table with 'each'.",
                "alias-expansion",
            )
        if depth + extent[1] > MAX_DEPTH:
            self._stop(f"With this alias the values nest more than {MAX_DEPTH} levels deep.", mark, rule="too-deep")
        return node

    def _location(self, mark: Any) -> Location:
        return Location(self._file, mark.line + 1, mark.column + 1)

    def _error(self, message: str, mark: Any, hint: str = "", rule: str = "yaml") -> None:
        self._problems.error(message, self._location(mark), hint=hint, rule=rule)

    def _stop(self, message: str, mark: Any, hint: str = "", rule: str = "yaml") -> NoReturn:
        self._error(message, mark, hint, rule)
        raise _Stop

    def explain(self, error: Exception) -> None:
        """Note the problem that ended the parse."""
        if isinstance(error, _Stop):
            return
        if found := _UNPRINTABLE.search(self._text):
            line = self._text.count("\n", 0, found.start()) + 1
            column = found.start() - self._text.rfind("\n", 0, found.start())
            message = f"The character U+{ord(found[0]):04X} is not allowed in YAML."
            where = Location(self._file, line, column)
            self._problems.error(message, where, hint="In a quoted string, write it as an escape.", rule="yaml")
            return
        if not isinstance(error, MarkedYAMLError) or not (mark := error.problem_mark or error.context_mark):
            self._problems.error(f"The text is not valid YAML: {error}.", Location(self._file), rule="yaml")
            return
        if "nesting depth" in (error.problem or ""):
            # Some versions of libyaml read so far ahead that their own bound comes before ours.
            self._error(_TOO_DEEP, mark, "Write it flatter.", "too-deep")
            return
        if self._file.endswith(".json") and (wrong := json_problem(self._text, self._file)):
            self._problems.add(wrong)
            return
        context = f" {error.context}" if error.context else ""
        lines = self._text.splitlines()[mark.line : mark.line + 1]
        if any(_TAB.match(line) for line in lines):
            self._error("This line is indented with a tab.", mark, "YAML takes spaces only.")
            return
        hint = _TEMPLATE_HINT if any("{{" in line or "{%" in line for line in lines) else ""
        self._error(f"The text is not valid YAML: {error.problem}{context}.", mark, hint)


def _extent(node: Node) -> tuple[int, int]:
    """Count a node and all below it, and how deeply they nest, without recursion."""
    count = height = 0
    pending = [(node, 0)]
    while pending:
        node, depth = pending.pop()
        count += 1
        height = max(height, depth)
        if node.is_mapping:
            pending.extend((child, depth + 1) for child in node.value.values())
        elif node.is_list:
            pending.extend((child, depth + 1) for child in node.value)
    return count, height
