"""Where a file of protos says something: the line of a symbol, as far as descriptors carry source information."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

    from grpcmock.schema.registry import Registry


def location_of(registry: Registry, name: str) -> Location | None:
    """Return the place of a service, method, message or field by its full name, ``package.Service.Method``.

    The file is named as imports name it. None if there is no such symbol.
    """
    return _locations(registry).get(name)


@lru_cache(8)
def _locations(registry: Registry) -> Mapping[str, Location]:
    return {name: place for file in registry.files.file for name, place in _of_file(file)}


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, Location]]:
    spans = {tuple(one.path): one.span for one in file.source_code_info.location}
    for path, name in declarations(file):
        span = spans.get(path)
        yield name, Location(file.name, span[0] + 1, span[1] + 1) if span else Location(file.name)


def declarations(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the path and full name of each declaration. The numbers are those of the fields in descriptor.proto."""
    prefix = f"{file.package}." if file.package else ""
    for number, message in enumerate(file.message_type):
        yield from _of_message(message, (4, number), prefix)
    for number, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (5, number), prefix)
    for number, service in enumerate(file.service):
        yield (6, number), prefix + service.name
        for place, method in enumerate(service.method):
            yield (6, number, 2, place), f"{prefix}{service.name}.{method.name}"


def _of_message(message: DescriptorProto, path: tuple[int, ...], prefix: str) -> Iterator[tuple[tuple[int, ...], str]]:
    name = prefix + message.name
    yield path, name
    for number, field in enumerate(message.field):
        yield (*path, 2, number), f"{name}.{field.name}"
    for number, nested in enumerate(message.nested_type):
        yield from _of_message(nested, (*path, 3, number), f"{name}.")
    for number, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, 4, number), f"{name}.")


def _of_enum(enum: EnumDescriptorProto, path: tuple[int, ...], prefix: str) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, prefix + enum.name
    for number, value in enumerate(enum.value):
        yield (*path, 2, number), f"{prefix}{value.name}"  # values live beside their enum, not in it
