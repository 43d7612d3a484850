"""Fetch the descriptors of a running server by its reflection service: v1, else v1alpha."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from grpcmock.errors import SchemaError, TargetError
from grpcmock.schema import reflected, shipped
from grpcmock.schema.reflection_stream import ENDED, ReflectionStream, Refused
from grpcmock.schema.registry import Registry

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_T = TypeVar("_T")

Lender: TypeAlias = "Callable[[str], Sequence[FileDescriptorProto]]"
"""Gives a file by the name that it is imported by, with all that it imports in turn; nothing if it has no such file."""

VERSIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
"""The services tried, in this order. Their messages are the same on the wire."""

TIMEOUT = 10.0
"""Seconds that all of it may take."""

_MOST_FILES = 20_000
CREDENTIALS = "Give credentials that it takes as metadata, such as 'authorization: Bearer TOKEN'."
"""What to do where reflection is refused; commands say it in their own options."""

PROTOS = "Give its .proto files or a descriptor set instead."
"""What to do where there is none."""

_NO_REFLECTION = f"The server has no reflection service. {PROTOS}"


async def fetch(
    channel: grpc.aio.Channel,
    services: Iterable[str] | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - it becomes the deadline of the calls
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    lend: Lender | None = None,
    left_out: Callable[[str], None] | None = None,
    versions: Sequence[str] = VERSIONS,
) -> Registry:
    """Ask a server for the descriptors of *services*, by default of all that it lists.

    The files that they import are asked for one by one where the server gives only what it was asked. *timeout* is in
    seconds. *lend* may give a file that the server lacks, with all that it imports. With *left_out*, services that the
    server can't describe are left out, as long as others remain, and it is told of each in words. The *versions* of the
    service are tried in turn. Raises :class:`TargetError` if the server can't be asked, :class:`SchemaError` if what it
    gives is incomplete or wrong.
    """
    return await _asked(
        channel, timeout, metadata, lambda stream: _Fetch(stream, lend).run(services, left_out), versions
    )


async def with_types(
    channel: grpc.aio.Channel,
    registry: Registry,
    names: Iterable[str],
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - it becomes the deadline of the calls
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> Registry:
    """Return the registry with more types in it: of those named, all that the server knows.

    What *registry* has given knows them, too, so that an ``Any`` in a message of it can be read. A type that the server
    doesn't know, or describes in a way that contradicts what is known, is left out. Raises :class:`TargetError` if the
    server can't be asked.
    """
    wanted = sorted(names)
    if not wanted:
        return registry
    return await _asked(channel, timeout, metadata, lambda stream: _Fetch(stream).types(wanted, registry))


async def listed(
    channel: grpc.aio.Channel,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - it becomes the deadline of the calls
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> list[str]:
    """Ask a server for the full names of its services. Raises :class:`TargetError` if it can't be asked."""
    return await _asked(channel, timeout, metadata, lambda stream: _Fetch(stream).listed())


async def _asked(
    channel: grpc.aio.Channel,
    seconds: float,
    metadata: Sequence[tuple[str, str | bytes]],
    ask: Callable[[ReflectionStream], Awaitable[_T]],
    versions: Sequence[str] = VERSIONS,
) -> _T:
    """Ask the first of the versions of the reflection service that the server has."""
    until = asyncio.get_running_loop().time() + seconds
    for version in versions:
        remaining = max(until - asyncio.get_running_loop().time(), 0.001)
        stream = ReflectionStream(channel, version, remaining, metadata)
        try:
            return await ask(stream)
        except grpc.aio.AioRpcError:
            code, details = await stream.status()
            if code is not grpc.StatusCode.UNIMPLEMENTED:
                raise _explained(code, details, seconds) from None
        finally:
            stream.cancel()
    raise TargetError(_NO_REFLECTION)


class _Fetch:
    """Gathers files until nothing that they import is missing."""

    def __init__(self, stream: ReflectionStream, lend: Lender | None = None) -> None:
        self._stream = stream
        self._lend = lend
        self._files: dict[str, FileDescriptorProto] = {}
        self._missing: dict[str, str] = {}
        """Imports that the server doesn't give, each with a file that imports it, …"""

        self._absent: list[str] = []
        """… and those of them that nobody gives."""

        self._asked: set[str] = set()
        """The types that were asked for by name."""

    async def run(self, services: Iterable[str] | None, left_out: Callable[[str], None] | None = None) -> Registry:
        listed = await self.listed() if services is None else list(services)
        symbols = [{"file_containing_symbol": name} for name in listed]
        refused: dict[str, str] = {}
        for name, answer in zip(listed, await self._stream.ask_all(symbols), strict=True):
            try:
                self._take(answer, f"the service {name!r}")
            except SchemaError as error:
                # Many a server lists its reflection service without being able to describe it.
                if isinstance(answer, Refused) and name in VERSIONS:
                    continue
                if left_out is None:
                    raise
                refused[name] = str(error)
        await self._complete()
        try:
            registry = self._registry()
        except SchemaError as error:
            if left_out is None:
                raise
            registry = self._usable_registry(listed, refused, error)
        if refused and not set(registry.services) - set(VERSIONS):
            raise SchemaError("\n".join(dict.fromkeys(refused.values())))
        for name, reason in refused.items():
            assert left_out is not None
            left_out(f"The service {name} is left out: {reason}")
        return registry

    def _usable_registry(self, listed: Iterable[str], refused: dict[str, str], error: SchemaError) -> Registry:
        """Make a registry of the files that can be used; the services of the others are added to those *refused*."""
        reasons = reflected.unusable(self._files)
        if not reasons:
            raise error
        good = [file for name, file in self._files.items() if name not in reasons]
        for name in listed:
            parent, _, last = name.rpartition(".")
            for file in self._files.values():
                if file.name in reasons and file.package == parent and any(one.name == last for one in file.service):
                    importers = {one.name for one in self._closure([file.name])}
                    absent = [name for name in self._absent if self._missing[name] in importers]
                    refused[name] = self._lacking(absent, reasons[file.name])
        return Registry(descriptor_pb2.FileDescriptorSet(file=good))

    async def types(self, names: Sequence[str], registry: Registry) -> Registry:
        known = {file.name for file in registry.files.file}
        for file in registry.files.file:
            self._files[file.name] = file
        questions = [{"file_containing_symbol": name} for name in names]
        for name, answer in zip(names, await self._stream.ask_all(questions), strict=True):
            if not isinstance(answer, Refused):
                with contextlib.suppress(SchemaError):
                    self._take(answer, f"the type {name!r}")
        await self._complete(known)
        new = {name: file for name, file in self._files.items() if name not in known}
        for file in new.values():
            reflected.forget(file, self._absent)
        for bad in reflected.unusable(self._files):
            new.pop(bad, None)
        with contextlib.suppress(SchemaError):
            return registry.including(Registry(descriptor_pb2.FileDescriptorSet(file=self._closure(new))))
        return registry

    def _closure(self, names: Iterable[str]) -> list[FileDescriptorProto]:
        """Return files with all that they import."""
        found: dict[str, FileDescriptorProto] = {}
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in found:
                found[name] = self._files[name]
                pending += found[name].dependency
        return list(found.values())

    async def listed(self) -> list[str]:
        try:
            answer = await self._stream.ask(list_services="*")
        except Refused as refused:
            raise TargetError(f"The server doesn't list its services by reflection: {refused}") from None
        return [service.name for service in answer.list_services_response.service]

    async def _complete(self, known: Collection[str] = ()) -> None:
        """Ask for what the files import, until all is there that can be had; those *known* need nothing."""
        while True:
            await self._import_all(known)
            self._absent += [name for name in self._missing if name not in self._absent and not self._supply(name)]
            if not await self._mend():
                return

    async def _import_all(self, known: Collection[str]) -> None:
        while True:
            wanted = {
                name: file.name
                for file in self._files.values()
                if file.name not in known
                for name in file.dependency
                if name not in self._files and name not in self._missing
            }
            if not wanted:
                return
            questions = [{"file_by_filename": name} for name in wanted]
            answers = await self._stream.ask_all(questions)
            for (name, importer), answer in zip(wanted.items(), answers, strict=True):
                if not isinstance(answer, Refused):
                    self._take(answer, f"the file {name!r}")
                if name not in self._files:
                    self._missing[name] = importer
            if len(self._files) > _MOST_FILES:
                raise SchemaError(f"The server describes more than {_MOST_FILES} files by reflection.")

    async def _mend(self) -> bool:
        """Ask for the types that come from absent imports: the server may know their file by another name.

        Return whether any was found.
        """
        lame = [file for file in self._files.values() if any(name in self._absent for name in file.dependency)]
        types = reflected.declared(self._files.values())
        used = sorted({name for file in lame for name in reflected.used(file)} - types.keys() - self._asked)
        if not used:
            return False
        self._asked.update(used)
        answers = await self._stream.ask_all([{"file_containing_symbol": name} for name in used])
        for name, answer in zip(used, answers, strict=True):
            if not isinstance(answer, Refused):
                self._take(answer, f"the type {name!r}")
        types = reflected.declared(self._files.values())
        for file in lame:
            for found in sorted({types[name] for name in reflected.used(file) if name in types} - {file.name}):
                if found not in file.dependency:
                    file.dependency.append(found)
        return any(name in types for name in used)

    def _take(self, answer: Any, asked: str) -> None:
        if isinstance(answer, Refused):
            raise SchemaError(f"The server's reflection can't describe {asked}: {answer}")
        for data in answer.file_descriptor_response.file_descriptor_proto:
            try:
                file = descriptor_pb2.FileDescriptorProto.FromString(data)
            except DecodeError:
                raise SchemaError(f"The server's reflection describes {asked} in bytes that can't be read.") from None
            if not reflected.is_placeholder(file):
                self._files.setdefault(file.name, file)

    def _registry(self) -> Registry:
        for file in self._files.values():
            reflected.forget(file, self._absent)
        try:
            return Registry(descriptor_pb2.FileDescriptorSet(file=self._files.values()))
        except SchemaError as error:
            if not self._absent:
                raise
            raise SchemaError(self._lacking(self._absent, str(error))) from None

    def _lacking(self, absent: Sequence[str], reason: str) -> str:
        if not absent:
            return f"What the server's reflection gives can't be used. ({reason})"
        lacking = ", ".join(f"{name!r} (imported by {self._missing[name]})" for name in absent)
        return f"The server's reflection doesn't give the imported files {lacking}. {PROTOS} ({reason})"

    def _supply(self, name: str) -> bool:
        """Add a file that comes along, with all that it imports; say whether there is one."""
        from grpcmock.schema import sources

        found = sources.shipped_files([name]) if shipped.is_shipped(name) else self._lend(name) if self._lend else ()
        for file in found:
            self._files.setdefault(file.name, file)
        return bool(found)


def _explained(code: grpc.StatusCode, details: str, seconds: float) -> TargetError:
    if code is grpc.StatusCode.OK:  # a write fails where the call is over, whatever its status
        return TargetError(ENDED)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TargetError(f"The server's reflection service didn't answer within {seconds:g} s.")
    if code is grpc.StatusCode.UNAVAILABLE:
        return TargetError(f"The server can't be reached: {details}")
    way_out = f". {CREDENTIALS}" if code.name in ("UNAUTHENTICATED", "PERMISSION_DENIED") else ""
    return TargetError(f"The server's reflection service failed with {code.name}: {details}{way_out}")
