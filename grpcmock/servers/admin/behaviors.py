"""What the behaviors of the admin service's methods have in common, and the handler around each."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.engine.sessions import check_name
from grpcmock.errors import GrpcmockError
from grpcmock.servers.admin.refusals import RefusedError, refuse
from grpcmock.servers.services import Context
from grpcmock.status import Code, session_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator

    from grpcmock.engine.engine import Engine
    from grpcmock.engine.session import Session
    from grpcmock.engine.store import Store
    from grpcmock.schema import Method, Registry
    from grpcmock.servers.admin.access import Access
    from grpcmock.servers.health import Health
    from grpcmock.status import Metadata

PAGE = 1_000
"""Stubs or calls in one response, at most."""

BYTES_LIMIT = 3 << 20
"""Bytes of one response; clients accept messages of 4 MiB by default."""

_NAMED = 5

_UNLOCKED: AbstractContextManager[object] = nullcontext()

Unary = Callable[[Any, Any], Awaitable[None] | None]
"""Takes a request, and fills a response."""

Streaming = Callable[[Any, Any, type[Any]], AsyncIterator[Sequence[Any]]]
"""Takes a request, the context of the call and the class of its responses, and yields those that there are at once."""

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

    def note(self, text: str, session: str = "") -> None:
        """Note in the journal what was changed, perhaps in a session: everybody who shares the server can see it."""
        self.engine.note("info", f"In the session {session!r}: {text[:1].lower()}{text[1:]}" if session else text)

    def method(self, name: str) -> Method:
        """Find a method by the name that a request gives. Raises :class:`GrpcmockError`."""
        if not name:
            raise RefusedError(Code.INVALID_ARGUMENT, "method: a method is needed: package.Service/Method.")
        return self.engine.registry.method(name)

    def session(self, name: str) -> Session | None:
        """Give the session that a request names, which begins by that; None if it names none.

        Raises :class:`ConfigError` for a name that no call could give.
        """
        if not name:
            return None
        check_name(name)
        return self.engine.sessions.use(name)

    def stubs(self, session: str) -> Store | Session:
        """Give the stubs, counts and states that a request is about: those of a session, or the common ones."""
        own = self.session(session)
        return self.engine.store if own is None else own


def named(names: Iterable[str]) -> str:
    """Write names for people: all of a few, else the first of them."""
    found = [repr(name) for name in names]
    return ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else "")


class _Holding:
    """Something to be awaited, each step of which holds a lock, and nothing else does: it may wait for long."""

    def __init__(self, lock: AbstractContextManager[object], awaited: Awaitable[Any]) -> None:
        self._lock = lock
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._awaited.__await__()
        go_on: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                with self._lock:
                    waits_for = go_on()
            except StopIteration as end:
                return end.value
            try:
                came = yield waits_for
                go_on = partial(next, steps) if came is None else partial(steps.send, came)
            except BaseException as error:  # noqa: BLE001 - it is for what is awaited
                go_on = partial(steps.throw, error)


def handler_of(
    method: Method,
    access: Access,
    behavior: Unary | Streaming,
    lock: AbstractContextManager[object] = _UNLOCKED,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Give a handler that lets in whom *access* lets in, and turns the errors of this package into statuses.

    Each of its steps holds the *lock* of the engine, if threads share that.
    """
    response_class = method.response_class
    behave: Any = behavior

    async def single(request: Any, context: Any) -> Any:
        response = response_class()
        try:
            metadata = context.invocation_metadata() or ()
            access.check(context.peer(), metadata)
            _name_session(request, metadata)
            with lock:
                done = behave(request, response)
            if inspect.isawaitable(done):
                await _Holding(lock, done)
        except GrpcmockError as error:
            await refuse(context, error)
        return response

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            metadata = context.invocation_metadata() or ()
            access.check(context.peer(), metadata)
            _name_session(request, metadata)
            responses = behave(request, context, response_class)
            try:
                while True:
                    batch = await _Holding(lock, anext(responses))
                    if isinstance(context, Context):
                        await context.write_all(batch)
                        continue
                    for response in batch:
                        yield response
            except StopAsyncIteration:
                return
            finally:
                await responses.aclose()
        except GrpcmockError as error:
            await refuse(context, error)

    kinds = {False: grpc.unary_unary_rpc_method_handler, True: grpc.unary_stream_rpc_method_handler}
    make = kinds[method.kind.server_streams]
    return make(
        stream if method.kind.server_streams else single,
        method.request_class.FromString,
        response_class.SerializeToString,
    )


def _name_session(request: Any, metadata: Metadata) -> None:
    """Take the session that the metadata name for that of the request, unless it names one itself."""
    if "session" in request.DESCRIPTOR.fields_by_name and not request.session:
        request.session = session_of(metadata)


def absent(method: Method) -> Unary | Streaming:
    """Give the behavior of a method that nothing here carries out."""

    def single(_: Any, __: Any) -> None:
        raise RefusedError(Code.UNIMPLEMENTED, f"This version of grpcmock doesn't carry out {method.name}.")

    async def stream(request: Any, _: Any, response_class: type[Any]) -> AsyncIterator[Sequence[Any]]:
        single(request, None)
        yield (response_class(),)

    return stream if method.kind.server_streams else single
