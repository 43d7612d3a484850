"""What the comments in protos say of the values of enums, where the source of the protos is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema import Registry

_ENUM, _MESSAGE, _INNER_MESSAGE, _INNER_ENUM, _VALUE = 5, 4, 3, 4, 2
"""The numbers of ``enum_type`` and ``message_type`` in a file, of both in a message, and of ``value`` in an enum."""


@lru_cache(16)
def value_comments(registry: Registry) -> Mapping[tuple[str, str], str]:
    """Return the comments of the values of enums, by the full names of these and their own."""
    return dict(comment for file in registry.files.file for comment in _comments(file))


def _comments(file: FileDescriptorProto) -> Iterator[tuple[tuple[str, str], str]]:
    for location in file.source_code_info.location:
        path = tuple(location.path)
        words = " ".join(f"{location.leading_comments} {location.trailing_comments}".split())
        if not words or len(path) < 4 or len(path) % 2 or path[-2] != _VALUE:
            continue
        way = path[:-4:2]
        if path[-4] != (_INNER_ENUM if way else _ENUM) or way != (_MESSAGE, *[_INNER_MESSAGE] * len(way))[: len(way)]:
            continue
        place: Any = file
        names = [file.package]
        for number in path[1:-4:2]:
            place = place.message_type[number] if place is file else place.nested_type[number]
            names.append(place.name)
        enum = place.enum_type[path[-3]]
        yield (".".join(filter(None, (*names, enum.name))), enum.value[path[-1]].name), words
