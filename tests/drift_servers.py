"""A server that has nothing but reflection, and may hide some of its files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.schema import Registry
from grpcmock.servers.reflection import SERVICES, Reflection


class Partial(Reflection):
    """Tells of a registry, but never of the files hidden: many servers lack what their files import."""

    def __init__(self, registry: Registry, hidden: Collection[str] = ()) -> None:
        super().__init__(lambda: registry)
        self._hidden = hidden

    def answer(self, request: Any) -> Any:
        response = super().answer(request)
        if response.WhichOneof("message_response") != "file_descriptor_response":
            return response
        files = response.file_descriptor_response.file_descriptor_proto
        kept = [data for data in files if descriptor_pb2.FileDescriptorProto.FromString(data).name not in self._hidden]
        if not kept:
            error = reflection_pb2.ErrorResponse(error_code=5, error_message="there is no such file")
            return reflection_pb2.ServerReflectionResponse(original_request=request, error_response=error)
        del files[:]
        files.extend(kept)
        return response


@contextmanager
def serve(registry: Registry, *, hidden: Collection[str] = (), version: int = 0) -> Iterator[str]:
    """Give the address. *version* 0 is reflection v1, 1 is v1alpha."""
    loop = LoopThread()

    async def start() -> tuple[grpc.aio.Server, str]:
        server = grpc.aio.server()
        handler = Partial(registry, hidden).handlers()[f"/{SERVICES[version]}/ServerReflectionInfo"]
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICES[version], {"ServerReflectionInfo": handler}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, f"127.0.0.1:{port}"

    server, address = loop.run(start())
    try:
        yield address
    finally:
        loop.run(server.stop(0))
        loop.close()
