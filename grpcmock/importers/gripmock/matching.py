"""Matchers of GripMock as patterns: ``equals``, ``contains``, ``matches``, ``glob``, ``anyOf``.

GripMock compares the fields of a message one by one: those with a default value are there, unset messages are null,
enums are names, bytes are base64, and well-known types are their fields (``{seconds, nanos}``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.importers import fields
from grpcmock.importers.patterns import both, either, regex_of_glob
from grpcmock.regex import compile_regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Registry

KINDS = ("equals", "equals_unordered", "contains", "matches", "glob")

_ABSENT = object()


class NeverHolds(Exception):  # noqa: N818 - no error: a finding about a matcher
    """A matcher that no request fits, in GripMock as here; the text says why."""


@dataclass(slots=True)
class Matchers:
    """Writes the matchers for one type of message."""

    message: Descriptor | None
    registry: Registry | None
    warn: Callable[[str], None]
    """Told what can't be said."""

    exact: bool = False
    """Whether ``equals`` speaks of the whole message, as in GripMock 1."""

    when: list[str] = field(default_factory=list)
    """CEL expressions for what patterns can't say, of a message called ``request``."""

    cel: bool = True
    """Whether CEL expressions may be made."""

    def pattern(self, written: dict[str, Any]) -> Any:
        """Write an input: all matchers that stand in it. None where it demands nothing. Raises :class:`NeverHolds`."""
        found = self._block(written)
        alternatives = written.get("anyOf")
        if isinstance(alternatives, list) and alternatives:
            cel, self.cel = self.cel, False
            arms = [self._block(one) for one in alternatives if isinstance(one, dict)]
            self.cel = cel
            if None not in arms:
                found = both([found, either(arms)])
        return found

    def _block(self, written: dict[str, Any]) -> Any:
        unordered = bool(written.get("ignoreArrayOrder"))
        by_field: dict[str, list[Any]] = {}
        for kind in KINDS:
            for name, value in (written.get(kind) or {}).items():
                found = self._field(name, value, kind, unordered=unordered or kind == "equals_unordered")
                if found is not _ABSENT:
                    by_field.setdefault(name, []).append(found)
        if self.exact and ("equals" in written or "equals_unordered" in written):
            return {"$only": {name: both(patterns) for name, patterns in by_field.items()}}
        return {name: both(patterns) for name, patterns in by_field.items()} or None

    def of_header(self, value: Any, kind: str) -> Any:
        """Write a matcher on one header."""
        match kind:
            case "matches":
                return self._matches(value, None, "")
            case "glob":
                return self._glob(value, None)
        return value

    def _field(self, name: str, value: Any, kind: str, *, unordered: bool) -> Any:
        one = fields.find(self.message, name)
        if self.message is not None and one is None:
            raise NeverHolds(f"{self.message.full_name} has no field {name!r}")
        match kind:
            case "contains":
                return self._contains(value, one)
            case "matches":
                return self._matches(value, one, name)
            case "glob":
                return self._glob(value, one)
        if unordered and isinstance(value, list):
            return {"$unordered": [self._equal(item, one, item=True) for item in value]}
        return self._equal(value, one)

    def _equal(self, value: Any, one: FieldDescriptor | None, *, item: bool = False) -> Any:
        """Write a value that must be equal, all the way down."""
        if isinstance(value, list) and not item:
            if one is not None and not fields.is_list(one) and fields.type_name(one) != "google.protobuf.ListValue":
                raise NeverHolds(f"{one.full_name} is not repeated")
            if not value:
                return []
            return [self._equal(part, one, item=True) for part in value]
        said = self.value(value, one)
        if isinstance(said, dict) and (one is not None or said is value) and fields.type_name(one) != _ANY:
            return {"$eq": said}
        return self._scalar(said, one, item=item)

    def value(self, value: Any, one: FieldDescriptor | None) -> Any:
        """Write a value in parts as ProtoJSON."""
        if one is None:
            return value
        if fields.is_map(one) and isinstance(value, dict):
            return {str(key): self.value(part, fields.map_value(one)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, one) for part in value]
        made = fields.assembled(value, fields.type_name(one), self.registry)
        if made is not value or not isinstance(value, dict):
            return made
        inner = one.message_type
        if inner is None or inner.full_name.startswith("google.protobuf."):
            return value
        found = {}
        for key, part in value.items():
            below = fields.find(inner, key)
            if below is None:
                raise NeverHolds(f"{inner.full_name} has no field {key!r}")
            if part is not None:
                found[key] = self.value(part, below)
        return found

    def _scalar(self, value: Any, one: FieldDescriptor | None, *, item: bool = False) -> Any:
        if one is None:
            return value
        if value is not None and one.type == FieldDescriptor.TYPE_STRING and not isinstance(value, str):
            raise NeverHolds(f"{one.full_name} is a string, which no {type(value).__name__} is equal to")
        if isinstance(value, str) and (fields.is_number(one) or one.type == FieldDescriptor.TYPE_BOOL):
            kind = "bool" if one.type == FieldDescriptor.TYPE_BOOL else "number"
            raise NeverHolds(f"{one.full_name} is a {kind}, which no text is equal to")
        default = value == one.default_value if one.message_type is None and not one.is_repeated else False
        if one.enum_type is not None and not item:
            default = value == one.enum_type.values[0].name
        if default and one.has_presence and not item:
            return {"$in": [None, value]}  # GripMock sees the default of a field that isn't set
        return value

    def _contains(self, value: Any, one: FieldDescriptor | None) -> Any:
        """Write a value that must be there: mappings and lists as parts of greater ones."""
        if isinstance(value, list):
            parts = [self._contains(part, one) for part in value]
            if any(parts.count(part) > 1 for part in parts):
                self.warn("the same item stands twice in a list of `contains`; one such item is enough here.")
            return {"$all": parts} if parts else {"$exists": True}
        if not isinstance(value, dict):
            return self._scalar(value, one)
        if fields.is_map(one):
            return {str(key): self._contains(part, fields.map_value(one)) for key, part in value.items()}
        if one is None:
            return {key: self._contains(part, None) for key, part in value.items()}
        made = fields.assembled(value, fields.type_name(one), self.registry)
        if made is not value or fields.type_name(one).startswith("google.protobuf."):
            return made
        return {key: self._contains(part, self._below(one, key)) for key, part in value.items()}

    def _below(self, one: FieldDescriptor, key: str) -> FieldDescriptor | None:
        below = fields.find(one.message_type, key)
        if one.message_type is not None and below is None:
            raise NeverHolds(f"{one.message_type.full_name} has no field {key!r}")
        return below

    def _matches(self, value: Any, one: FieldDescriptor | None, path: str) -> Any:
        if isinstance(value, list):
            return {"$unordered": [self._matches(part, one, "") for part in value]}
        if isinstance(value, dict):
            map_value = fields.map_value(one)
            inner = {
                key: self._matches(part, map_value or (self._below(one, key) if one else None), f"{path}.{key}")
                for key, part in value.items()
            }
            return {key: pattern for key, pattern in inner.items() if pattern is not _ABSENT}
        if not isinstance(value, str):
            return self._scalar(value, one)
        return self._regex(value, one, path)

    def _regex(self, regex: str, one: FieldDescriptor | None, path: str) -> Any:
        """Write a regular expression: on strings as it is, on enums by their names, on numbers by their text."""
        try:
            compiled = compile_regex(regex)
        except ValueError as error:
            raise NeverHolds(f"the regular expression {regex!r} is none: {error}") from None
        if one is None or one.type == FieldDescriptor.TYPE_STRING:
            return {"$regex": regex}
        if one.type == FieldDescriptor.TYPE_BOOL:
            raise NeverHolds(f"{one.full_name} is a bool, which GripMock compares with no regular expression")
        if one.enum_type is not None:
            names = [value.name for value in one.enum_type.values if compiled.search(value.name)]
            if not names:
                raise NeverHolds(f"no value of {one.enum_type.full_name} fits {regex!r}")
            return either(list(names))
        if fields.is_number(one):
            return self._number(regex, one, path)
        self.warn(f"a regular expression on {one.full_name}, which is no string: it isn't looked at.")
        return _ABSENT

    def _number(self, regex: str, one: FieldDescriptor, path: str) -> Any:
        if _fits_any_number(regex):
            return _ABSENT
        if regex in _NOT_NEGATIVE:
            return {"$gte": 0}
        if self.cel and path and not one.is_repeated:
            self.when.append(f"string(request.{path}).matches({_cel_text(regex)})")
            return _ABSENT
        self.warn(f"the regular expression {regex!r} on the number {one.full_name}: any number will do here.")
        return _ABSENT

    def _glob(self, value: Any, one: FieldDescriptor | None) -> Any:
        if isinstance(value, dict):
            return {key: self._glob(part, self._below(one, key) if one else None) for key, part in value.items()}
        if not isinstance(value, str):
            raise NeverHolds("a glob is a text")
        if one is not None and one.enum_type is not None:
            return self._regex(regex_of_glob(value), one, "")
        if one is not None and one.type != FieldDescriptor.TYPE_STRING:
            raise NeverHolds(f"{one.full_name} is no string, which alone a glob fits")
        if not re.search(r"[*?\[\\]", value):
            return value
        return {"$regex": regex_of_glob(value)}


_ANY = "google.protobuf.Any"
_NOT_NEGATIVE = (r"^\d+$", r"^\d+(\.\d+)?$", r"^[0-9]+$", r"^[0-9]+(\.[0-9]+)?$", r"^\d+\.?\d*$")


def _fits_any_number(regex: str) -> bool:
    """Whether a regular expression is found in the text of every number: one of a digit alone, that asks for no place.

    The text of a number holds a digit.
    """
    if re.search(r"[\^$\\]", regex.replace(r"\d", "").replace(r"\.", "")):
        return False
    compiled = compile_regex(regex)
    return all(compiled.search(str(digit)) for digit in range(10))


def _cel_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def headers(written: dict[str, Any], warn: Callable[[str], None]) -> list[dict[str, Any]]:
    """Write matchers on headers as patterns on metadata: one of them must hold. Raises :class:`NeverHolds`."""
    texts = Matchers(None, None, warn)
    found: dict[str, list[Any]] = {}
    for kind in KINDS:
        for key, value in (written.get(kind) or {}).items():
            text = value if isinstance(value, str) or value is None else str(value)
            found.setdefault(str(key).lower(), []).append(texts.of_header(text, kind))
    arms = [arm for one in written.get("anyOf") or () if isinstance(one, dict) for arm in headers(one, warn)]
    if not arms:
        return [{key: both(patterns) for key, patterns in found.items()}]
    keys = {key for arm in arms for key in arm}
    if len(keys) == 1 and all(arms):
        (key,) = keys
        arms = [{key: either([arm[key] for arm in arms])}]
    return [
        {key: both([*found.get(key, ()), *([arm[key]] if key in arm else [])]) for key in {**found, **arm}}
        for arm in arms
    ]
