"""Make a registry of generated Python code: ``*_pb2`` modules, ``*_pb2_grpc`` modules, servicer and message classes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor

from grpcmock.errors import SchemaError
from grpcmock.schema.registry import Registry

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto


def registry_of(*generated: Any) -> Registry:
    """Make a registry of all the files that *generated* code belongs to, and that those import.

    Takes ``user_pb2``, ``user_pb2_grpc``, ``UserServiceServicer`` or a class derived from it, ``UserServiceStub``, an
    instance of these, a message class, and a file descriptor. Raises :class:`SchemaError` for anything else.
    """
    files: dict[str, FileDescriptorProto] = {}
    pending = [file for one in generated for file in _files_of(one)]
    while pending:
        file = pending.pop(0)
        if file.name not in files:
            files[file.name] = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
            pending += file.dependencies
    return Registry(descriptor_pb2.FileDescriptorSet(file=files.values()))


def _files_of(one: Any) -> list[FileDescriptor]:
    if isinstance(one, FileDescriptor):
        return [one]
    if isinstance(one, ModuleType):
        return _files_of_module(one)
    cls = one if isinstance(one, type) else type(one)
    if isinstance(descriptor := getattr(cls, "DESCRIPTOR", None), Descriptor):
        return [descriptor.file]
    for base in cls.__mro__:
        if _is_grpc_class(base):
            return _files_of_module(importlib.import_module(base.__module__))
    raise SchemaError(
        f"{_name(one)} is not generated code. Give a *_pb2 module, a *_pb2_grpc module, or a servicer class of one."
    )


def _files_of_module(module: ModuleType) -> list[FileDescriptor]:
    own = getattr(module, "DESCRIPTOR", None)
    if isinstance(own, FileDescriptor):
        return [own]
    found = list(_messages_modules(module))
    if not found:
        raise SchemaError(f"The module {module.__name__} is neither a *_pb2 nor a *_pb2_grpc module.")
    return [beside.DESCRIPTOR for beside in found]


def _messages_modules(module: ModuleType) -> Iterator[ModuleType]:
    """Yield the ``*_pb2`` modules beside and behind a ``*_pb2_grpc`` module."""
    if not any(name.startswith("add_") and name.endswith("_to_server") for name in vars(module)):
        return
    # A service whose messages all come from elsewhere doesn't import the module of its own file.
    if module.__name__.endswith("_grpc"):
        name = module.__name__.removesuffix("_grpc")
        try:
            yield importlib.import_module(name)
        except ImportError as error:
            raise SchemaError(f"The module {module.__name__} needs {name} beside it: {error}.") from None
    for value in vars(module).values():
        if isinstance(value, ModuleType) and isinstance(getattr(value, "DESCRIPTOR", None), FileDescriptor):
            yield value


def _is_grpc_class(cls: type) -> bool:
    for ending in ("Servicer", "Stub"):
        if cls.__name__.endswith(ending):
            try:
                module = importlib.import_module(cls.__module__)
            except ImportError:
                return False
            service = cls.__name__.removesuffix(ending)
            return hasattr(module, f"add_{service}Servicer_to_server")
    return False


def _name(one: Any) -> str:
    return one.__qualname__ if isinstance(one, type) else f"{one!r:.80}"
