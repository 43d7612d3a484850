"""Where an answer repeats values of the request: there, a template says so in a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.fields import Shape, table
from grpcmock.stubs.template import is_template

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema.fields import Field

_DISTINCTIVE = 4
"""Characters of the shortest value that is taken for a repetition in a field of another name."""

_WORD, _NUMBER = 3, 2
"""Characters of the shortest word and number that are sought within a text."""

_DEEPEST = 8
"""Messages inside of each other that are looked into."""

_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True)
class Source:
    """A value of the request, and how a template calls it."""

    expression: str
    name: str
    """Of the field."""
    kind: str
    """What it is: equal for values that may stand for each other."""
    value: Any

    @property
    def template(self) -> str:
        return f"{{{{ {self.expression} }}}}"


class Repeats:
    """Finds the values of one request message in answers."""

    def __init__(self, tree: Any, descriptor: Descriptor, root: str) -> None:
        """*tree* is the message as ``to_tree`` has it; *root* is what templates call it: ``request``, ``message``."""
        self._sources = list(_sources(tree, descriptor, root, 0))
        words = {str(source.value): source for source in reversed(self._sources) if _is_sought(source)}
        longest = sorted(words, key=len, reverse=True)
        self._words = words
        self._sought = re.compile(rf"(?<![\w])({'|'.join(map(re.escape, longest))})(?![\w])") if longest else None

    def message(self, tree: Any, descriptor: Descriptor, depth: int = 0) -> Any:
        """Return an answer, as a stub writes it, with templates where it repeats the request."""
        fields = table(descriptor)
        if not isinstance(tree, dict) or fields.is_any or fields.is_well_known or depth > _DEEPEST:
            return tree
        return {name: self._field(value, fields.find(name), depth) for name, value in tree.items()}

    def text(self, text: str) -> str:
        """Return a text with templates in the place of the request's words."""
        if self._sought is None or is_template(text):
            return text
        return self._sought.sub(lambda found: self._words[found[0]].template, text)

    def _field(self, value: Any, found: Field | None, depth: int) -> Any:
        if found is None or is_template(value):
            return value
        if (source := self._same(value, found)) is not None:
            return source.template
        if found.shape is Shape.MESSAGE and found.value_class is not None:
            return self.message(value, found.value_class.DESCRIPTOR, depth + 1)  # type: ignore[arg-type]
        if found.shape is Shape.MESSAGES and found.value_class is not None:
            inner: Any = found.value_class.DESCRIPTOR
            return [self.message(item, inner, depth + 1) for item in value]
        if found.shape is Shape.SCALAR and found.descriptor.type == FieldDescriptor.TYPE_STRING:
            return self.text(value)
        return value

    def _same(self, value: Any, found: Field) -> Source | None:
        """Return what this value repeats: what has its name, or else is too special to be there by chance."""
        kind = _kind(found)
        alike = [source for source in self._sources if source.kind == kind and source.value == value]
        named = next((source for source in alike if source.name == found.name), None)
        if named is not None or len(alike) != 1:
            return named
        return alike[0] if _is_distinctive(value, kind) else None


def _sources(tree: Any, descriptor: Descriptor, expression: str, depth: int) -> Iterator[Source]:
    """Yield what a message holds, the outer before the inner. Values that rules have hidden are no values."""
    fields = table(descriptor)
    if not isinstance(tree, dict) or fields.is_any or fields.is_well_known or depth > _DEEPEST:
        return
    inner = []
    for name, value in tree.items():
        found = fields.find(name)
        if found is None or found.is_extension or value in ("", [], {}) or not _is_plain(value):
            continue
        where = f"{expression}.{name}"
        yield Source(where, name, _kind(found), value)
        if found.shape is Shape.MESSAGE and found.value_class is not None:
            inner.append((value, found.value_class.DESCRIPTOR, where))
    for value, inside, where in inner:
        yield from _sources(value, inside, where, depth + 1)  # type: ignore[arg-type]


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def _kind(found: Field) -> str:
    """Name what a field holds, so that a value of one kind fits every field of it."""
    descriptor: Any = found.descriptor
    if found.shape is Shape.MAP:
        entry = descriptor.message_type.fields_by_name
        return f"map of {_scalar(entry['key'])} to {_scalar(entry['value'])}"
    what = _scalar(descriptor)
    return f"list of {what}" if found.shape in (Shape.SCALARS, Shape.MESSAGES) else what


def _scalar(descriptor: Any) -> str:
    declared = descriptor.message_type or descriptor.enum_type
    return str(declared.full_name if declared is not None else descriptor.type)


def _is_distinctive(value: Any, kind: str) -> bool:
    if isinstance(value, (dict, list)):
        return len(str(value)) >= 2 * _DISTINCTIVE
    is_scalar = kind.isdigit() and not isinstance(value, bool)
    return is_scalar and len(str(value)) >= _DISTINCTIVE


def _is_sought(source: Source) -> bool:
    """Whether a value is one to be sought within texts: a text, or an integer."""
    if source.kind == str(FieldDescriptor.TYPE_STRING):
        return len(source.value) >= _WORD and "\n" not in source.value
    is_number = source.kind.isdigit() and source.kind != str(FieldDescriptor.TYPE_BYTES)
    return (
        is_number
        and not isinstance(source.value, (bool, float))
        and len(str(source.value)) >= _NUMBER
        and _INTEGER.fullmatch(str(source.value)) is not None
    )
