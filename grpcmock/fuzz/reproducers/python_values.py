"""Messages as values that Python programs write: by field, bytes as bytes, and what repeats said once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.errors import Problems
from grpcmock.schema.codec import DecodeError, build, decode, to_tree
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.schema import Registry

WIDTH = 110
"""Characters of a line."""

_RUNS = re.compile(r"(.{1,8}?)\1{15,}", re.DOTALL)
_RUNS_OF_BYTES = re.compile(rb"(.{1,8}?)\1{15,}", re.DOTALL)
_ALIKE = 4
"""So many equal items of a list are written as one, times their number."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Python that stands in the place of a value."""

    text: str


def value_of(data: bytes, message_class: type[Message], registry: Registry) -> Any:
    """Return what says a message by its fields; the bytes themselves where nothing else says all that they do."""
    try:
        message = decode(message_class, data)
        value = _fields(message)
        again = message_of(value, message_class, registry)
    except (DecodeError, ValueError, RecursionError):
        return data
    return value if again.SerializePartialToString(deterministic=True) == data else data


def message_of(value: Any, message_class: type[Message], registry: Registry) -> Message:
    """Return the message that is said by a mapping of its fields, by ProtoJSON, or by a message. Raises ``ValueError``
    for what is none, with all that is wrong."""
    problems = Problems()
    message = build(Node.of(_tree(value)), message_class, registry, problems, partial=True)
    if problems.errors:
        raise ValueError("; ".join(str(problem) for problem in problems.errors))
    return message


def _tree(value: Any) -> Any:
    """Return a tree of ProtoJSON, in which keys are text and every number can be said."""
    if isinstance(value, Mapping):
        return {_key(key): _tree(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tree(inner) for inner in value]
    if isinstance(value, Message):
        return to_tree(value)
    if hasattr(value, "MergeFrom"):  # a repeated field, or a map
        return _tree(dict(value) if isinstance(value, Mapping) else list(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _fields(message: Any) -> Any:
    if message.DESCRIPTOR.full_name.startswith("google.protobuf.") or any(
        field.is_extension for field, _ in message.ListFields()
    ):
        return to_tree(message)
    return {field.name: _field(field, value) for field, value in message.ListFields()}


def _field(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        inner = field.message_type.fields_by_name["value"]
        return {key: _single(inner, item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    return [_single(field, item) for item in value] if field.is_repeated else _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _fields(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    if isinstance(value, float) and not math.isfinite(value):
        return _tree(value)
    return value


def put(value: Any, path: Path, expression: Expression) -> Any:
    """Return a value with an expression at a path; what leads there is made where it isn't. Raises ``ValueError`` where
    there is no such place."""
    if not path:
        return expression
    step, rest = path[0], path[1:]
    if isinstance(step, str) and isinstance(value, dict):
        return {**value, step: put(value.get(step, [] if rest and isinstance(rest[0], int) else {}), rest, expression)}
    if isinstance(step, int) and isinstance(value, list) and step <= len(value):
        inner = value[step] if step < len(value) else {}
        return [*value[:step], put(inner, rest, expression), *value[step + 1 :]]
    if isinstance(step, int) and isinstance(value, dict):
        return {**value, step: put(value.get(step, {}), rest, expression)}
    raise ValueError(f"no place {step!r} in {value!r}")


def read(variable: str, path: Path) -> Expression:
    """Return what reads a value out of an answer: ``created.item.name``, ``created.labels['a']``."""
    parts = [f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]" for step in path]
    return Expression(variable + "".join(parts))


def written(value: Any, indent: int = 0, used: int = 0) -> str:
    """Return a value as Python: on one line if it fits there, or one part on each. *used* characters stand on the
    line already, beyond the *indent* of those that follow."""
    line = _line(value)
    if indent + used + len(line) <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return line
    inner = indent + 4
    begin, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    rows = [f"{' ' * inner}{row},\n" for row in _rows(value, inner)]
    return f"{begin}\n{''.join(rows)}{' ' * indent}{end}"


def _rows(value: dict[Any, Any] | list[Any], indent: int) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            label = f"{_line(key)}: "
            yield label + written(inner, indent, len(label) + 1)
        return
    for item, count in grouped(value):
        if count >= _ALIKE:
            yield f"*[{written(item, indent, 12)}] * {count}"
        else:
            yield from [written(item, indent, 1)] * count


def _line(value: Any) -> str:
    match value:
        case Expression():
            return value.text
        case str():
            return _runs(value, _RUNS)
        case bytes():
            return _runs(value, _RUNS_OF_BYTES)
        case dict():
            return "{" + ", ".join(f"{_line(key)}: {_line(inner)}" for key, inner in value.items()) + "}"
        case list():
            groups = list(grouped(value))
            if len(groups) == 1 and groups[0][1] >= _ALIKE:
                return f"[{_line(groups[0][0])}] * {groups[0][1]}"
            parts = [f"*[{_line(item)}] * {n}" if n >= _ALIKE else ", ".join([_line(item)] * n) for item, n in groups]
            return f"[{', '.join(parts)}]"
        case _:
            return repr(value)


def grouped(values: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """Yield the items of a list, each with how often it stands there in a row."""
    for _, group in groupby(values, key=repr):
        first, *rest = group
        yield first, 1 + len(rest)


def _runs(text: Any, pattern: re.Pattern[Any]) -> str:
    """Return a literal in which what repeats is said once: ``'a' * 5000``."""
    parts, end = [], 0
    for found in pattern.finditer(text):
        if found.end() - found.start() < 40:
            continue
        if found.start() > end:
            parts.append(quoted(text[end : found.start()]))
        parts.append(f"{quoted(found[1])} * {len(found[0]) // len(found[1])}")
        end = found.end()
    if end < len(text) or not parts:
        parts.append(quoted(text[end:]))
    return " + ".join(parts)


def quoted(text: Any) -> str:
    """Return a literal in double quotes, as formatters want it, unless that needs more escapes."""
    literal = repr(text)
    start = literal.index("'") if "'" in literal[:2] else -1
    if start < 0 or '"' in literal:
        return literal
    return f'{literal[:start]}"{literal[start + 1 : -1].replace(chr(92) + chr(39), chr(39))}"'
