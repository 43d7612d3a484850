"""Shapes of single values: a text, a whole number, a mapping, a list; what has another one is noted and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grpcmock.errors import Location, Problems
    from grpcmock.tree import Node

EMPTY: Final[dict[str, str]] = {}
"""One for all stubs that say nothing: in a big file, those are many."""


class Shape:
    """Checks of single values; each notes what is wrong, and gives None then."""

    __slots__ = ("problems", "stub")

    def __init__(self, problems: Problems, stub: str) -> None:
        self.problems = problems
        self.stub = stub

    def error(self, message: str, at: Location, path: str, hint: str = "", rule: str = "stub-shape") -> None:
        self.problems.error(message, at, path, stub=self.stub, hint=hint, rule=rule)

    def text(self, node: Node, path: str) -> str | None:
        if isinstance(node.value, str) and node.value:
            return node.value
        hint = f'Quote it: "{node.value}".' if isinstance(node.value, (int, float)) else ""
        what = "an empty one" if node.value == "" else self.shown(node)
        self.error(f"expected a string, not {what}.", node.location, path, hint)
        return None

    def integer(self, node: Node, path: str, least: int | None = None) -> int | None:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least):
            return value
        bound = "" if least is None else f" from {least}"
        self.error(f"expected a whole number{bound}, not {self.shown(node)}.", node.location, path)
        return None

    def mapping(self, node: Node, path: str) -> Node | None:
        if node.is_mapping:
            return node
        self.error(f"expected a mapping, not {self.shown(node)}.", node.location, path)
        return None

    def items(self, node: Node, path: str) -> list[Node] | None:
        if node.is_list:
            listed: list[Node] = node.value
            return listed
        self.error(f"expected a list, not {self.shown(node)}.", node.location, path)
        return None

    def strings(self, node: Node, path: str) -> Mapping[str, str]:
        if self.mapping(node, path) is None:
            return {}
        found = {key: self.text(value, f"{path}.{key}") for key, value in node.value.items()}
        return {key: value for key, value in found.items() if value is not None}

    @staticmethod
    def shown(node: Node) -> str:
        return node.kind if node.is_mapping or node.is_list or node.value is None else f"{node.kind} {node.value!r:.60}"


class Reader:
    """Reads the values of a mapping by their keys: None where a key is missing, or its value has another shape."""

    __slots__ = ("keys", "node", "prefix", "shape")

    def __init__(self, node: Node, shape: Shape, prefix: str = "") -> None:
        self.node = node
        self.keys: dict[str, Node] = node.value
        self.shape = shape
        self.prefix = prefix
        """What stands before a key in the paths of problems."""

    def text(self, key: str) -> str | None:
        node = self.keys.get(key)
        return None if node is None else self.shape.text(node, self.prefix + key)

    def integer(self, key: str, least: int | None = None) -> int | None:
        node = self.keys.get(key)
        return None if node is None else self.shape.integer(node, self.prefix + key, least)

    def mapping(self, key: str) -> Node | None:
        node = self.keys.get(key)
        return None if node is None else self.shape.mapping(node, self.prefix + key)

    def items(self, key: str) -> list[Node] | None:
        node = self.keys.get(key)
        return None if node is None else self.shape.items(node, self.prefix + key)

    def strings(self, key: str) -> Mapping[str, str]:
        node = self.keys.get(key)
        return EMPTY if node is None else self.shape.strings(node, self.prefix + key)

    def error(self, message: str, key: str, hint: str = "", rule: str = "stub-shape") -> None:
        """Note what is wrong with a key, where it is written."""
        self.shape.error(message, self.node.key_location(key), self.prefix + key, hint, rule)
