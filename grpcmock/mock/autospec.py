"""From a method of a generated servicer to the method that its proto declares."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool

from grpcmock.errors import SchemaError, did_you_mean
from grpcmock.schema.modules import registry_of

if TYPE_CHECKING:
    from grpcmock.schema import Registry

_HINT = (
    "Give a path such as 'package.Service/Method', or a method of a generated servicer: UserServiceServicer.GetUser."
)


_METHODS = 12
"""Methods of a class that a hint names."""


def find(function: Callable[..., Any]) -> tuple[str, Registry]:
    """Give the path of the method that a servicer's function stands for, and a registry that has it.

    Takes the functions of generated servicer classes, of classes derived from one, and bound methods.
    Raises :class:`SchemaError` for anything else.
    """
    __tracebackhide__ = True
    function = getattr(function, "__func__", function)
    if isinstance(function, type) and (methods := _methods_of(function)):
        raise SchemaError(f"{function.__name__} is a class: give one of its methods. {methods}")
    qualname, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    owner_name, _, name = qualname.rpartition(".")
    if not owner_name or "<locals>" in owner_name:
        where = "a local class can't be looked up" if "<locals>" in owner_name else "it belongs to no class"
        raise SchemaError(f"{function!r:.80} is no method of a generated servicer: {where}. {_HINT}")
    try:
        owner: object = reduce(getattr, owner_name.split("."), sys.modules[module])
    except (AttributeError, KeyError):
        raise SchemaError(f"The class of {module}.{qualname} can't be found. {_HINT}") from None
    if not isinstance(owner, type):
        raise SchemaError(f"{qualname} is no method of a class. {_HINT}")
    return _path(owner, name)


def _methods_of(owner: type) -> str:
    """Name the methods of a generated servicer; empty if the class is none."""
    service = owner.__name__.removesuffix("Stub").removesuffix("Servicer")
    try:
        methods = registry_of(owner).methods.values()
    except SchemaError:
        return ""
    names = [method.name for method in methods if method.service.rpartition(".")[2] == service]
    shown = ", ".join(f"{service}Servicer.{name}" for name in names[:_METHODS])
    more = f" and {len(names) - _METHODS} more" if len(names) > _METHODS else ""
    return f"They are: {shown}{more}." if names else ""


@lru_cache(256)
def _path(owner: type, name: str) -> tuple[str, Registry]:
    for base in owner.__mro__:
        service = base.__name__.removesuffix("Servicer").removesuffix("Stub")
        if hasattr(sys.modules.get(base.__module__), f"add_{service}Servicer_to_server"):
            registry = registry_of(getattr(sys.modules[base.__module__], f"{service}Servicer", base))
            own = sys.modules.get(base.__module__.removesuffix("_grpc"))
            found = [method for method in registry.methods.values() if method.service.rpartition(".")[2] == service]
            # An imported file may have a service of the same name.
            file = getattr(getattr(own, "DESCRIPTOR", None), "name", None)
            found = [method for method in found if method.descriptor.containing_service.file.name == file] or found
            for method in found:
                if method.name == name:
                    return method.path, registry
            raise SchemaError(f"{base.__name__} has no method {name} in its proto. {_HINT}")
    raise SchemaError(f"{owner.__qualname__} is no generated servicer, nor derived from one. {_HINT}")


def imported(name: str) -> Registry | None:
    """Give a registry that has the method of this name, if generated code for it has been imported."""
    try:
        return registry_of(descriptor_pool.Default().FindServiceByName(_service(name)).file)
    except KeyError:
        return None


def _service(name: str) -> str:
    written = name.removeprefix("/")
    return (written.rpartition("/") if "/" in written else written.rpartition("."))[0]


def unknown(name: str, registry: Registry) -> str:
    """Say that the mock doesn't know the service of a method, and how it would; empty if it knows that."""
    service = _service(name)
    if not service or service in registry.services:
        return ""
    from grpcmock.mock.generated import module_of

    hint = did_you_mean(service, registry.services)
    text = f"There is no method {name!r}: the mock knows no service {service!r}. {hint}".rstrip()
    text += "\nGive it the protos (under pytest, the setting grpcmock_protos), or import the generated code first"
    found = module_of(service)
    if found is None:
        return f"{text}: its module ends with _pb2_grpc."
    module, file = found
    how = f"import {module}" if module else "it lies outside of sys.path"
    return f"{text}: {how} ({file})."
