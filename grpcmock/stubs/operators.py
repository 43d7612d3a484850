"""How operators are written: after which name, on which value types, with what behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.stubs.arguments import Argument, Schema, Schemas


class Family(Flag):
    """Value types that have the same operators."""

    PLAIN = auto()
    """Equal or not, no more: bools and field masks."""

    ORDERED = auto()
    """Integers, enums (by number), Timestamps and Durations."""

    FLOAT = auto()
    STRING = auto()
    BYTES = auto()
    LIST = auto()
    """Repeated fields, and all messages of a stream."""

    MAP = auto()
    MESSAGE = auto()

    ANY = PLAIN | ORDERED | FLOAT | STRING | BYTES | LIST | MAP | MESSAGE
    COMPARABLE = ORDERED | FLOAT | STRING
    OBJECT = MAP | MESSAGE
    """An object of JSON has names, as a message, and any number of them, as a map."""

    JSON = FLOAT | STRING | LIST | OBJECT

    def meets(self, other: Family) -> bool:
        """Whether there are value types in both."""
        # `self & other` looks a member up, which takes ten times as long; this is asked for each operator of each stub.
        return self._value_ & other._value_ != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSyntax:
    """An operator, as far as a file shows it."""

    name: str
    """As it is written: ``$gt``."""

    families: Family
    """The value types that have it."""

    argument: Argument
    """What stands after it."""

    doc: str
    """What it means, in a sentence; editors show it."""

    def schema(self, schemas: Schemas) -> Schema:
        """Return the JSON Schema of what stands after the operator, with what the operator means."""
        return {**self.argument(schemas), "description": self.doc}
