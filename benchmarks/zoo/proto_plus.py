"""Descriptors of Google's clients, which have no generated modules but classes of proto-plus.

Run as a program by the Python that has the clients: ``python proto_plus.py MODULE…``, a descriptor set on stdout. It
imports nothing of grpcmock. The messages are described by the classes; the services by what the clients' transports
ask of their channel: path, kind, and the classes of request and response.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto


@dataclass(frozen=True)
class Rpc:
    """One method as a transport asks for it."""

    path: str
    request: Descriptor
    response: Descriptor
    client_streams: bool
    server_streams: bool


class Recorder:
    """A channel that makes no calls, and keeps what it is asked for."""

    def __init__(self) -> None:
        self.rpcs: list[Rpc] = []

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        client, _, server = kind.partition("_")

        def ask(path: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any) -> object:
            request, response = _described(request_serializer), _described(response_deserializer)
            if request is not None and response is not None:
                self.rpcs.append(Rpc(path, request, response, client == "stream", server == "stream"))
            return object()

        return ask


def _described(function: Any) -> Descriptor | None:
    """Return the type that a bound method reads or writes; None for one that doesn't tell, of a mixed-in service."""
    owner: Any = getattr(function, "__self__", None)
    descriptor = getattr(owner, "DESCRIPTOR", None)
    if descriptor is None and hasattr(owner, "pb"):
        descriptor = owner.pb().DESCRIPTOR
    return descriptor if isinstance(descriptor, Descriptor) else None


def _modules(name: str) -> Iterator[ModuleType]:
    top = importlib.import_module(name)
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{name}."):
        if ".types" in found.name or found.name.endswith(".transports.grpc"):
            yield importlib.import_module(found.name)


def _rpcs(module: ModuleType) -> list[Rpc]:
    from google.auth.credentials import AnonymousCredentials

    recorder = Recorder()
    for name, transport in inspect.getmembers(module, inspect.isclass):
        if not name.endswith("GrpcTransport") or transport.__module__ != module.__name__:
            continue
        maker: Any = transport
        made = maker(channel=maker.create_channel("localhost:1", credentials=AnonymousCredentials()))
        for channel in ("_grpc_channel", "_logged_channel"):
            setattr(made, channel, recorder)
        getattr(made, "_stubs", {}).clear()  # what it asked of its own channel
        for attribute, value in inspect.getmembers_static(transport):
            if isinstance(value, property):
                getattr(made, attribute, None)
    return recorder.rpcs


def _service_file(service: str, rpcs: list[Rpc]) -> FileDescriptorProto:
    package, _, name = service.rpartition(".")
    file = FileDescriptorProto(name=f"{service.replace('.', '/')}.proto", package=package, syntax="proto3")
    file.dependency.extend(dict.fromkeys(type_.file.name for rpc in rpcs for type_ in (rpc.request, rpc.response)))
    made = file.service.add(name=name)
    for rpc in rpcs:
        made.method.append(
            MethodDescriptorProto(
                name=rpc.path.rpartition("/")[2],
                input_type=f".{rpc.request.full_name}",
                output_type=f".{rpc.response.full_name}",
                client_streaming=rpc.client_streams,
                server_streaming=rpc.server_streams,
            )
        )
    return file


def _add(file: FileDescriptor, into: dict[str, FileDescriptorProto]) -> None:
    if file.name in into:
        return
    into[file.name] = FileDescriptorProto.FromString(file.serialized_pb)
    for dependency in file.dependencies:
        _add(dependency, into)


def main() -> None:
    by_service: dict[str, dict[str, Rpc]] = {}
    for name in sys.argv[1:]:
        for module in _modules(name):
            for rpc in _rpcs(module):
                by_service.setdefault(rpc.path[1:].rpartition("/")[0], {})[rpc.path] = rpc
    files: dict[str, FileDescriptorProto] = {}
    for service, rpcs in by_service.items():
        for rpc in rpcs.values():
            _add(rpc.request.file, files)
            _add(rpc.response.file, files)
        made = _service_file(service, list(rpcs.values()))
        files[made.name] = made
    sys.stdout.buffer.write(FileDescriptorSet(file=files.values()).SerializeToString())


if __name__ == "__main__":
    main()
