"""Applies rules to messages: what is secret and what varies is replaced in their trees."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.drafting.redaction.placeholders import placeholder, scalar_type
from grpcmock.drafting.redaction.rules import sounds_secret
from grpcmock.errors import GrpcmockError
from grpcmock.schema.fields import Shape, table
from grpcmock.stubs.dump import literals

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.drafting.redaction.rules import Rule, Rules
    from grpcmock.schema import Registry
    from grpcmock.schema.fields import Field

_ANY_VALUE = {"$exists": True}
_UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Stands in a tree for a value that a rule was about."""

    answer: Any
    """What stands in an answer instead, ready to be written: a template is one, and any other text means itself."""
    pattern: Any
    """What a request is held to there."""
    key: str
    """Tells answers apart: values of one rule count as equal."""


@dataclass(slots=True)
class RedactedMessage:
    """A message as a tree in which replacements stand where rules were about a value."""

    tree: Any
    descriptor: Descriptor
    has_replacements: bool = False
    paths: list[str] = field(default_factory=list)
    """The fields that were redacted, or vary and have no template: they can't be compared with a real answer."""

    def answer(self) -> Any:
        """Return it as an answer of the stub format."""
        return _answer(self.tree) if self.has_replacements else literals(self.tree)

    def key(self) -> Any:
        """Return what tells it from other answers."""
        return _key(self.tree) if self.has_replacements else self.tree

    def pattern(self) -> Any:
        """Return a pattern that holds for this message, and for no other but where values were replaced."""
        return _pattern(self.tree, self.descriptor) if self.has_replacements else {"$eq": self.tree}


class Redactor:
    """Applies rules to messages."""

    def __init__(self, rules: Rules, registry: Registry) -> None:
        self._rules = rules
        self._registry = registry
        self.suspects: set[str] = set()
        """Fields that sound secret, and were written as they are."""

    @property
    def uses_templates(self) -> bool:
        """Whether there are rules that put templates into answers."""
        return bool(self._rules.varying)

    def redact(self, tree: Any, descriptor: Any, *, templates: bool = True) -> RedactedMessage:
        """Redact the tree of a message, as ``to_tree`` has it. Without *templates*, what varies stays as it came."""
        walk = _Walk(self._rules, self._registry, self.suspects, templates=templates)
        redacted = walk.message(tree, descriptor, descriptor.full_name, "")
        return RedactedMessage(redacted, descriptor, walk.has_replacements, sorted(walk.paths))


class _Walk:
    """One message under way."""

    def __init__(self, rules: Rules, registry: Registry, suspects: set[str], *, templates: bool) -> None:
        self._templates = templates
        self._rules = rules
        self._registry = registry
        self._suspects = suspects
        self.has_replacements = False
        self.paths: set[str] = set()

    def message(self, tree: Any, descriptor: Descriptor, path: str, inside: str) -> Any:
        """Redact a message. *path* begins with the outermost type, *inside* without."""
        fields = table(descriptor)
        if fields.is_any and isinstance(tree, dict):
            return self._any(tree, inside)
        if fields.is_well_known or not isinstance(tree, dict):
            return self._json(tree, path, inside)
        named = ((name, fields.find(name), value) for name, value in tree.items())
        return {name: self._field(found, name, value, descriptor, path, inside) for name, found, value in named}

    def _field(self, found: Field | None, name: str, value: Any, owner: Descriptor, path: str, inside: str) -> Any:
        here, within = f"{path}.{name}", f"{inside}.{name}" if inside else name
        descriptor = found.descriptor if found is not None else None
        if (by := self._rules.of_field(owner.full_name, name, here, descriptor)) is not None:
            return self._replaced(*by, value, found, within)
        if found is None:
            return value
        if found.shape is Shape.MAP and (rule := self._in_keys(value)) is not None:
            return self._replaced("redact", rule, value, found, within)
        if sounds_secret(name) and found.shape is Shape.SCALAR and value:
            self._suspects.add(f"{owner.full_name}.{name}")
        if found.value_class is None:
            return self._scalars(value, found, within)
        inner: Any = found.value_class.DESCRIPTOR
        if found.shape is Shape.MESSAGES:
            return [self.message(item, inner, here, within) for item in value]
        if found.shape is Shape.MAP:
            return self._map(value, inner, here, within)
        return self.message(value, inner, here, within)

    def _map(self, value: dict[str, Any], inner: Any, path: str, inside: str) -> Any:
        before = len(self.paths)
        redacted = {key: self.message(item, inner, path, inside) for key, item in value.items()}
        if len(self.paths) > before:
            # A path leads through a map by its keys only; so all of the map can't be compared.
            self.paths = {found for found in self.paths if not found.startswith(f"{inside}.")} | {inside}
        return redacted

    def _any(self, tree: dict[str, Any], inside: str) -> Any:
        try:
            inner: Any = self._registry.message(str(tree.get("@type", "")).rpartition("/")[2]).DESCRIPTOR
        except GrpcmockError:
            return tree
        rest = {key: value for key, value in tree.items() if key != "@type"}
        if table(inner).is_well_known or table(inner).is_any:
            return {**tree, "value": self.message(tree.get("value"), inner, inner.full_name, inside)}
        return {"@type": tree["@type"], **self.message(rest, inner, inner.full_name, inside)}

    def _json(self, value: Any, path: str, inside: str) -> Any:
        """Redact what is plain JSON: a Struct, and the texts of other well-known types."""
        if isinstance(value, list):
            return [self._json(item, path, inside) for item in value]
        if isinstance(value, dict):
            if (rule := self._in_keys(value)) is not None:
                return self._replaced("redact", rule, value, None, inside)
            redacted = {}
            for key, item in value.items():
                here, within = f"{path}.{key}", f"{inside}.{key}" if inside else key
                by = self._rules.of_field("google.protobuf.Struct", key, here, None)
                redacted[key] = (
                    self._json(item, here, within) if by is None else self._replaced(*by, item, None, within)
                )
            return redacted
        return self._text(value, None, inside)

    def _in_keys(self, value: dict[str, Any]) -> Rule | None:
        """Return the rule by which a key of a map is secret, and so all of it."""
        if not self._rules.has_patterns:
            return None
        found = (self._rules.of_text(str(key)) for key in value)
        return next((by[1] for by in found if by is not None and by[0] == "redact"), None)

    def _scalars(self, value: Any, found: Field, inside: str) -> Any:
        if not self._rules.has_patterns:
            return value
        if found.shape is Shape.SCALARS:
            return [self._text(item, found, inside) for item in value]
        if found.shape is Shape.MAP:
            return {key: self._text(item, found, inside) for key, item in value.items()}
        return self._text(value, found, inside)

    def _text(self, value: Any, found: Field | None, inside: str) -> Any:
        """Redact one scalar for what its text holds."""
        if not self._rules.has_patterns or value is None or isinstance(value, bool):
            return value
        is_bytes = found is not None and scalar_type(found) == FieldDescriptor.TYPE_BYTES
        by = self._rules.of_text(_decoded(value) if is_bytes else str(value))
        if by is None:
            return value
        what, rule, text = by
        if what == "redact" and (found is None or scalar_type(found) == FieldDescriptor.TYPE_STRING):
            self.paths.add(inside)
            return self._noted(Replacement(literals(text), _ANY_VALUE, f"redacted by {rule}: {text}"))
        return self._replaced(what, rule, value, found, inside)

    def _replaced(self, what: str, rule: Rule | None, value: Any, found: Field | None, inside: str) -> Any:
        if what == "redact":
            self.paths.add(inside)
            return self._noted(Replacement(placeholder(value, found), _ANY_VALUE, f"redacted by {rule}"))
        assert rule is not None
        template = (rule.answer or _template(value)) if self._templates else None
        if template is None:
            self.paths.add(inside)
        answer = literals(value) if template is None else template
        return self._noted(Replacement(answer, dict(rule.request or _ANY_VALUE), f"varies by {rule}"))

    def _noted(self, replacement: Replacement) -> Replacement:
        self.has_replacements = True
        return replacement


def _template(value: Any) -> str | None:
    """Find what makes another value of the same sort: for times and UUIDs."""
    if isinstance(value, str):
        if _UUID.fullmatch(value):
            return "{{ uuid() }}"
        if _TIME.fullmatch(value):
            return "{{ now() }}"
    return None


def _decoded(text: Any) -> str:
    """Return the bytes behind base64 as text: what is ASCII in them can be sought."""
    try:
        return base64.b64decode(str(text)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return str(text)


def _answer(tree: Any) -> Any:
    if isinstance(tree, Replacement):
        return tree.answer
    if isinstance(tree, dict):
        return {literals(key): _answer(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_answer(item) for item in tree]
    return literals(tree)


def _key(tree: Any) -> Any:
    if isinstance(tree, Replacement):
        return ["$replacement", tree.key]
    if isinstance(tree, dict):
        return {key: _key(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_key(item) for item in tree]
    return tree


def holds_replacement(tree: Any) -> bool:
    """Whether anything in a tree was replaced."""
    if isinstance(tree, dict):
        return any(map(holds_replacement, tree.values()))
    if isinstance(tree, list):
        return any(map(holds_replacement, tree))
    return isinstance(tree, Replacement)


def _pattern(tree: Any, descriptor: Descriptor | None) -> Any:
    """Return a pattern for a value; *descriptor* is that of a message, None for other values and plain JSON."""
    if isinstance(tree, Replacement):
        return tree.pattern
    if isinstance(tree, list):
        return [_pattern(item, descriptor) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if not holds_replacement(tree):
        return {"$eq": tree}
    if descriptor is None or table(descriptor).is_any or table(descriptor).is_well_known:
        # Of these, what is named is held to, and what else there is is free.
        return {key: _pattern(item, None) for key, item in tree.items()}
    fields = table(descriptor)
    return {"$only": {name: _field_pattern(value, fields.find(name)) for name, value in tree.items()}}


def _field_pattern(value: Any, found: Field | None) -> Any:
    inner: Any = found.value_class.DESCRIPTOR if found is not None and found.value_class is not None else None
    if found is None or found.shape is not Shape.MAP or not isinstance(value, dict):
        return _pattern(value, inner)
    if not holds_replacement(value):
        return {"$eq": value}
    return {"$and": [{"$size": len(value)}, {key: _pattern(item, inner) for key, item in value.items()}]}
