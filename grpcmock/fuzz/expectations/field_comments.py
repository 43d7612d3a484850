"""What the comments in protos say of fields, where the source of the protos is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.stated_limits import without_separators

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

    from grpcmock.schema import Registry

_MESSAGE, _FIELD, _NESTED = 4, 2, 3
"""The numbers of ``message_type`` in a file, and of ``field`` and ``nested_type`` in a message."""


@lru_cache(16)
def field_comments(registry: Registry) -> Mapping[str, str]:
    """Return the comments of fields by their full names, without the commas in large numbers."""
    return dict(comment for file in registry.files.file for comment in _comments(file))


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        path = tuple(location.path)
        words = f"{location.leading_comments} {location.trailing_comments}".strip()
        if words and len(path) % 2 == 0 and path[::2] == (_MESSAGE, *[_NESTED] * (len(path) // 2 - 2), _FIELD):
            first, *inner, last = path[1::2]
            message: DescriptorProto = file.message_type[first]
            names = [file.package, message.name]
            for place in inner:
                message = message.nested_type[place]
                names.append(message.name)
            yield ".".join(filter(None, (*names, message.field[last].name))), without_separators(words)
