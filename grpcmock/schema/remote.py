"""Protos that are elsewhere: behind a URL, or wherever else descriptors can be read from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from grpcmock.errors import SchemaError, TargetError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto


class Remote(Protocol):
    """Descriptors that are elsewhere; as text, it is what errors call them."""

    def read(self) -> Sequence[FileDescriptorProto]:
        """Return the files. Raises :class:`SchemaError`, or :class:`TargetError` if they can't be reached."""


ProtoSource = Path | Remote
"""Where protos come from."""


def is_url(text: str) -> bool:
    """Return whether *text* is the URL of a descriptor set."""
    return text.lower().startswith(("http://", "https://"))


class LastGood:
    """Protos that are elsewhere, in their last good version while they can't be had."""

    def __init__(self, remote: Remote, warn: Callable[[str], None]) -> None:
        """*warn* is told, in whichever thread reads, why the last version goes on."""
        self._remote = remote
        self._warn = warn
        self._files: Sequence[FileDescriptorProto] = ()

    def read(self) -> Sequence[FileDescriptorProto]:
        """Return the files. Raises what reading them does, if they were never had."""
        try:
            self._files = self._remote.read()
        except (SchemaError, TargetError) as error:
            if not self._files:
                raise
            self._warn(f"The last good protos go on, since they can't be read anew: {error}")
        return self._files

    def __str__(self) -> str:
        return str(self._remote)
