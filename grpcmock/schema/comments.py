"""What the comments in protos say, by the name of what they stand above."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema.registry import Registry

_Named = Iterator[tuple[str, tuple[int, ...]]]


@lru_cache(maxsize=4)
def comments_of(registry: Registry) -> Mapping[str, str]:
    """Return the comments by full name, those of methods, fields and values behind the name of what they belong to.

    What has no comment isn't in it; nothing is where the descriptors hold none, as those from reflection.
    """
    return {name: text for file in registry.files.file for name, text in _comments(file)}


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    places = {
        tuple(location.path): location.leading_comments or location.trailing_comments
        for location in file.source_code_info.location
        if location.leading_comments or location.trailing_comments
    }
    if not places:
        return
    for name, path in _named(file):
        if text := places.get(path):
            yield name, "\n".join(line.removeprefix(" ").rstrip() for line in text.strip("\n ").split("\n"))


def _named(file: FileDescriptorProto) -> _Named:
    prefix = f"{file.package}." if file.package else ""
    yield from _types(file.message_type, file.enum_type, prefix, (4,), (5,))
    for number, service in enumerate(file.service):
        yield prefix + service.name, (6, number)
        yield from _members(service.method, prefix + service.name, (6, number, 2))


def _types(
    messages: Iterable[Any], enums: Iterable[Any], prefix: str, of_messages: tuple[int, ...], of_enums: tuple[int, ...]
) -> _Named:
    for number, message in enumerate(messages):
        name, here = prefix + message.name, (*of_messages, number)
        yield name, here
        yield from _members(message.field, name, (*here, 2))
        yield from _types(message.nested_type, message.enum_type, f"{name}.", (*here, 3), (*here, 4))
    for number, enum in enumerate(enums):
        yield prefix + enum.name, (*of_enums, number)
        yield from _members(enum.value, prefix + enum.name, (*of_enums, number, 2))


def _members(members: Iterable[Any], owner: str, path: tuple[int, ...]) -> _Named:
    for number, member in enumerate(members):
        yield f"{owner}.{member.name}", (*path, number)
