"""Server reflection, v1 and v1alpha: tells clients what the protos say, always of the registry that is served now."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from grpcmock.schema import Registry
from grpcmock.schema.modules import registry_of
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

_BYTES_LIMIT = 3 << 20
"""Bytes of descriptors in one answer; clients accept messages of 4 MiB by default."""


class Reflection:
    """Answers reflection requests for a registry, and for those of the services that the server itself brings.

    *registry* is called at each request, so that a reload shows at once. *own* gives the registries of the server's
    own services besides reflection; where a name is declared twice, the user's declaration is shown.
    """

    def __init__(self, registry: Callable[[], Registry], own: Sequence[Registry] = ()) -> None:
        self._registry = registry
        self.own = (*own, registry_of(reflection_pb2.DESCRIPTOR), Registry(_v1_files()), registry_of(*_sent_types()))
        """The registries of what the server itself brings."""

        self._files: _Files | None = None

    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Give the handlers of a ``grpc.aio`` server, by path. The messages of both versions are the same bytes."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._answers,
            reflection_pb2.ServerReflectionRequest.FromString,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        return {f"/{service}/ServerReflectionInfo": handler for service in SERVICES}

    async def _answers(
        self, requests: AsyncIterable[reflection_pb2.ServerReflectionRequest], _: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        async for request in requests:
            yield self.answer(request)

    def answer(self, request: reflection_pb2.ServerReflectionRequest) -> reflection_pb2.ServerReflectionResponse:
        """Answer one request of the stream."""
        files = self._current()
        response = reflection_pb2.ServerReflectionResponse(valid_host=request.host, original_request=request)
        kind = request.WhichOneof("message_request")
        try:
            match kind:
                case "file_by_filename":
                    found = files.closure(request.file_by_filename)
                    response.file_descriptor_response.file_descriptor_proto.extend(found)
                case "file_containing_symbol":
                    found = files.closure(files.containing(request.file_containing_symbol))
                    response.file_descriptor_response.file_descriptor_proto.extend(found)
                case "file_containing_extension":
                    wanted = request.file_containing_extension
                    name = files.extending(wanted.containing_type, wanted.extension_number)
                    response.file_descriptor_response.file_descriptor_proto.extend(files.closure(name))
                case "all_extension_numbers_of_type":
                    numbers = files.extension_numbers(request.all_extension_numbers_of_type)
                    response.all_extension_numbers_response.base_type_name = request.all_extension_numbers_of_type
                    response.all_extension_numbers_response.extension_number.extend(numbers)
                case "list_services":
                    services = [reflection_pb2.ServiceResponse(name=name) for name in files.services]
                    response.list_services_response.service.extend(services)
                case _:
                    response.error_response.error_code = Code.INVALID_ARGUMENT
                    response.error_response.error_message = "The request asks for nothing."
        except KeyError as error:
            response.error_response.error_code = Code.NOT_FOUND
            response.error_response.error_message = str(error.args[0])
        return response

    def _current(self) -> _Files:
        registry = self._registry()
        if self._files is None or self._files.registries[0] is not registry:
            self._files = _Files((registry, *self.own))
        return self._files


class _Files:
    """The files of several registries; the earlier registry has precedence. Look-ups raise ``KeyError`` with a text."""

    def __init__(self, registries: Sequence[Registry]) -> None:
        self.registries = registries
        self.services = sorted({name for registry in registries for name in registry.services})
        self._by_name: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        for registry in reversed(registries):
            self._by_name.update((file.name, file) for file in registry.files.file)
        self._closures: dict[str, list[bytes]] = {}

    def containing(self, symbol: str) -> str:
        """Name the file that declares a service, method, message, field, oneof, enum, enum value or extension."""
        symbol = symbol.removeprefix(".")
        parent, _, last = symbol.rpartition(".")
        for registry in self.registries:
            try:
                return str(registry.pool.FindFileContainingSymbol(symbol).name)
            except KeyError:
                service = registry.services.get(parent)  # the pool doesn't look for methods
                if service is not None and last in service.methods_by_name:
                    return str(service.file.name)
        raise KeyError(f"There is no symbol {symbol!r}.")

    def extending(self, type_name: str, number: int) -> str:
        """Name the file that declares the extension of this number."""
        for registry, descriptor in self._types(type_name):
            try:
                extension = registry.pool.FindExtensionByNumber(descriptor, number)
                return str(registry.pool.FindFileContainingSymbol(extension.full_name).name)
            except KeyError:
                continue
        raise KeyError(f"There is no extension {number} of {type_name!r}.")

    def extension_numbers(self, type_name: str) -> list[int]:
        for registry, descriptor in self._types(type_name):
            return sorted(extension.number for extension in registry.pool.FindAllExtensions(descriptor))
        raise KeyError(f"There is no message type {type_name!r}.")

    def _types(self, type_name: str) -> Iterator[tuple[Registry, Descriptor]]:
        for registry in self.registries:
            try:
                yield registry, registry.pool.FindMessageTypeByName(type_name.removeprefix("."))
            except KeyError:
                continue

    def closure(self, name: str) -> list[bytes]:
        """Give a file and all that it needs, itself first.

        Comments are left out where a client couldn't receive all of it with them, and the dependencies where that
        doesn't suffice; clients then ask for each.
        """
        if name not in self._by_name:
            raise KeyError(f"There is no file {name!r}.")
        found = self._closures.get(name)
        if found is None:
            files = [self._by_name[needed] for needed in self._needed(name)]
            found = [file.SerializeToString() for file in files]
            if sum(map(len, found)) > _BYTES_LIMIT:
                found = [_without_comments(file).SerializeToString() for file in files]
            if sum(map(len, found)) > _BYTES_LIMIT:
                del found[1:]
            self._closures[name] = found
        return found

    def _needed(self, name: str) -> list[str]:
        needed: dict[str, None] = {}
        pending = [name]
        while pending:
            current = pending.pop()
            if current not in needed and current in self._by_name:
                needed[current] = None
                pending.extend(reversed(self._by_name[current].dependency))
        return list(needed)


def _sent_types() -> Sequence[ModuleType]:
    """Return the modules of what stubs, and the server itself, may put into an ``Any`` without a proto that has it."""
    names = [f"google.rpc.{name}_pb2" for name in ("error_details", "status", "code")]
    return [importlib.import_module(name) for name in names]


def _v1_files() -> descriptor_pb2.FileDescriptorSet:
    """Derive the file of v1 from that of v1alpha: only the names differ, and no package ships v1 for Python."""
    file = descriptor_pb2.FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = "grpc.reflection.v1"
    for message in file.message_type:
        for field in message.field:
            if field.HasField("type_name"):
                field.type_name = _in_v1(field.type_name)
    for method in file.service[0].method:
        method.input_type, method.output_type = _in_v1(method.input_type), _in_v1(method.output_type)
    file.options.Clear()
    file.options.java_package = "io.grpc.reflection.v1"
    file.options.java_outer_classname = "ServerReflectionProto"
    file.options.java_multiple_files = True
    file.options.go_package = "google.golang.org/grpc/reflection/grpc_reflection_v1"
    return descriptor_pb2.FileDescriptorSet(file=[file])


def _in_v1(name: str) -> str:
    return name.replace(".grpc.reflection.v1alpha.", ".grpc.reflection.v1.")


def _without_comments(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare
