"""Interceptors of clients that send metadata with every call: which session of a shared mock it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

if TYPE_CHECKING:
    from grpcmock.status import Metadata

_Continuation = Callable[[Any, Any], Any]


class _Details(grpc.ClientCallDetails):
    """How a call is made, with more metadata."""

    def __init__(self, details: Any, more: Metadata) -> None:
        self.method, self.timeout, self.credentials = details.method, details.timeout, details.credentials
        self.wait_for_ready, self.compression = details.wait_for_ready, details.compression
        self.metadata = (*(details.metadata or ()), *more)


class Sending(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sends metadata with every call of a synchronous channel."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def _send(self, continuation: _Continuation, details: Any, request: Any) -> Any:
        return continuation(_Details(details, self._metadata), request)

    intercept_unary_unary = intercept_unary_stream = _send  # type: ignore[assignment]
    intercept_stream_unary = intercept_stream_stream = _send  # type: ignore[assignment]


class _AioSending:
    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def _send(self, continuation: _Continuation, details: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self._metadata)
        return await continuation(details._replace(metadata=metadata), request)


class _UnaryUnary(_AioSending, grpc.aio.UnaryUnaryClientInterceptor):
    intercept_unary_unary = _AioSending._send  # type: ignore[assignment]  # noqa: SLF001


class _UnaryStream(_AioSending, grpc.aio.UnaryStreamClientInterceptor):
    intercept_unary_stream = _AioSending._send  # type: ignore[assignment]  # noqa: SLF001


class _StreamUnary(_AioSending, grpc.aio.StreamUnaryClientInterceptor):
    intercept_stream_unary = _AioSending._send  # type: ignore[assignment]  # noqa: SLF001


class _StreamStream(_AioSending, grpc.aio.StreamStreamClientInterceptor):
    intercept_stream_stream = _AioSending._send  # type: ignore[assignment]  # noqa: SLF001


def aio_sending(metadata: Metadata) -> list[grpc.aio.ClientInterceptor]:
    """Give the interceptors that send metadata with every call of a channel for asyncio: it wants one of each kind."""
    return [kind(metadata) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]
