"""What the behaviors of the admin service's methods have in common, and the handler around each."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.errors import GrpcmockError
from grpcmock.servers.admin.refusals import RefusedError, refuse
from grpcmock.status import Code

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator

    from grpcmock.engine.engine import Engine
    from grpcmock.schema import Method, Registry
    from grpcmock.servers.admin.access import Access
    from grpcmock.servers.health import Health

PAGE = 1_000
"""Stubs or calls in one response, at most."""

BYTES_LIMIT = 3 << 20
"""Bytes of one response; clients accept messages of 4 MiB by default."""

_NAMED = 5

Unary = Callable[[Any, Any], Awaitable[None] | None]
"""Takes a request, and fills a response."""

Streaming = Callable[[Any, Any, type[Any]], AsyncIterator[Any]]
"""Takes a request, the context of the call and the class of its responses, and yields them."""

Behaviors = Mapping[str, Unary | Streaming]
"""By the name of the method. A :class:`GrpcmockError` that one raises is the status of the call."""


@dataclass(frozen=True, slots=True)
class Steered:
    """What there is to steer, and to tell of: one mock server. Touched by the server's loop only."""

    engine: Engine
    health: Health
    service: Registry
    """The descriptors of the admin service."""

    draining: asyncio.Event
    """Set once the server ends: streams end then."""

    texts: Iterator[int] = field(default_factory=lambda: count(1))
    """Numbers for texts of stubs that have no name."""

    def note(self, text: str) -> None:
        """Note in the journal what was changed: everybody who shares the server can see it."""
        self.engine.note("info", text)

    def method(self, name: str) -> Method:
        """Find a method by the name that a request gives. Raises :class:`GrpcmockError`."""
        if not name:
            raise RefusedError(Code.INVALID_ARGUMENT, "method: a method is needed: package.Service/Method.")
        return self.engine.registry.method(name)


def named(names: Iterable[str]) -> str:
    """Write names for people: all of a few, else the first of them."""
    found = [repr(name) for name in names]
    return ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else "")


def handler_of(method: Method, access: Access, behavior: Unary | Streaming) -> grpc.RpcMethodHandler[Any, Any]:
    """Give a handler that lets in whom *access* lets in, and turns the errors of this package into statuses."""
    response_class = method.response_class
    behave: Any = behavior

    async def single(request: Any, context: Any) -> Any:
        response = response_class()
        try:
            access.check(context.peer(), context.invocation_metadata() or ())
            done = behave(request, response)
            if inspect.isawaitable(done):
                await done
        except GrpcmockError as error:
            await refuse(context, error)
        return response

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            access.check(context.peer(), context.invocation_metadata() or ())
            async for response in behave(request, context, response_class):
                yield response
        except GrpcmockError as error:
            await refuse(context, error)

    kinds = {False: grpc.unary_unary_rpc_method_handler, True: grpc.unary_stream_rpc_method_handler}
    make = kinds[method.kind.server_streams]
    return make(
        stream if method.kind.server_streams else single,
        method.request_class.FromString,
        response_class.SerializeToString,
    )


def absent(method: Method) -> Unary | Streaming:
    """Give the behavior of a method that nothing here carries out."""

    def single(_: Any, __: Any) -> None:
        raise RefusedError(Code.UNIMPLEMENTED, f"This version of grpcmock doesn't carry out {method.name}.")

    async def stream(request: Any, _: Any, response_class: type[Any]) -> AsyncIterator[Any]:
        single(request, None)
        yield response_class()

    return stream if method.kind.server_streams else single
