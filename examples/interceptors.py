"""Interceptors for a mock server: the behavior that a real one has around its methods.

Use them by name, from the directory of this file; the first one named is the outermost::

    grpcmock serve --interceptor interceptors:LoggingInterceptor --interceptor interceptors:require_token

An interceptor is told the method and the metadata of each call before the call is answered. It hands the call on with
``continuation``, or gives a handler of its own, which then answers instead. They are those of any ``grpc.aio`` server.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

log = logging.getLogger("interceptors")

Handler = grpc.RpcMethodHandler
Details = grpc.HandlerCallDetails
Continuation = Callable[[Details], Awaitable[Handler]]


class LoggingInterceptor(grpc.aio.ServerInterceptor):
    """Logs the name of every method that is called. A class that is named is made without arguments."""

    async def intercept_service(self, continuation: Continuation, handler_call_details: Details) -> Handler:
        log.info("gRPC call: %s", handler_call_details.method)
        return await continuation(handler_call_details)


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls whose metadata ``authorization`` doesn't hold the token."""

    def __init__(self, token: str) -> None:
        self._wanted = f"Bearer {token}"

    async def intercept_service(self, continuation: Continuation, handler_call_details: Details) -> Handler:
        if ("authorization", self._wanted) in handler_call_details.invocation_metadata:
            return await continuation(handler_call_details)
        return grpc.stream_stream_rpc_method_handler(_refuse)  # it fits methods of every kind


async def _refuse(_: Any, context: grpc.aio.ServicerContext) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "The token is missing or wrong.")


require_token = TokenInterceptor("secret")
"""An instance that is named is used as it is: so an interceptor can have settings."""
