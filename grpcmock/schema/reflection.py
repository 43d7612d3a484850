"""Fetch the descriptors of a running server by its reflection service: v1, else v1alpha."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from grpcmock.errors import SchemaError, TargetError
from grpcmock.schema import shipped
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

_AT_ONCE = 32  # questions sent before their answers are read
_MOST_FILES = 20_000
_ENDED = "The server's reflection service ended the call before it had answered."
_MADE_UP = grpc.StatusCode.INTERNAL, "Internal error from Core"
_NO_REFLECTION = "The server has no reflection service. Give its .proto files or a descriptor set instead."


async def fetch(
    channel: grpc.aio.Channel,
    services: Iterable[str] | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - it becomes the deadline of the calls
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    lend: Lender | None = None,
    versions: Sequence[str] = VERSIONS,
) -> Registry:
    """Ask a server for the descriptors of *services*, by default of all that it lists.

    The files that they import are asked for one by one where the server gives only what it was asked. *timeout* is in
    seconds. *lend* may give a file that the server lacks, with all that it imports. The *versions* of the service are
    tried in turn. Raises :class:`TargetError` if the server can't be asked, :class:`SchemaError` if what it gives is
    incomplete or wrong.
    """
    return await _asked(
        channel, timeout, metadata, lambda conversation: _Fetch(conversation, lend).run(services), versions
    )


async def listed(
    channel: grpc.aio.Channel,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - it becomes the deadline of the calls
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> list[str]:
    """Ask a server for the full names of its services. Raises :class:`TargetError` if it can't be asked."""
    return await _asked(channel, timeout, metadata, lambda conversation: _Fetch(conversation).listed())


async def _asked(
    channel: grpc.aio.Channel,
    seconds: float,
    metadata: Sequence[tuple[str, str | bytes]],
    ask: Callable[[_Conversation], Awaitable[_T]],
    versions: Sequence[str] = VERSIONS,
) -> _T:
    """Ask the first of the versions of the reflection service that the server has."""
    until = asyncio.get_running_loop().time() + seconds
    for version in versions:
        remaining = max(until - asyncio.get_running_loop().time(), 0.001)
        conversation = _Conversation(channel, version, remaining, metadata)
        try:
            return await ask(conversation)
        except grpc.aio.AioRpcError:
            code, details = await conversation.status()
            if code is not grpc.StatusCode.UNIMPLEMENTED:
                raise _explained(code, details, seconds) from None
        finally:
            conversation.cancel()
    raise TargetError(_NO_REFLECTION)


class _Refused(Exception):  # noqa: N818 - an answer like others, for which there is no value
    """The server answered that it doesn't have what it was asked for."""


class _Conversation:
    """One stream of questions and answers with a reflection service."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        version: str,
        seconds: float,
        metadata: Sequence[tuple[str, str | bytes]],
    ) -> None:
        from grpc_reflection.v1alpha import reflection_pb2

        self._request: Callable[..., Any] = reflection_pb2.ServerReflectionRequest
        method: Any = channel.stream_stream(
            f"/{version}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        self._call: Any = method(timeout=seconds, metadata=tuple(metadata))
        self._ended: tuple[grpc.StatusCode, str] | None = None
        self._call.add_done_callback(self._on_done)

    async def ask(self, **question: str) -> Any:
        """Ask one thing. Raises :class:`_Refused`."""
        [answer] = await self.ask_all([question])
        if isinstance(answer, _Refused):
            raise answer
        return answer

    async def ask_all(self, questions: Sequence[dict[str, str]]) -> list[Any]:
        """Ask several things; in the place of an answer may stand a :class:`_Refused`."""
        answers: list[Any] = []
        for start in range(0, len(questions), _AT_ONCE):
            some = questions[start : start + _AT_ONCE]
            for question in some:
                await self._write(self._request(**question))
            answers += [await self._read() for _ in some]
        return answers

    async def _write(self, request: Any) -> None:
        try:
            await self._call.write(request)
        except asyncio.InvalidStateError:  # the call is over; reading tells why
            await self._read()

    async def _read(self) -> Any:
        answer = await self._call.read()
        if answer is grpc.aio.EOF:
            raise TargetError(_ENDED)
        if answer.WhichOneof("message_response") == "error_response":
            return _Refused(answer.error_response.error_message)
        return answer

    def _on_done(self, call: Any) -> None:
        status = _at_once(call.code()), _at_once(call.details()) or ""
        if self._ended is None and status != _MADE_UP:
            self._ended = status

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """Give the status of a call that has failed.

        Where a write fails because the server has ended the call, grpc.aio makes a status up, either before it has read
        the server's own or in its place (grpc/grpc#36066).
        """
        for _ in range(100):
            if self._ended is not None:
                return self._ended
            await asyncio.sleep(0.01)
            self._on_done(self._call)
        return _MADE_UP

    def cancel(self) -> None:
        self._call.cancel()


def _at_once(coroutine: Any) -> Any:
    """Give what a coroutine gives that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as result:
        return result.value
    coroutine.close()
    return None


class _Fetch:
    """Gathers files until nothing that they import is missing."""

    def __init__(self, conversation: _Conversation, lend: Lender | None = None) -> None:
        self._conversation = conversation
        self._lend = lend
        self._files: dict[str, FileDescriptorProto] = {}
        self._missing: dict[str, str] = {}

    async def run(self, services: Iterable[str] | None) -> Registry:
        listed = await self.listed() if services is None else list(services)
        symbols = [{"file_containing_symbol": name} for name in listed]
        for name, answer in zip(listed, await self._conversation.ask_all(symbols), strict=True):
            # Many a server lists its reflection service without being able to describe it.
            if not (isinstance(answer, _Refused) and name in VERSIONS):
                self._take(answer, f"the service {name!r}")
        await self._complete()
        return self._registry()

    async def listed(self) -> list[str]:
        try:
            answer = await self._conversation.ask(list_services="*")
        except _Refused as refused:
            raise TargetError(f"The server doesn't list its services by reflection: {refused}") from None
        return [service.name for service in answer.list_services_response.service]

    async def _complete(self) -> None:
        while True:
            wanted = {
                name: file.name
                for file in self._files.values()
                for name in file.dependency
                if name not in self._files and name not in self._missing
            }
            if not wanted:
                return
            questions = [{"file_by_filename": name} for name in wanted]
            answers = await self._conversation.ask_all(questions)
            for (name, importer), answer in zip(wanted.items(), answers, strict=True):
                if not isinstance(answer, _Refused):
                    self._take(answer, f"the file {name!r}")
                if name not in self._files:
                    self._missing[name] = importer
            if len(self._files) > _MOST_FILES:
                raise SchemaError(f"The server describes more than {_MOST_FILES} files by reflection.")

    def _take(self, answer: Any, asked: str) -> None:
        if isinstance(answer, _Refused):
            raise SchemaError(f"The server's reflection can't describe {asked}: {answer}")
        for data in answer.file_descriptor_response.file_descriptor_proto:
            try:
                file = descriptor_pb2.FileDescriptorProto.FromString(data)
            except DecodeError:
                raise SchemaError(f"The server's reflection describes {asked} in bytes that can't be read.") from None
            self._files.setdefault(file.name, file)

    def _registry(self) -> Registry:
        missing = [name for name in self._missing if not self._supply(name)]
        for file in self._files.values():
            _forget(file, missing)
        try:
            return Registry(descriptor_pb2.FileDescriptorSet(file=self._files.values()))
        except SchemaError as error:
            if not missing:
                raise
            lacking = ", ".join(f"{name!r} (imported by {self._missing[name]})" for name in missing)
            raise SchemaError(
                f"The server's reflection doesn't give the imported files {lacking}. "
                f"Give its .proto files or a descriptor set instead. ({error})"
            ) from None

    def _supply(self, name: str) -> bool:
        """Add a file that comes along, with all that it imports; say whether there is one."""
        from grpcmock.schema import sources

        found = sources.shipped_files([name]) if shipped.is_shipped(name) else self._lend(name) if self._lend else ()
        for file in found:
            self._files.setdefault(file.name, file)
        return bool(found)


def _forget(file: FileDescriptorProto, missing: Sequence[str]) -> None:
    """Drop the imports that can't be had: often they are needed for nothing but options."""
    kept = [index for index, name in enumerate(file.dependency) if name not in missing]
    if len(kept) == len(file.dependency):
        return
    moved = {old: new for new, old in enumerate(kept)}
    names = [file.dependency[index] for index in kept]
    public = [moved[index] for index in file.public_dependency if index in moved]
    file.dependency[:], file.public_dependency[:] = names, public
    file.ClearField("weak_dependency")


def _explained(code: grpc.StatusCode, details: str, seconds: float) -> TargetError:
    if code is grpc.StatusCode.OK:  # a write fails where the call is over, whatever its status
        return TargetError(_ENDED)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TargetError(f"The server's reflection service didn't answer within {seconds:g} s.")
    if code is grpc.StatusCode.UNAVAILABLE:
        return TargetError(f"The server can't be reached: {details}")
    return TargetError(f"The server's reflection service failed with {code.name}: {details}")
