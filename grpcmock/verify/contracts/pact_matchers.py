"""Patterns and answers as the matching rules of a Pact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.regex import compile_regex, escape
from grpcmock.stubs.template import is_template
from grpcmock.verify.contracts.pact_regexes import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor

    from grpcmock.stubs.model import Stub

Rule = dict[str, Any]

_TYPE: Rule = {"match": "type"}
_EQUAL: Rule = {"match": "equality"}
_ORDERED = ("$gt", "$gte", "$lt", "$lte", "$approx")
_FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_NO_NUMBERS = (
    FieldDescriptor.TYPE_BOOL,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_ENUM,
    FieldDescriptor.TYPE_STRING,
)
_WITH_TEXT = (FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_STRING)


class Matchers:
    """Writes patterns on one type of message as rules, with the example of what fits them."""

    def __init__(self, message: Descriptor, warn: Callable[[str], None]) -> None:
        """*warn* is told of each operator without a counterpart: the example has to be equal there."""
        self._message = message
        self._warn = warn

    def rules(self, pattern: Any, example: Any) -> dict[str, Any]:
        """Give the rules of a pattern by their paths; what has to be equal needs none."""
        return _listed(self._walk(pattern, example, self._message, "$"))

    def metadata_rules(self, pattern: Any) -> dict[str, Any]:
        """Give the rules of a pattern on metadata, by its keys."""
        made: dict[str, Any] = {}
        for key, inner in pattern.items() if isinstance(pattern, dict) else ():
            made |= _listed(self._walk(inner, None, None, str(key).lower()))
        return made

    def _walk(
        self,
        pattern: Any,
        example: Any,
        message: Descriptor | None,
        path: str,
        field: FieldDescriptor | None = None,
        *,
        by_type: bool = False,
    ) -> Iterator[tuple[str, Rule]]:
        """Yield rules by their paths.

        *by_type* says that a rule further up looks at types alone, so that a value that has to be equal needs its own.
        """
        more: dict[str, Any] = {"message": message, "field": field, "by_type": by_type}
        if isinstance(pattern, dict) and pattern and all(str(key).startswith("$") for key in pattern):
            yield from self._operators(pattern, example, path, more)
        elif isinstance(pattern, dict):
            for key, inner in pattern.items():
                below = _field(message, str(key))
                name = below.name if below is not None else str(key)
                part = example.get(name) if isinstance(example, dict) else None
                kind = below.message_type if below is not None else None
                yield from self._walk(inner, part, kind, path + _step(name), below, by_type=by_type)
        elif isinstance(pattern, list):
            if by_type:
                yield path, {**_TYPE, "min": len(pattern), "max": len(pattern)}
            for number, inner in enumerate(pattern):
                part = example[number] if isinstance(example, list) and number < len(example) else None
                yield from self._walk(inner, part, path=f"{path}[{number}]", **more)
        elif by_type and pattern is not None:
            yield path, dict(_EQUAL)

    def _operators(
        self, pattern: Mapping[str, Any], example: Any, path: str, more: dict[str, Any]
    ) -> Iterator[tuple[str, Rule]]:
        rest = dict(pattern)
        several = isinstance(example, list) or (isinstance(example, dict) and _is_map(more["field"]))
        sizes = _sizes(rest.get("$size")) if several else None
        if sizes:
            del rest["$size"]
            yield path, {**_TYPE, **sizes}
        for operator, value in rest.items():
            if operator in ("$and", "$only"):
                for inner in value if operator == "$and" else [value]:
                    yield from self._walk(inner, example, path=path, **more)
            elif operator == "$all" and isinstance(example, list):
                yield path, {"match": "arrayContains", "variants": list(self._variants(value, example, more))}
            elif operator == "$each" and isinstance(example, list):
                if not sizes:
                    yield path, dict(_TYPE)
                part = example[0] if example else None
                yield from self._walk(value, part, path=f"{path}[*]", **{**more, "by_type": True})
            elif operator in ("$keys", "$values") and (inner := self._entries(operator, value, more["field"])):
                yield path, inner
            elif operator == "$eq":
                yield from self._walk(value, example, path=path, **more)
            elif (rule := _scalar_rule(operator, value, more["field"], several=several)) is None:
                self._warn(f"{operator} at {path} has no counterpart among the rules of a Pact")
            elif rule:
                yield path, rule

    def _entries(self, operator: str, value: Any, field: FieldDescriptor | None) -> Rule | None:
        """Give the rule on all keys or all values of a map, if a rule for scalars says what they have to be."""
        if not _is_map(field) or not isinstance(value, dict):
            return None
        assert field is not None and field.message_type is not None
        of = field.message_type.fields_by_name["key" if operator == "$keys" else "value"]
        inner = [_scalar_rule(str(name), one, of) for name, one in value.items()]
        return {"match": "eachKey" if operator == "$keys" else "eachValue", "rules": inner} if all(inner) else None

    def _variants(
        self, patterns: Sequence[Any], example: list[Any], more: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield a variant for each pattern: the item of the example that fits it, and the rules for others."""
        for number, pattern in enumerate(patterns):
            index = next((place for place, item in enumerate(example) if _may_fit(pattern, item)), number)
            if index < len(example):
                # A pattern for a message says nothing of fields that it doesn't name.
                open_ = isinstance(example[index], dict)
                inner = self._walk(pattern, example[index], path="$", **{**more, "by_type": open_})
                own = _listed([*([("$", dict(_TYPE))] if open_ else []), *inner])
                yield {"index": index, "rules": own, "generators": {}}


def _listed(rules: Any) -> dict[str, Any]:
    found: dict[str, list[Rule]] = {}
    for path, rule in rules:
        found.setdefault(path, []).append(rule)
    return {path: {"combine": "AND", "matchers": listed} for path, listed in found.items()}


def _may_fit(pattern: Any, item: Any) -> bool:
    if isinstance(pattern, dict):
        if any(str(key).startswith("$") for key in pattern):
            return all(_holds(str(key), value, item) for key, value in pattern.items())
        return isinstance(item, dict) and all(_may_fit(value, item.get(key)) for key, value in pattern.items())
    return bool(pattern == item)


def _holds(operator: str, value: Any, item: Any) -> bool:
    rule = _scalar_rule(operator, value, None)
    if not rule or "regex" not in rule:
        return True
    return isinstance(item, str) and bool(compile_regex(rule["regex"]).fullmatch(item))


def _scalar_rule(operator: str, value: Any, field: FieldDescriptor | None, *, several: bool = False) -> Rule | None:
    """Give the rule that says what an operator does; an empty one if the example says it all, None if there is none.

    *field* is what it is for; None for a text. *several* says that it is for a list or a map as a whole.
    """
    kind = field.type if field is not None else FieldDescriptor.TYPE_STRING
    if operator == "$exists":
        return _presence_rule(value, field, several=several)
    if several:
        return None
    if operator in _ORDERED:
        return None if kind in _NO_NUMBERS else {"match": "number"}
    if operator == "$in":
        return _choice_rule(value, kind)
    return _text_rule(operator, value) if kind in _WITH_TEXT else None


def _presence_rule(value: Any, field: FieldDescriptor | None, *, several: bool) -> Rule | None:
    if value is not True:
        return {}
    if several:
        return {"match": "notEmpty"}
    if field is None or field.has_presence:
        return dict(_TYPE)
    return {"match": "notEmpty"} if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES) else None


def _choice_rule(values: Any, kind: int) -> Rule | None:
    if not isinstance(values, list) or kind in (*_FLOATS, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE):
        return None
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return {"match": "regex", "regex": f"^({'|'.join(map(escape, texts))})$"}


def _text_rule(operator: str, value: Any) -> Rule | None:
    text = escape(str(value))
    match operator:
        case "$regex":
            regex = whole(str(value))
        case "$prefix":
            regex = whole(f"^{text}")
        case "$suffix":
            regex = whole(f"{text}$")
        case "$contains":
            return {"match": "include", "value": str(value)}
        case "$ignoreCase":
            regex = f"(?i)^{text}$"
        case _:
            return None
    return None if regex is None else {"match": "regex", "regex": regex}


def _sizes(value: Any) -> Rule | None:
    """Give the bounds of how many there are; None if they are no plain bounds."""
    if isinstance(value, int):
        return {"min": value, "max": value}
    if not isinstance(value, dict) or not value.keys() <= {"$gt", "$gte", "$lt", "$lte"}:
        return None
    found = {}
    for operator, bound in value.items():
        key = "min" if operator.startswith("$g") else "max"
        found[key] = bound + {"$gt": 1, "$lt": -1}.get(operator, 0)
    return found


def answer_rules(stub: Stub, label: str, number: int, output: Descriptor, example: Any) -> dict[str, Any]:
    """Give the rules of a response message: what a template makes, and what `verify` ignores, has its type alone."""
    index = int(found[1]) if (found := re.match(r"answers\[(\d+)\]", label)) else 0
    answer = stub.answers[index] if index < len(stub.answers) else stub.answers[0]
    responses = answer.responses or ()
    written = responses[number].plain() if number < len(responses) else {}
    paths = {path: dict(_TYPE) for path in _open(written, output, "$")}
    for ignored in stub.verify.ignore:
        if isinstance(example, dict) and _name(output, ignored.split(".")[0]) in example:
            paths[_path(output, ignored)] = dict(_TYPE)
    made = {path: {"combine": "AND", "matchers": [rule]} for path, rule in paths.items()}
    if stub.verify.response is not None:
        made |= Matchers(output, lambda _: None).rules(stub.verify.response.plain(), example)
    return made


def _open(value: Any, message: Descriptor | None, path: str) -> Iterator[str]:
    """Yield the paths of values that templates make."""
    if isinstance(value, dict):
        for key, inner in value.items():
            below = _field(message, str(key))
            name = below.name if below is not None else str(key)
            yield from _open(inner, below.message_type if below is not None else None, path + _step(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _open(inner, message, f"{path}[{number}]")
    elif isinstance(value, str) and is_template(value):
        yield path


def _path(message: Descriptor | None, dotted: str) -> str:
    """Write a path of this project, in which lists have no step of their own, as one of a Pact."""
    path, *names = "$", *dotted.split(".")
    for place, name in enumerate(names):
        field = _field(message, name)
        path += _step(field.name if field is not None else name)
        message = field.message_type if field is not None else None
        if field is not None and field.is_repeated and not _is_map(field) and place < len(names) - 1:
            path += "[*]"
    return path


def _is_map(field: FieldDescriptor | None) -> bool:
    return field is not None and field.message_type is not None and field.message_type.GetOptions().map_entry


def _field(message: Descriptor | None, name: str) -> FieldDescriptor | None:
    if message is None:
        return None
    found: FieldDescriptor | None = message.fields_by_name.get(name)
    return found or next((field for field in message.fields if field.json_name == name), None)


def _name(message: Descriptor, name: str) -> str:
    found = _field(message, name)
    return found.name if found is not None else name


def _step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"['{name}']"
