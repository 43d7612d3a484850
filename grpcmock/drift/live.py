"""Ask a running server what it serves, so that it can be compared with local protos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2

from grpcmock.drift.reading import read
from grpcmock.drift.views import Schema, Service
from grpcmock.errors import Location, SchemaError
from grpcmock.schema import Registry, reflection
from grpcmock.schema.annotations import AnnotationReader

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_INFRASTRUCTURE = (
    "grpc.reflection.",
    "grpc.health.",
    "grpc.channelz.",
    "grpc.admin.",
    "grpcmock.admin.",
    "envoy.service.",
)
"""Services that servers bring along, beside those that they are there for."""


@dataclass(frozen=True, slots=True)
class Live:
    """What a server shows of itself."""

    schema: Schema
    registry: Registry
    notes: tuple[str, ...] = ()
    """What could not be compared, and why: sentences."""


async def ask(
    channel: grpc.aio.Channel,
    local: Registry,
    label: str,
    *,
    services: Sequence[str] = (),
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> Live:
    """Ask a server about the services that the *local* protos declare, or about those of them that are named.

    A file that the server can't give is taken from the local protos; so nothing in it differs. Raises
    :class:`TargetError` if the server can't be asked, :class:`SchemaError` if what it gives makes no sense.
    """
    lender = _Lender(local)
    served = await reflection.listed(channel, metadata=metadata)
    wanted = set(services or local.services)
    known = [name for name in served if name in wanted]
    others = [] if services else [name for name in served if name not in wanted and not _is_infrastructure(name)]
    registry = Registry(descriptor_pb2.FileDescriptorSet())
    described: list[str] = []
    # What is missing may be there under another name: then the others have to be looked into, if they can be.
    for names in ([*known, *others] if set(known) != wanted else known, known):
        if not names:
            continue
        try:
            registry = await reflection.fetch(channel, names, metadata=metadata, lend=lender)
        except SchemaError:
            if names == known:
                raise
            continue
        described = list(names)
        break
    rules = AnnotationReader(registry)
    schema = read(registry, label, rules=rules if rules.has_rules else AnnotationReader(local))
    present = {name: service for name, service in schema.services.items() if name in described}
    present |= {name: _unseen(name, label) for name in others if name not in present}
    return Live(replace(schema, services=present), registry, lender.notes())


def narrowed(schema: Schema, services: Sequence[str]) -> Schema:
    """Leave only some services in a schema."""
    kept: Mapping[str, Service] = {name: one for name, one in schema.services.items() if name in services}
    return replace(schema, services=kept)


def _is_infrastructure(service: str) -> bool:
    return service.startswith(_INFRASTRUCTURE)


def _unseen(name: str, label: str) -> Service:
    """Stand for a service of which only the name is known."""
    return Service(full_name=name, methods=(), file="", location=Location(label))


class _Lender:
    """Lends files of the local protos to a server that lacks them, and remembers which."""

    def __init__(self, local: Registry) -> None:
        self._files = {file.name: file for file in local.files.file}
        self._lent: dict[str, None] = {}

    def __call__(self, name: str) -> Sequence[FileDescriptorProto]:
        if name not in self._files:
            return ()
        self._lent[name] = None
        found: dict[str, FileDescriptorProto] = {}
        pending = [name]
        while pending:
            one = pending.pop()
            if one not in found:
                found[one] = self._files[one]
                pending += found[one].dependency
        return tuple(found.values())

    def notes(self) -> tuple[str, ...]:
        return tuple(
            f"{name} was not compared: the server's files import it, but its reflection doesn't give it."
            for name in self._lent
        )
