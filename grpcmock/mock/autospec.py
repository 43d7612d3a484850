"""From a method of a generated servicer to the method that its proto declares."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool

from grpcmock.errors import SchemaError
from grpcmock.schema.modules import registry_of

if TYPE_CHECKING:
    from grpcmock.schema import Registry

_HINT = (
    "Give a path such as 'package.Service/Method', or a method of a generated servicer: UserServiceServicer.GetUser."
)


def find(function: Callable[..., Any]) -> tuple[str, Registry]:
    """Give the path of the method that a servicer's function stands for, and a registry that has it.

    Takes the functions of generated servicer classes, of classes derived from one, and bound methods.
    Raises :class:`SchemaError` for anything else.
    """
    function = getattr(function, "__func__", function)
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
    written = name.removeprefix("/")
    service, _, _ = written.rpartition("/") if "/" in written else written.rpartition(".")
    try:
        return registry_of(descriptor_pool.Default().FindServiceByName(service).file)
    except KeyError:
        return None
