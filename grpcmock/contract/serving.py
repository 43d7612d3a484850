"""Real servicers served in this process, for tests: ``grpc.aio`` or synchronous, on a free port of the loopback."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.contract.servicers import generated_of, service_of
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS = 16
_GRACE = 0.5

_LOGGERS = ("grpc._cython.cygrpc", "grpc._server")
"""Where gRPC logs what handlers raise."""


@contextmanager
def serving(
    *servicers: object,
    add: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    asynchronous: bool | None = None,
    interceptors: Sequence[Any] = (),
    options: Sequence[tuple[str, Any]] = (),
    reflection: bool = False,
) -> Iterator[str]:
    """Serve instances of servicers until the block ends; give the target, ``127.0.0.1:PORT``.

    The functions ``add_…Servicer_to_server`` are found by the servicers' classes, or given by *add*, in the same order.
    It is a server of ``grpc.aio`` in an event loop of its own if any method is ``async``, and else a synchronous one
    with threads; *asynchronous* says so where that can't be seen. *interceptors* and *options* are those of the server.

    Raises :class:`SchemaError` for a servicer whose function isn't found, and :class:`ConfigError` if there is none.
    """
    adding = _adding(servicers, add)
    if asynchronous is None:
        asynchronous = any(_is_async(servicer) for servicer, _ in adding)
    begin = _asynchronous if asynchronous else _synchronous
    with _logged_once(), begin(adding, interceptors, [("grpc.so_reuseport", 0), *options], reflection) as target:
        yield target


Adding = list[tuple[object, "Callable[..., Any]"]]


def _adding(servicers: tuple[object, ...], add: Callable[..., Any] | Sequence[Callable[..., Any]]) -> Adding:
    if not servicers:
        raise ConfigError("There is nothing to serve: give an instance of a servicer.")
    for servicer in servicers:
        if isinstance(servicer, type):
            raise ConfigError(f"{servicer.__qualname__} is a class. Give an instance: {servicer.__qualname__}().")
    functions = [add] if callable(add) else list(add)
    if not functions:
        functions = [generated_of(servicer).add for servicer in servicers]
    if len(functions) != len(servicers):
        raise ConfigError(f"There are {len(servicers)} servicers, and {len(functions)} functions to add them.")
    return list(zip(servicers, functions, strict=True))


def _is_async(servicer: object) -> bool:
    for name in dir(type(servicer)):
        function = inspect.unwrap(getattr(type(servicer), name)) if not name.startswith("_") else None
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return True
    return False


@contextmanager
def _logged_once() -> Iterator[None]:
    """Let gRPC log each exception of a handler once: a test that makes a failure small raises it a hundred times."""
    seen: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        if record.exc_info is None or record.exc_info[1] is None:
            return True
        text = "".join(traceback.format_tb(record.exc_info[2])) + type(record.exc_info[1]).__name__
        if text in seen:
            return False
        seen.add(text)
        return True

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(is_new)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_new)


@contextmanager
def _synchronous(
    adding: Adding, interceptors: Sequence[Any], options: list[tuple[str, Any]], reflection: bool
) -> Iterator[str]:
    pool = ThreadPoolExecutor(_THREADS, "grpcmock-serving")
    server = grpc.server(pool, interceptors=list(interceptors), options=options)
    try:
        port = _fill(server, adding, reflection)
        server.start()
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(_GRACE).wait()
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _asynchronous(
    adding: Adding, interceptors: Sequence[Any], options: list[tuple[str, Any]], reflection: bool
) -> Iterator[str]:
    thread = LoopThread("grpcmock-serving")

    async def start() -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(interceptors=interceptors, options=options)
        port = _fill(server, adding, reflection)
        await server.start()
        return server, port

    try:
        server, port = thread.run(start())
        try:
            yield f"127.0.0.1:{port}"
        finally:
            thread.run(server.stop(_GRACE))
    finally:
        thread.close()


def _fill(server: Any, adding: Adding, reflection: bool) -> int:
    """Add the servicers, and take a port."""
    for servicer, add in adding:
        add(servicer, server)
    if reflection:
        try:
            from grpc_reflection.v1alpha.reflection import SERVICE_NAME, enable_server_reflection
        except ImportError:
            raise ConfigError("reflection=True needs the package grpcio-reflection.") from None
        names = [service_of(servicer, add) for servicer, add in adding]
        enable_server_reflection((*names, SERVICE_NAME), server)
    port: int = server.add_insecure_port("127.0.0.1:0")
    return port
