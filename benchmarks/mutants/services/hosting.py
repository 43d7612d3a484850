"""A service in Python on a gRPC server: its handlers by their names, reflection, health."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from grpcmock.schema import Registry

_KINDS: dict[tuple[bool, bool], Any] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def methods(module: ModuleType, registry: Registry) -> list[MethodDescriptor]:
    """The methods of the services that the module serves."""
    found: list[MethodDescriptor] = []
    for name in module.SERVICES:
        found += registry.pool.FindServiceByName(name).methods
    return found


def handlers(module: ModuleType, registry: Registry, served: Any) -> list[Any]:
    """What a gRPC server is given: for each method the function of its name. Raises AttributeError where one lacks."""
    made = []
    for name in module.SERVICES:
        table = {}
        for method in registry.pool.FindServiceByName(name).methods:
            handle = getattr(served, method.name)
            kind = _KINDS[method.client_streaming, method.server_streaming]
            request_class = message_factory.GetMessageClass(method.input_type)
            response_class = message_factory.GetMessageClass(method.output_type)
            table[method.name] = kind(
                handle,
                request_deserializer=request_class.FromString,
                response_serializer=response_class.SerializeToString,
            )
        made.append(grpc.method_handlers_generic_handler(name, table))
    return made


def is_async(served: Any) -> bool:
    """Whether the handlers are for ``grpc.aio``."""
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for _, one in inspect.getmembers(type(served), inspect.isfunction)
    )


def _register(server: Any, module: ModuleType, registry: Registry, served: Any, health_servicer: Any) -> list[str]:
    server.add_generic_rpc_handlers(tuple(handlers(module, registry, served)))
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection((*module.SERVICES, reflection.SERVICE_NAME), server, pool=registry.pool)
    return ["", *module.SERVICES]


@contextlib.asynccontextmanager
async def running_aio(module: ModuleType, registry: Registry, served: Any, address: str) -> AsyncIterator[int]:
    """Serve on ``grpc.aio`` until the block ends; gives the port."""
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    for name in _register(server, module, registry, served, servicer):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@contextlib.contextmanager
def running_sync(module: ModuleType, registry: Registry, served: Any, address: str) -> Iterator[int]:
    """Serve on grpcio's threads until the block ends; gives the port."""
    server = grpc.server(ThreadPoolExecutor(16))
    servicer = health.HealthServicer()
    for name in _register(server, module, registry, served, servicer):
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port(address)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
