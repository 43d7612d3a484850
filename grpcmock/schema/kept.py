"""What was compiled lately: a load of files that are the same, such as a reload of stubs, needs no protoc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema.layout import Layout

Key = tuple[object, ...]

_MOST = 8
"""How many outcomes are kept."""

_MOST_FILES = 500
"""Larger ones aren't: they take more memory than a compilation is worth."""

_kept: dict[Key, list[FileDescriptorProto]] = {}


def key(layout: Layout, described: Sequence[FileDescriptorProto]) -> Key | None:
    """Return all that the descriptors depend on: what the files hold, not where they stand; None if it isn't known."""
    if len(layout.files) > _MOST_FILES or not all(layout.digests.get(name) for name in layout.files):
        return None
    spelled = tuple((name, tuple(names.items())) for name, names in layout.copied.items())
    given = tuple(file.SerializeToString(deterministic=True) for file in described)
    return (tuple(layout.wanted), tuple(layout.digests.items()), spelled, given)


def get(key: Key | None) -> list[FileDescriptorProto] | None:
    """Return what was compiled of these files, if that is known. It is shared: it must not be changed."""
    return None if key is None else _kept.get(key)


def put(key: Key | None, files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Keep what was compiled, and return it. Threads may do so at once."""
    if key is not None:
        _kept[key] = files
        for oldest in list(_kept)[:-_MOST]:
            _kept.pop(oldest, None)
    return files
