"""Fields of responses that tell an error, as far as their types say so: codes and statuses of ``google.rpc``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.expectations.method_selection import fits

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Method

_DEEPEST = 3


def by_type(methods: tuple[Method, ...]) -> dict[str, str]:
    """Give the path of the first such field of each method that has one, by full name."""
    return {method.full_name: path for method in methods if (path := next(_paths(method.output, 1), ""))}


def _paths(descriptor: Descriptor, depth: int) -> Iterator[str]:
    for field in descriptor.fields:
        if field.enum_type is not None and field.enum_type.full_name == "google.rpc.Code":
            yield field.name
        inner = field.message_type
        if inner is None or field.is_repeated:
            continue
        if inner.full_name == "google.rpc.Status":
            yield f"{field.name}.code"
        elif depth < _DEEPEST and not inner.full_name.startswith("google.protobuf."):
            yield from (f"{field.name}.{path}" for path in _paths(inner, depth + 1))


def resolve(given: Mapping[str, str], methods: tuple[Method, ...]) -> dict[str, str]:
    """Give the path for each method, from patterns of method names to paths; *given* goes before what types say.

    Raises :class:`ConfigError` if a path is in no response that its pattern speaks of.
    """
    found = by_type(methods)
    for pattern, path in given.items():
        speaking = [method for method in methods if fits(method, pattern)]
        having = [method for method in speaking if _has(method.output, path)]
        if not having:
            names = sorted({field.name for method in speaking for field in method.output.fields})
            where = f"the responses of {pattern}" if speaking else f"any method: none fits {pattern!r}"
            hint = did_you_mean(path.partition(".")[0], names)
            raise ConfigError(f"--status-field {path!r} is no number or enum in {where}. {hint}".rstrip())
        found.update({method.full_name: path for method in having})
    return found


def _has(descriptor: Descriptor, path: str) -> bool:
    name, _, further = path.partition(".")
    field = descriptor.fields_by_name.get(name)
    if field is None:
        return False
    if further:
        return field.message_type is not None and _has(field.message_type, further)
    return field.message_type is None and field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_BOOL)
