"""A server's reflection that says what a test wants it to say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2

from grpcmock.schema import reflected, reflection

V1, V1ALPHA = reflection.VERSIONS
OPTIONS = (("grpc.enable_http_proxy", 0),)


class Fake:
    """A server's reflection: *files* by name; with *whole*, it gives all that a file imports along with it."""

    def __init__(self, files: Iterable[FileDescriptorProto], services: Iterable[str], *, whole: bool = False) -> None:
        self.files = {file.name: file for file in files}
        self.services = list(services)
        self.whole = whole
        self.asked: list[str] = []

    async def answer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            kind = request.WhichOneof("message_request")
            self.asked.append(getattr(request, kind))
            response = reflection_pb2.ServerReflectionResponse()
            if kind == "list_services":
                for name in self.services:
                    response.list_services_response.service.add(name=name)
            elif found := self.find(kind, getattr(request, kind)):
                data = [file.SerializeToString() for file in (self.files.values() if self.whole else [found])]
                response.file_descriptor_response.file_descriptor_proto.extend(data)
            else:
                response.error_response.error_code = 5
                response.error_response.error_message = "never heard of it"
            yield response

    def find(self, kind: str, name: str) -> FileDescriptorProto | None:
        if kind == "file_by_filename":
            return self.files.get(name)
        package = name.rpartition(".")[0]
        return next((file for file in self.files.values() if file.service and file.package == package), None)


class Whole(Fake):
    """A reflection that knows each of its symbols."""

    def find(self, kind: str, name: str) -> FileDescriptorProto | None:
        if kind == "file_by_filename":
            return self.files.get(name)
        services = {f"{file.package}.{one.name}": file.name for file in self.files.values() for one in file.service}
        return self.files.get((reflected.declared(self.files.values()) | services).get(name, ""))


@asynccontextmanager
async def serving(
    answer: Callable[..., Any] | None, *versions: str, listening: Callable[[str], object] = lambda _: None
) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    if answer is not None:
        handler = grpc.stream_stream_rpc_method_handler(
            answer,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=lambda one: one if isinstance(one, bytes) else one.SerializeToString(),
        )
        for version in versions:
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(version, {"ServerReflectionInfo": handler}),)
            )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    listening(f"127.0.0.1:{port}")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
        yield channel
    await server.stop(None)
