"""The services that generated servicers stand for: by their classes, instances, or the functions that add them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError

if TYPE_CHECKING:
    from types import ModuleType

    from grpc import GenericRpcHandler, RpcMethodHandler

_HINT = (
    "Give a generated servicer class or one derived from it, such as UserServiceServicer, "
    "or its function add_UserServiceServicer_to_server."
)


@dataclass(frozen=True, slots=True)
class Generated:
    """What protoc has generated for one service."""

    servicer: type
    """The generated class, which all implementations derive from."""

    add: Callable[[Any, Any], None]
    """Registers an implementation with a server."""

    @property
    def module(self) -> ModuleType:
        """The ``*_pb2_grpc`` module."""
        return sys.modules[self.servicer.__module__]

    @property
    def service(self) -> str:
        """The full name of the service."""
        return service_of(self.servicer(), self.add)


def service_of(servicer: object, add: Callable[[Any, Any], None]) -> str:
    """Give the full name of the service that a servicer is added as."""
    recorder = _Recorder()
    add(servicer, recorder)
    return recorder.service


def generated_of(one: object) -> Generated:
    """Find the generated code behind a servicer class, an instance of one, or an ``add_…_to_server`` function.

    Raises :class:`SchemaError` for anything else.
    """
    if inspect.isfunction(one):
        return _of_function(one)
    cls = one if isinstance(one, type) else type(one)
    for base in cls.__mro__:
        add = getattr(sys.modules.get(base.__module__), f"add_{base.__name__}_to_server", None)
        if add is not None:
            return Generated(base, add)
    name = cls.__qualname__ if isinstance(one, type) else f"{one!r:.80}"
    raise SchemaError(f"{name} is no generated servicer, nor derived from one. {_HINT}")


def _of_function(function: Callable[..., Any]) -> Generated:
    name = function.__name__
    servicer = getattr(sys.modules.get(function.__module__), name.removeprefix("add_").removesuffix("_to_server"), None)
    if not (name.startswith("add_") and name.endswith("Servicer_to_server") and isinstance(servicer, type)):
        raise SchemaError(f"{name} adds no servicer to a server. {_HINT}")
    return Generated(servicer, function)


class _Recorder:
    """Takes the handlers of a servicer in place of a server."""

    def __init__(self) -> None:
        self.service = ""

    def add_generic_rpc_handlers(self, handlers: tuple[GenericRpcHandler, ...]) -> None:
        for handler in handlers:
            name: Callable[[], str] | None = getattr(handler, "service_name", None)
            self.service = name() if name is not None else self.service

    def add_registered_method_handlers(self, service: str, _: dict[str, RpcMethodHandler[Any, Any]]) -> None:
        self.service = service
