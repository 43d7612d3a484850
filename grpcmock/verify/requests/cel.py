"""Requests that may satisfy a CEL expression: its own literals, put into the fields that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.codec import find_field

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_READ = re.compile(r"\brequest((?:\.[A-Za-z_]\w*)+)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_TEXT = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""")
_MAX_VARIANTS = 2_000
_FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def variants(plain: Any, expression: str, descriptor: Descriptor) -> Iterator[Any]:
    """Yield requests like *plain*, with the fields that the expression reads set to what it compares them with."""
    if not isinstance(plain, dict):
        return
    bare = _TEXT.sub('""', expression)
    numbers = [float(found) if "." in found else int(found) for found in _NUMBER.findall(bare)]
    texts = [one or other for one, other in _TEXT.findall(expression)]
    choices: dict[tuple[str, ...], list[Any]] = {}
    for found in _READ.findall(bare):
        path = _scalar_path(found.removeprefix(".").split("."), descriptor)
        if path is not None:
            names, field = path
            choices[names] = _values(field, numbers, texts)
    for values in islice(product(*choices.values()), _MAX_VARIANTS):
        made = plain
        for names, value in zip(choices, values, strict=True):
            made = _with(made, names, value)
        yield made


def _scalar_path(names: list[str], descriptor: Descriptor) -> tuple[tuple[str, ...], FieldDescriptor] | None:
    """Follow field names to a single scalar; what comes after it is a function of CEL."""
    walked: list[str] = []
    for name in names:
        field = find_field(descriptor, name)
        if field is None or field.is_repeated:
            return None
        walked.append(field.name)
        if field.message_type is None:
            return tuple(walked), field
        descriptor = field.message_type
    return None


def _values(field: FieldDescriptor, numbers: list[int | float], texts: list[str]) -> list[Any]:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return [True, False]
    if field.type == FieldDescriptor.TYPE_STRING:
        sizes = ["a" * min(int(number) + more, 10_000) for number in numbers for more in (0, 1) if 0 <= number < 10_000]
        return list(dict.fromkeys([*texts, *(f"a{text}a" for text in texts), *sizes, "value"]))
    if field.type in _FLOATS:
        return list(dict.fromkeys([near for number in numbers for near in (number, number + 1, number - 1)] or [1.0]))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return [""]
    whole = [near for number in numbers for near in (int(number), int(number) + 1, int(number) - 1)]
    return list(dict.fromkeys([*whole, 1, 0]))


def _with(plain: dict[str, Any], names: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = names
    if not rest:
        return {**plain, first: value}
    below = plain.get(first)
    return {**plain, first: _with(below if isinstance(below, dict) else {}, tuple(rest), value)}
