"""Protos that were added to a running engine: they stay when those from files are reloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.errors import SchemaError
from grpcmock.schema import adding

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema import Registry


class AddedProtos:
    """The files that were added, in the sets in which they came."""

    def __init__(self) -> None:
        self._sets: tuple[tuple[FileDescriptorProto, ...], ...] = ()

    def __len__(self) -> int:
        return len(self._sets)

    def keep(self, files: tuple[FileDescriptorProto, ...]) -> None:
        """Add these *files*, too, from now on."""
        self._sets = (*self._sets, files)

    def onto(self, registry: Registry) -> tuple[Registry, list[str]]:
        """Return a registry with all of them, and why some are left out: what is in files goes before them."""
        complaints: list[str] = []
        for files in self._sets:
            try:
                registry = adding.including(registry, files)
            except SchemaError as error:
                names = ", ".join(file.name for file in files[:3]) + (", …" if len(files) > 3 else "")
                complaints.append(
                    f"The protos that were added ({names}) contradict the files, and are left out: {error}"
                )
        return registry, complaints
