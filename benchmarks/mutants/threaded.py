"""The directory on grpcio's synchronous server."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import grpc

from benchmarks.mutants.service import Call, Service
from benchmarks.mutants.steps import Detach, Gone, Next, Program, Receive, Refusal, Send, Settle, Sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.mutants.infrastructure import Infrastructure

_THREADS = 64
"""Every open stream takes one."""


class ThreadedHandler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic at run time
    """Takes every call as raw bytes in both directions, whatever its kind."""

    def __init__(self, service: Service, infrastructure: Infrastructure) -> None:
        self._service = service
        self._infrastructure = infrastructure

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        program = self._infrastructure.program(details.method)
        if program is None:
            method = self._service.find(details.method)
            if method is None:
                return None
            program = self._service.program(Call(method, tuple(details.invocation_metadata or ())))

        def handle(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            return _serve(program, requests, context)

        return grpc.stream_stream_rpc_method_handler(cast("Any", handle))


def _serve(program: Program, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    try:
        yield from _carry_out(program, requests, context)
    except Gone:
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "It is too late.")
    except Refusal as refusal:
        context.set_trailing_metadata(refusal.trailers)
        context.abort(refusal.code, refusal.message)


def _carry_out(program: Program, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    """Do what the program says, until it ends."""
    answer: Any = None
    detached = False
    try:
        while True:
            try:
                step = program.send(answer)
            except StopIteration:
                return
            answer = None
            match step:
                case Receive():
                    answer = _receive(requests, context, step)
                case Send():
                    yield step.data
                case Settle():
                    _settle(context)
                case Sleep():
                    _sleep(step.seconds, context, detached)
                case Next():
                    _news(step, context)
                case Detach():
                    detached = True
    finally:
        program.close()


def _receive(requests: Iterator[bytes], context: Any, step: Receive) -> bytes | None:
    for _ in range(1 + step.sure):
        try:
            return next(requests)
        except StopIteration:
            continue  # what is asked for once more comes back behind the cancellation, if there was one
        except grpc.RpcError:
            break
    if step.sure and not context.is_active():
        raise Gone
    return None


def _settle(context: Any) -> None:
    left = context.time_remaining()
    if not context.is_active() or (left is not None and left <= 0):
        raise Gone


def _sleep(seconds: float, context: Any, detached: bool) -> None:
    if detached:
        time.sleep(seconds)
    elif _ended(context).wait(seconds):
        raise Gone


def _news(step: Next, context: Any) -> None:
    waiting = _ended(context)
    step.feed.wake = waiting.set
    while not step.feed.news:
        waiting.wait()
        if not context.is_active():
            raise Gone
        waiting.clear()


def _ended(context: Any) -> threading.Event:
    """Give an event that is set when the call ends."""
    event = threading.Event()
    if not context.add_callback(event.set):
        raise Gone
    return event


@contextlib.contextmanager
def running(service: Service, infrastructure: Infrastructure, address: str) -> Iterator[tuple[int, Callable[[], Any]]]:
    """Serve until the block ends; gives the port, and what stops the server at once."""
    pool = ThreadPoolExecutor(_THREADS)
    # All threads at once, so that their number says something about leaks.
    together = threading.Barrier(_THREADS + 1)
    for _ in range(_THREADS):
        pool.submit(together.wait)
    together.wait()
    server = grpc.server(pool, handlers=[ThreadedHandler(service, infrastructure)], options=list(service.options))
    port = server.add_insecure_port(address)
    server.start()
    try:
        yield port, lambda: server.stop(None)
    finally:
        server.stop(None).wait()
        pool.shutdown()
