"""Protos that were added to a running engine: they stay when those from files are reloaded, until they are removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.errors import GrpcmockError, SchemaError, did_you_mean
from grpcmock.schema import adding

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema import Registry


class UnknownProtoError(GrpcmockError):
    """There is no file of this name among those that were added."""


@dataclass(frozen=True, slots=True)
class AddedProtos:
    """The files that were added, in the sets in which they came."""

    sets: tuple[tuple[FileDescriptorProto, ...], ...] = ()

    def __iter__(self) -> Iterator[FileDescriptorProto]:
        for files in self.sets:
            yield from files

    def including(self, files: tuple[FileDescriptorProto, ...]) -> AddedProtos:
        """Return these and *files* besides."""
        return AddedProtos((*self.sets, files))

    def without(self, names: Collection[str]) -> AddedProtos:
        """Return what is left without the files of these names; nothing if there are none.

        Raises :class:`UnknownProtoError`, with the nearest name, for one that no file has.
        """
        known = {file.name for file in self}
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or ("" if known else "None were added.")
                raise UnknownProtoError(f"No protos were added as {name!r}. {hint}".rstrip())
        kept = (tuple(file for file in files if file.name not in names) for files in self.sets)
        return AddedProtos(tuple(filter(None, kept)) if names else ())

    def onto(self, registry: Registry) -> tuple[Registry, list[str]]:
        """Return a registry with all of them, and why some are left out: what is in files goes before them."""
        complaints: list[str] = []
        for files in self.sets:
            try:
                registry = adding.including(registry, files)
            except SchemaError as error:
                names = ", ".join(file.name for file in files[:3]) + (", …" if len(files) > 3 else "")
                complaints.append(
                    f"The protos that were added ({names}) contradict the files, and are left out: {error}"
                )
        return registry, complaints
