"""A draft: one stub as it will be written, with what is to be said about it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.errors import Location, Problems
    from grpcmock.schema import Method, Registry
    from grpcmock.tree import Node

KEYS = (
    *("name", "method", "priority", "request", "requests", "metadata", "deadline", "when", "state", "times"),
    *("headers", "delay", "interval", "response", "responses", "error", "script", "answers", "then", "trailers"),
    *("set", "fault", "verify"),
)
"""The keys of a stub, in the order in which they are written."""


@dataclass(slots=True)
class Draft:
    """A stub in plain values, not checked yet."""

    keys: dict[str, Any]
    place: Location
    """Where the original stands."""

    comments: list[str] = field(default_factory=list)
    """What its reader should know: what was said in other words, and what couldn't be said."""

    rank: Any = None
    """What orders it among the stubs of its method in the other tool, where that is not the order of the files."""

    @property
    def method(self) -> str:
        return str(self.keys["method"])

    @property
    def service(self) -> str:
        return self.method.rpartition("/")[0]

    def ordered(self) -> dict[str, Any]:
        """Give the keys as a stub is read best: which call, when, what then."""
        return {key: self.keys[key] for key in KEYS if key in self.keys}

    def comment(self, text: str) -> None:
        """Note something for the reader of the stub; the same is noted once."""
        if text not in self.comments:
            self.comments.append(text)


@dataclass(slots=True)
class Context:
    """What all readers need: the protos, if they were given, and where warnings go."""

    problems: Problems
    registry: Registry | None = None
    names: dict[str, int] = field(default_factory=dict)

    def method(self, name: str) -> Method | None:
        """Find a method; None without protos, and where they don't have it."""
        from grpcmock.errors import UnknownMethodError

        if self.registry is None:
            return None
        try:
            return self.registry.method(name)
        except UnknownMethodError:
            return None

    def knows(self, name: str, at: Location) -> Method | None:
        """Find a method, with a warning where the protos don't have it."""
        from grpcmock.errors import UnknownMethodError

        if self.registry is None:
            return None
        try:
            return self.registry.method(name)
        except UnknownMethodError as error:
            self.warn(str(error), at, hint="The stub is written all the same; `check` refuses it.")
            return None

    def warn(self, message: str, at: Location, path: str = "", *, hint: str = "") -> None:
        """Note what can't be said in this project's format, with its place."""
        self.problems.warn(message, at, path, hint=hint, rule="import")

    @contextmanager
    def reading(self, node: Node) -> Iterator[None]:
        """Read one thing of a file: where a value is of another shape than its tool has it, it is left out and told."""
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self.warn(
                f"This is left out: something in it is not as its tool writes it ({type(error).__name__}: {error}).",
                node.location,
            )

    def name(self, wanted: str) -> str:
        """Give a name that no other draft has: *wanted*, if need be with a number."""
        number = self.names[wanted] = self.names.get(wanted, 0) + 1
        if number == 1:
            return wanted
        return self.name(f"{wanted} ({number})")


def child(node: Node | None, *names: str) -> Node | None:
    """Give the first of some keys of a mapping that is there and not null."""
    if node is None or not node.is_mapping:
        return None
    for name in names:
        found: Node | None = node.value.get(name)
        if found is not None and found.value is not None:
            return found
    return None


def mapping(value: Any) -> dict[str, Any]:
    """Give a mapping with its keys as strings; an empty one for anything else."""
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}
