"""What may stand after an operator, as a JSON Schema made of those about the value that the operator is applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

Schema = dict[str, Any]

TEMPLATE: Final = r"\{\{|\{%"
"""A regular expression for strings that hold a template."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The schemas about one value type, of which those of arguments are made."""

    value: Schema
    """A value of the type."""

    pattern: Schema
    """A pattern on a value of the type."""

    count: Callable[[], Schema]
    """A pattern on a number of things. It is asked for only where it is used, since it is defined then."""

    element: Schema = field(default_factory=dict)
    """A pattern on an element of a list."""

    key: Schema = field(default_factory=dict)
    """A pattern on a key of a map."""

    entry: Schema = field(default_factory=dict)
    """A pattern on a value of a map."""


Argument = Callable[[Schemas], Schema]
"""From the schemas about a value type to that of what stands after an operator on it."""


def value(schemas: Schemas) -> Schema:
    """Take a value of the type."""
    return schemas.value


def values(schemas: Schemas) -> Schema:
    """Take a list of values of the type."""
    return {"type": ["array", "string"], "pattern": TEMPLATE, "items": schemas.value}


def pattern(schemas: Schemas) -> Schema:
    """Take a pattern on the value itself."""
    return schemas.pattern


def patterns(schemas: Schemas) -> Schema:
    """Take a list of patterns on the value itself."""
    return {"type": "array", "items": schemas.pattern}


def element(schemas: Schemas) -> Schema:
    """Take a pattern on an element of the list."""
    return schemas.element


def elements(schemas: Schemas) -> Schema:
    """Take a list of patterns on elements of the list."""
    return {"type": "array", "items": schemas.element}


def key(schemas: Schemas) -> Schema:
    """Take a pattern on a key of the map."""
    return schemas.key


def entry(schemas: Schemas) -> Schema:
    """Take a pattern on a value of the map."""
    return schemas.entry


def count(schemas: Schemas) -> Schema:
    """Take a pattern on a number of things."""
    return schemas.count()


def fixed(schema: Schema) -> Argument:
    """Take the same, whatever the type."""
    return lambda _: dict(schema)


def members(*required: str, **arguments: Argument) -> Argument:
    """Take a mapping of several arguments by their names."""

    def schema(schemas: Schemas) -> Schema:
        return {
            "type": "object",
            "properties": {name: argument(schemas) for name, argument in arguments.items()},
            "required": list(required),
            "additionalProperties": False,
        }

    return schema


anything: Final = fixed({})
boolean: Final = fixed({"type": ["boolean", "string"], "pattern": TEMPLATE})
number: Final = fixed({"type": ["number", "string"]})
text: Final = fixed({"type": "string"})
regex: Final = fixed({"type": "string", "format": "regex"})
