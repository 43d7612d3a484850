"""Messages as other tools have them in bodies of HTTP: JSON in texts, with placeholders, and templates anywhere."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.importers import fields

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_BARE = re.compile(r"([:\[,]\s*)(\{\{(?:(?!\}\}).)*\}\})(?=\s*[,}\]])", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"\$\{json-unit\.(any-string|any-number|any-boolean|ignore|ignore-element|regex)\}(.*)", re.DOTALL
)
_ANY_OF_TYPE: dict[str, Any] = {
    "any-string": {"$exists": True},
    "any-number": {"$exists": True},
    "any-boolean": {"$in": [True, False]},
    "ignore": {"$exists": True},
}


class NoJsonError(ValueError):
    """A body that is no JSON; the text says so."""


def tree(body: Any) -> Any:
    """Give a body as plain values: JSON in a text, whose templates need no quotes, or values as they are.

    Raises :class:`NoJsonError`.
    """
    if not isinstance(body, str):
        return {} if body is None else body
    if not body.strip():
        return {}
    for text in (body, _BARE.sub(lambda found: found[1] + json.dumps(found[2]), body)):
        try:
            return json.loads(text, strict=False)
        except ValueError:
            continue
    raise NoJsonError(f"the body {body[:60]!r} is no JSON")


def equal(value: Any, *, extra: bool = False, unordered: bool = False) -> Any:
    """Give a pattern for a JSON value that must be equal, but for what *extra* and *unordered* let pass."""
    if not extra and not unordered and not _has_placeholders(value):
        return {"$eq": value} if isinstance(value, dict) else value
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if not _is_ignored(one)}
        inner = {key: equal(one, extra=extra, unordered=unordered) for key, one in kept.items()}
        return inner if extra or len(kept) < len(value) else {"$only": inner}
    if isinstance(value, list):
        items = [equal(one, extra=extra, unordered=unordered) for one in value]
        if extra:
            return {"$all": items}
        return {"$unordered": items} if unordered else items
    placeholder = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if placeholder is None:
        return value
    return {"$regex": f"^(?:{placeholder[2]})$"} if placeholder[1] == "regex" else _ANY_OF_TYPE[placeholder[1]]


def _is_ignored(value: Any) -> bool:
    return isinstance(value, str) and value == "${json-unit.ignore-element}"


def _has_placeholders(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_placeholders, value.values()))
    if isinstance(value, list):
        return any(map(_has_placeholders, value))
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value) is not None


def typed(text: Any, field: FieldDescriptor | None) -> Any:
    """Give a value that was written as text as one of a field's type, where that is a number or a bool."""
    if not isinstance(text, str) or field is None:
        return text
    if field.type == FieldDescriptor.TYPE_BOOL and text in ("true", "false"):
        return text == "true"
    if fields.is_number(field):
        try:
            return float(text) if field.type in fields.FLOATS else int(text)
        except ValueError:
            return text
    return text


def typed_pattern(pattern: Any, message: Descriptor | None) -> Any:
    """Give a pattern on a message with the texts in it as values of the fields' types."""
    return _typed(pattern, message, None)


def _typed(pattern: Any, message: Descriptor | None, field: FieldDescriptor | None) -> Any:
    if isinstance(pattern, dict):
        made = {}
        for key, value in pattern.items():
            if str(key).startswith("$"):
                made[key] = value if key in ("$size", "$exists", "$regex") else _typed(value, message, field)
            else:
                below = fields.find(message, key)
                made[key] = _typed(value, below.message_type if below is not None else None, below)
        return made
    if isinstance(pattern, list):
        return [_typed(one, message, field) for one in pattern]
    return typed(pattern, field)
