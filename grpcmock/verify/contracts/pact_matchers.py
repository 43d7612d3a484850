"""Patterns and answers as the matching rules of a Pact."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.stubs.template import is_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.stubs.model import Stub

Rule = dict[str, Any]

_TYPE: Rule = {"match": "type"}
_ORDERED = ("$gt", "$gte", "$lt", "$lte", "$approx")


class Matchers:
    """Writes patterns on one type of message as rules, with the example of what fits them."""

    def __init__(self, message: Descriptor, warn: Callable[[str], None]) -> None:
        """*warn* is told of each operator without a counterpart: the example has to be equal there."""
        self._message = message
        self._warn = warn

    def rules(self, pattern: Any, example: Any) -> dict[str, Any]:
        """Give the rules of a pattern by their paths; what has to be equal needs none."""
        found: dict[str, list[Rule]] = {}
        for path, rule in self._walk(pattern, example, self._message, "$"):
            found.setdefault(path, []).append(rule)
        return {path: {"combine": "AND", "matchers": listed} for path, listed in found.items()}

    def metadata_rules(self, pattern: Any) -> dict[str, Any]:
        """Give the rules of a pattern on metadata, by its keys."""
        made = {}
        for key, inner in pattern.items() if isinstance(pattern, dict) else ():
            listed = [rule for _, rule in self._walk(inner, None, None, str(key))]
            if listed:
                made[str(key).lower()] = {"combine": "AND", "matchers": listed}
        return made

    def _walk(
        self, pattern: Any, example: Any, message: Descriptor | None, path: str, field: FieldDescriptor | None = None
    ) -> Iterator[tuple[str, Rule]]:
        if isinstance(pattern, dict) and pattern and all(str(key).startswith("$") for key in pattern):
            for operator, value in pattern.items():
                yield from self._operator(operator, value, example, message, path, field)
        elif isinstance(pattern, dict):
            for key, inner in pattern.items():
                below = _field(message, str(key))
                name = below.name if below is not None else str(key)
                kind = below.message_type if below is not None else None
                part = example.get(name) if isinstance(example, dict) else None
                yield from self._walk(inner, part, kind, path + _step(name), below)
        elif isinstance(pattern, list):
            for number, inner in enumerate(pattern):
                part = example[number] if isinstance(example, list) and number < len(example) else None
                yield from self._walk(inner, part, message, f"{path}[{number}]", field)

    def _operator(
        self,
        operator: str,
        value: Any,
        example: Any,
        message: Descriptor | None,
        path: str,
        field: FieldDescriptor | None,
    ) -> Iterator[tuple[str, Rule]]:
        if operator in ("$and", "$only"):
            for inner in value if operator == "$and" else [value]:
                yield from self._walk(inner, example, message, path, field)
        elif operator == "$all" and isinstance(example, list):
            yield path, {"match": "arrayContains", "variants": list(self._variants(value, example, message, field))}
        elif operator == "$each":
            yield path, {"match": "type", "min": 0}
        elif operator != "$eq":
            rule = _scalar_rule(operator, value)
            if rule is None:
                self._warn(f"{operator} at {path} has no counterpart among the rules of a Pact")
            else:
                yield path, rule

    def _variants(
        self, patterns: list[Any], example: list[Any], message: Descriptor | None, field: FieldDescriptor | None
    ) -> Iterator[dict[str, Any]]:
        """Yield a variant for each pattern: the item of the example that fits it, and the rules for others."""
        for number, pattern in enumerate(patterns):
            index = next((place for place, item in enumerate(example) if _may_fit(pattern, item)), number)
            if index < len(example):
                own: dict[str, Any] = {}
                for path, rule in self._walk(pattern, example[index], message, "$", field):
                    own.setdefault(path, {"combine": "AND", "matchers": []})["matchers"].append(rule)
                yield {"index": index, "rules": own, "generators": {}}


def _may_fit(pattern: Any, item: Any) -> bool:
    if isinstance(pattern, dict):
        if any(str(key).startswith("$") for key in pattern):
            return all(_holds(str(key), value, item) for key, value in pattern.items())
        return isinstance(item, dict) and all(_may_fit(value, item.get(key)) for key, value in pattern.items())
    return bool(pattern == item)


def _holds(operator: str, value: Any, item: Any) -> bool:
    rule = _scalar_rule(operator, value)
    if rule is None or "regex" not in rule:
        return True
    return isinstance(item, str) and re.search(rule["regex"], item) is not None


def _scalar_rule(operator: str, value: Any) -> Rule | None:
    """Give the rule that says what an operator on a scalar does; None if there is none."""
    if operator in _ORDERED:
        return {"match": "number"}
    match operator:
        case "$regex":
            return {"match": "regex", "regex": str(value)}
        case "$prefix":
            return {"match": "regex", "regex": f"^{re.escape(str(value))}"}
        case "$suffix":
            return {"match": "regex", "regex": f"{re.escape(str(value))}$"}
        case "$contains":
            return {"match": "include", "value": str(value)}
        case "$ignoreCase":
            return {"match": "regex", "regex": f"(?i)^{re.escape(str(value))}$"}
        case "$in" if all(isinstance(one, str) for one in value):
            return {"match": "regex", "regex": f"^({'|'.join(map(re.escape, value))})$"}
        case "$in":
            return dict(_TYPE)
        case "$exists":
            return dict(_TYPE) if value is True else {"match": "null"}
    return None


def answer_rules(stub: Stub, label: str, number: int, output: Descriptor, example: Any) -> dict[str, Any]:
    """Give the rules of a response message: what a template makes, and what `verify` ignores, has its type alone."""
    index = int(found[1]) if (found := re.match(r"answers\[(\d+)\]", label)) else 0
    answer = stub.answers[index] if index < len(stub.answers) else stub.answers[0]
    responses = answer.responses or ()
    written = responses[number].plain() if number < len(responses) else {}
    paths = {path: dict(_TYPE) for path in _open(written, output, "$")}
    for ignored in stub.verify.ignore:
        name = ignored.split(".")[0]
        if isinstance(example, dict) and _name(output, name) in example:
            paths["$" + "".join(_step(part) for part in ignored.split("."))] = dict(_TYPE)
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
