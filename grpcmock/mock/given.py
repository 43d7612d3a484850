"""What is given to a mock server in one form or another: protos, files, one of something or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.schema import Registry
from grpcmock.schema import sources as schema_sources
from grpcmock.schema.modules import registry_of

if TYPE_CHECKING:
    from grpcmock.schema.remote import ProtoSource

AnyPath = str | PathLike[str]


def several(given: Any) -> Sequence[Any]:
    """Return a list; one of something is taken for a list of one."""
    return given if isinstance(given, (list, tuple)) else [given]


def path_of(given: AnyPath | None) -> Path | None:
    """Return the path, if one is given."""
    return None if given is None else Path(given)


def paths_of(given: AnyPath | Iterable[AnyPath]) -> list[Path]:
    """Return paths of one, or of several."""
    return [Path(given)] if isinstance(given, (str, PathLike)) else [Path(path) for path in given]


def _source(given: AnyPath) -> ProtoSource:
    if isinstance(given, str) and "://" in given:
        from grpcmock.client.reflected_protos import remote_of

        if (remote := remote_of(given)) is not None:
            return remote
    return Path(given)


def registry_from(protos: Sequence[Any], imports: schema_sources.Imports) -> Registry:
    """Return one registry of all that protos are given as."""
    __tracebackhide__ = True
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    registry = Registry(FileDescriptorSet())
    paths = [_source(one) for one in protos if isinstance(one, (str, PathLike))]
    if paths:
        registry = schema_sources.load(paths, imports=imports)
    generated = [one for one in protos if not isinstance(one, (str, PathLike, Registry))]
    if generated:
        registry = registry.including(registry_of(*generated))
    for one in protos:
        if isinstance(one, Registry):
            registry = registry.including(one) if registry.files.file else one
    return registry
