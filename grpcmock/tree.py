"""Values that know where they were written: the common form of YAML, JSON, and values given in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from grpcmock.errors import Location

Scalar = None | bool | int | float | str
"""What a leaf of a tree may hold."""


class Attached(bytes):
    """Bytes that a stub took from a file, or wrote as text; where a string belongs, they are read as UTF-8."""

    __slots__ = ()


class Node:
    """One value of a tree, and the place where it was written.

    ``value`` is a scalar, a ``list`` of nodes, or a ``dict`` from scalar keys to nodes. Two nodes are equal if their
    plain values are, wherever they were written. Nodes are not changed once built.
    """

    __slots__ = ("_keys", "column", "file", "line", "value")

    def __init__(
        self,
        value: Any,
        file: str = "",
        line: int = 0,
        column: int = 0,
        keys: list[Node] | tuple[int, ...] | None = None,
    ) -> None:
        self.value = value
        self.file = file
        self.line = line
        self.column = column
        self._keys = keys

    @classmethod
    def of(cls, value: Any, location: Location | None = None) -> Node:
        """Wrap a plain Python value, at one place: mappings, lists and tuples become nodes all the way down.

        Anything else is kept as it is, so that a protobuf message or ``bytes`` can stand in a tree, too.
        """
        where = (location.file, location.line, location.column) if location else ("", 0, 0)

        def wrap(value: Any) -> Node:
            if isinstance(value, Node):
                return value
            if isinstance(value, Mapping):
                return cls({k: wrap(v) for k, v in value.items()}, *where, keys=[cls(k, *where) for k in value])
            if isinstance(value, (list, tuple)):
                return cls([wrap(item) for item in value], *where)
            return cls(value, *where)

        return wrap(value)

    @property
    def keys(self) -> list[Node] | None:
        """The key nodes of a mapping, in the order of ``value``; None elsewhere.

        They are built when asked for, from places (``line << COLUMN_BITS | column``): few ever are, among very many.
        """
        if type(self._keys) is tuple:
            places = zip(self.value, self._keys, strict=True)
            self._keys = [Node(key, self.file, at >> COLUMN_BITS, at & _COLUMN_MASK) for key, at in places]
        return self._keys  # type: ignore[return-value]

    @property
    def location(self) -> Location:
        return Location(self.file, self.line, self.column)

    def key_location(self, key: Any) -> Location:
        """Give the place of *key* in this mapping; the place of the mapping itself if it has no such key."""
        for node in self.keys or ():
            if node.value == key:
                return node.location
        return self.location

    @property
    def is_mapping(self) -> bool:
        return type(self.value) is dict

    @property
    def is_list(self) -> bool:
        return type(self.value) is list

    @property
    def kind(self) -> str:
        """What this node is, in words for an error message: ``a mapping``, ``a list``, ``a string``, …"""
        value = self.value
        if value is None:
            return "null"
        for type_, words in _KINDS:
            if isinstance(value, type_):
                return words
        return f"a {type(value).__name__}"

    def plain(self) -> Any:
        """Give the value without places: dicts, lists and scalars."""
        value = self.value
        if type(value) is dict:
            return {key: node.plain() for key, node in value.items()}
        if type(value) is list:
            return [node.plain() for node in value]
        return value

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, depth first."""
        yield self
        if type(self.value) is dict:
            for node in self.value.values():
                yield from node.walk()
        elif type(self.value) is list:
            for node in self.value:
                yield from node.walk()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Node({self.plain()!r}, {self.location})"


COLUMN_BITS = 32
_COLUMN_MASK = (1 << COLUMN_BITS) - 1


_KINDS: tuple[tuple[type, str], ...] = (
    (dict, "a mapping"),
    (list, "a list"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (bytes, "bytes"),
)
