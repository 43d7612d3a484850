"""What the comments in protos say of methods, where the source of the protos is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema import Registry

SENTENCE = re.compile(r"(?<=[.;:!])\s+|\n\s*\n|\n\s*[-*]\s+")
"""What stands between two sentences of a comment, or two points of a list in it."""

_SERVICE, _METHOD = 6, 2
"""The numbers of ``service`` in a file and of ``method`` in a service: paths in source information are made of them."""


@lru_cache(16)
def method_comments(registry: Registry) -> Mapping[str, str]:
    """Return the comments of methods by their full names."""
    return dict(comment for file in registry.files.file for comment in _comments(file))


@lru_cache(16)
def service_comments(registry: Registry) -> Mapping[str, str]:
    """Return the comments of services by their full names: what holds for all of their methods."""
    return {
        f"{file.package}.{file.service[location.path[1]].name}".lstrip("."): location.leading_comments
        for file in registry.files.file
        for location in file.source_code_info.location
        if len(location.path) == 2 and location.path[0] == _SERVICE and location.leading_comments
    }


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    package = f"{file.package}." if file.package else ""
    for location in file.source_code_info.location:
        path = location.path
        if len(path) == 4 and path[0] == _SERVICE and path[2] == _METHOD:
            service = file.service[path[1]]
            yield (
                f"{package}{service.name}/{service.method[path[3]].name}",
                location.leading_comments + location.trailing_comments,
            )
