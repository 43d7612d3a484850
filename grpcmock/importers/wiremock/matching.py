"""What a mapping of WireMock asks of a request: its headers, and its body, which is the message in ProtoJSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from grpcmock.importers import bodies, jsonpath
from grpcmock.importers.jsonpath import EXISTS, Unsayable
from grpcmock.importers.patterns import both, either, negated

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor

_FLAGS = ("ignoreArrayOrder", "ignoreExtraElements", "caseInsensitive", "schemaVersion")


def text_pattern(written: Any) -> Any:
    """Write a matcher on a text, as headers and values of JSONPath have it. Raises :class:`Unsayable`."""
    if not isinstance(written, dict):
        return written
    found = [_text(key, value, written) for key, value in written.items() if key not in _FLAGS]
    return both([pattern for pattern in found if pattern is not None])


def _text(key: str, value: Any, written: dict[str, Any]) -> Any:
    match key:
        case "equalTo":
            return {"$ignoreCase": value} if written.get("caseInsensitive") else value
        case "contains":
            return {"$contains": value}
        case "matches":
            return {"$regex": whole(value)}
        case "doesNotContain" | "doesNotMatch":
            return {"$not": {"$contains": value} if key == "doesNotContain" else {"$regex": whole(value)}}
        case "absent":
            return None if value is False else {"$exists": False}
        case "and":
            return both([text_pattern(one) for one in value])
        case "or":
            return either([text_pattern(one) for one in value])
        case "not":
            return negated(text_pattern(value))
        case "equalToJson":
            return bodies.equal(
                bodies.tree(value),
                extra=bool(written.get("ignoreExtraElements")),
                unordered=bool(written.get("ignoreArrayOrder")),
            )
        case "hasExactly" | "includes":
            inner = [text_pattern(one) for one in value]
            if len(inner) == 1:
                return inner[0]
    raise Unsayable(f"the matcher `{key}`")


def whole(regex: str) -> str:
    """Write a regular expression that has to fit a whole text as one that is searched for."""
    inner = regex.removeprefix("^").removesuffix("$") if not regex.endswith("\\$") else regex.removeprefix("^")
    return f"^{inner}$" if not re.search(r"(?<!\\)\|", inner) else f"^(?:{inner})$"


def headers(written: Any, warn: Callable[[str], None]) -> dict[str, Any]:
    """Write matchers on headers as a pattern on metadata; what isn't gRPC's, such as Content-Type, is left out."""
    found: dict[str, Any] = {}
    for name, matcher in written.items() if isinstance(written, dict) else ():
        if name.lower() in ("content-type", "te", "accept", "user-agent", "host") or name.startswith(":"):
            continue
        try:
            pattern = text_pattern(matcher)
        except Unsayable as reason:
            warn(f"the header {name!r} isn't looked at: {reason} can't be said.")
            continue
        if pattern is not None:
            found[name.lower()] = None if pattern == {"$exists": False} else pattern
    return found


def body(patterns: Any, message: Descriptor | None, warn: Callable[[str], None]) -> Any:
    """Write patterns on the body as one on the message; None where they demand nothing."""
    found = []
    for written in patterns if isinstance(patterns, list) else ():
        for key, value in written.items() if isinstance(written, dict) else ():
            if key in _FLAGS:
                continue
            try:
                found.append(_body(key, value, written, message, warn))
            except (Unsayable, bodies.NoJsonError) as reason:
                warn(f"`{key}` isn't looked at: {reason}.")
    made = both(found)
    return None if made is None else bodies.typed_pattern(made, message)


def _body(
    key: str, value: Any, written: dict[str, Any], message: Descriptor | None, warn: Callable[[str], None]
) -> Any:
    match key:
        case "equalToJson" | "equalTo":
            return bodies.equal(
                bodies.tree(value),
                extra=bool(written.get("ignoreExtraElements")),
                unordered=bool(written.get("ignoreArrayOrder")),
            )
        case "matchesJsonPath":
            return of_path(value)
        case "matchesJsonSchema":
            return schema(json.loads(value) if isinstance(value, str) else value, warn)
        case "and":
            return both([body([one], message, warn) for one in value])
        case "or":
            arms = [body([one], message, warn) for one in value]
            return None if None in arms else either(arms)
        case "not":
            inner = body([value], message, warn)
            return None if inner is None else negated(inner)
    raise Unsayable("what is asked of the text of the JSON can't be asked of a message")


def of_path(written: Any) -> Any:
    """Write a JSONPath, with what must hold where it leads. Raises :class:`Unsayable`."""
    if isinstance(written, str):
        expression, leaf = written, EXISTS
    else:
        expression = str(written.get("expression"))
        leaf = text_pattern({key: value for key, value in written.items() if key != "expression"})
        leaf = EXISTS if leaf is None else leaf
    steps = jsonpath.parse(expression)
    if steps and steps[0].filter is not None:  # $[?(@.a == 1)] looks at the message itself
        rest = jsonpath.nested(steps[1:], leaf) if steps[1:] else None
        return both([steps[0].filter, rest])
    return jsonpath.nested(steps, leaf)


_CHECKS = {
    "minimum": "$gte",
    "maximum": "$lte",
    "exclusiveMinimum": "$gt",
    "exclusiveMaximum": "$lt",
    "pattern": "$regex",
    "enum": "$in",
}
_SIZES = {"minLength": "$gte", "maxLength": "$lte", "minItems": "$gte", "maxItems": "$lte"}
_SILENT = ("type", "title", "description", "$schema", "$id", "examples", "default", "format", "required", "properties")


def schema(written: dict[str, Any], warn: Callable[[str], None], path: str = "$") -> Any:
    """Write a JSON Schema as a pattern, as far as it goes: its types are those of the proto."""
    found: dict[str, Any] = {}
    sizes = {op: written[key] for key, op in _SIZES.items() if key in written}
    for name, inner in (written.get("properties") or {}).items():
        pattern = schema(inner, warn, f"{path}.{name}")
        required = name in (written.get("required") or ())
        if pattern is not None:
            found[name] = pattern if required else {"$or": [{"$exists": False}, pattern]}
        elif required:
            found[name] = EXISTS
    found |= {name: EXISTS for name in written.get("required") or () if name not in found}
    operators = {op: written[key] for key, op in _CHECKS.items() if key in written}
    if "const" in written:
        operators["$eq"] = written["const"]
    if sizes:
        operators["$size"] = sizes
    if isinstance(written.get("items"), dict) and (each := schema(written["items"], warn, f"{path}[*]")) is not None:
        operators["$each"] = each
    for key in written.keys() - _CHECKS.keys() - _SIZES.keys() - {*_SILENT, "const", "items"}:
        warn(f"`{key}` of the JSON Schema at {path} isn't looked at.")
    if found and operators:
        return {"$and": [found, operators]}
    return found or operators or None
