"""The server under test of connectrpc/conformance: its service, answered by a mock.

It is told on stdin what to serve, and tells on stdout where it does. Its arguments are a descriptor set of the protos
of that project, and the transport that is to serve.
"""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage

from grpcmock import MockServer, Registry, Stub
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.steps import Finish, HandlerReturned, HandlerSent, Headers, NextRequest
from grpcmock.schema import sources
from grpcmock.status import DETAILS_KEY, Code, Metadata, encode_details
from grpcmock.stubs.model import Answer

PACKAGE = "connectrpc.conformance.v1"
GRPC = 2
HTTP_1 = 1

Ask = Callable[[Any], Awaitable[Any]]


class Behavior:
    """What the service does: the first request says what to answer, and the answer says what was asked."""

    is_live = True
    """It asks for each request by itself."""

    def __init__(self, registry: Registry, method: str) -> None:
        self._registry = registry
        self._method = registry.methods[f"/{PACKAGE}.ConformanceService/{method}"]

    async def __call__(self, _: Any, call: CallRecord, ask: Ask) -> None:
        finish = await self._answer(call, ask)
        await ask(HandlerReturned(finish))

    async def _answer(self, call: CallRecord, ask: Ask) -> Finish:
        requests: list[Any] = []
        definition: Any = None
        sent = 0
        while (request := await ask(NextRequest())) is not None:
            requests.append(request)
            if len(requests) == 1 and not sent:
                definition = request.response_definition if request.HasField("response_definition") else None
            if getattr(requests[0] if requests else request, "full_duplex", False) or sent:
                if sent == 0:
                    await self._begin(ask, definition, streams=bool(definition and definition.response_data))
                if definition is None or sent >= len(definition.response_data):
                    break
                await self._send(ask, definition, sent, self._info(call, requests, whole=sent == 0))
                sent += 1
                requests = []
        return await self._rest(call, ask, definition, requests, sent)

    async def _rest(self, call: CallRecord, ask: Ask, definition: Any, requests: list[Any], sent: int) -> Finish:
        trailers = _metadata(definition.response_trailers) if definition is not None else ()
        if not self._method.kind.server_streams:
            await self._begin(ask, definition, streams=True)
            if definition is not None:
                await asyncio.sleep(definition.response_delay_ms / 1000)
                if definition.HasField("error"):
                    return self._error(definition.error, trailers, self._info(call, requests, whole=True))
            payload = {"data": definition.response_data if definition is not None else b""}
            await self._reply(ask, payload, self._info(call, requests, whole=True))
            return Finish(trailers=trailers)
        if definition is None:
            return Finish()
        if sent == 0:
            await self._begin(ask, definition, streams=True)
        while sent < len(definition.response_data):
            info = self._info(call, requests, whole=True) if sent == 0 else None
            await self._send(ask, definition, sent, info)
            sent += 1
        if not definition.HasField("error"):
            return Finish(trailers=trailers)
        return self._error(definition.error, trailers, None if sent else self._info(call, requests, whole=True))

    async def _begin(self, ask: Ask, definition: Any, *, streams: bool) -> None:
        if definition is not None and streams:
            await ask(Headers(_metadata(definition.response_headers)))

    async def _send(self, ask: Ask, definition: Any, number: int, info: Any) -> None:
        await asyncio.sleep(definition.response_delay_ms / 1000)
        await self._reply(ask, {"data": definition.response_data[number]}, info)

    async def _reply(self, ask: Ask, payload: dict[str, Any], info: Any) -> None:
        answer = self._registry.message(f"{PACKAGE}.ConformancePayload")(**payload, request_info=info)
        await ask(HandlerSent(self._method.response_class(payload=answer)))

    def _info(self, call: CallRecord, requests: list[Any], *, whole: bool) -> Any:
        info: Any = self._registry.message(f"{PACKAGE}.ConformancePayload.RequestInfo")()
        for request in requests:
            info.requests.add().Pack(request)
        if not whole:
            return info
        by_name: dict[str, list[str]] = {}
        for key, value in call.metadata:
            by_name.setdefault(key, []).append(_text(value))
        for key, values in by_name.items():
            info.request_headers.add(name=key, value=values)
        if call.deadline is not None:
            info.timeout_ms = round(call.deadline * 1000)
        return info

    def _error(self, error: Any, trailers: Metadata, info: Any) -> Finish:
        details = [AnyMessage(type_url=one.type_url, value=one.value) for one in error.details]
        if info is not None:
            packed = AnyMessage()
            packed.Pack(info)
            details.append(packed)
        if details:
            trailers = (*trailers, (DETAILS_KEY, encode_details(error.code, error.message, details)))
        return Finish(Code(error.code), error.message, trailers)


def _metadata(headers: Any) -> Metadata:
    return tuple((header.name.lower(), _value(header.name, value)) for header in headers for value in header.value)


def _value(name: str, text: str) -> str | bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4)) if name.lower().endswith("-bin") else text


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).rstrip(b"=").decode() if isinstance(value, bytes) else value


def serve(registry: Registry, request: Any, folder: Path, transport: Any) -> tuple[MockServer, dict[str, Any]]:
    """Start the mock that is asked for; give it, and what to tell of it."""
    options: dict[str, Any] = {}
    if request.message_receive_limit:
        options["max_message_size"] = request.message_receive_limit
    if request.use_tls:
        files = {"tls_cert": request.server_creds.cert, "tls_key": request.server_creds.key}
        if request.client_tls_cert:
            files["tls_client_ca"] = request.client_tls_cert
        for name, content in files.items():
            (folder / name).write_bytes(content)
            options[name] = folder / name
    # On native all is spoken on one port.
    http = None if transport == "native" else "127.0.0.1:0"
    mock = MockServer(registry, http=http, transport=transport, **options)
    for method in ("Unary", "IdempotentUnary", "ServerStream", "ClientStream", "BidiStream"):
        answer = Answer(handler=Behavior(registry, method))
        mock.add(Stub(method=f"{PACKAGE}.ConformanceService/{method}", name=method, answers=(answer,)))
    mock.add(method=f"{PACKAGE}.ConformanceService/Unimplemented", error={"code": "UNIMPLEMENTED"})
    mock.start()
    speaks_http1 = request.http_version == HTTP_1 and request.protocol != GRPC
    address = mock.http_url.partition("://")[2] if speaks_http1 else mock.target
    host, _, port = address.rpartition(":")
    return mock, {"host": host, "port": int(port), "pem_cert": request.server_creds.cert}


def main() -> None:
    """Serve until SIGTERM comes."""
    registry = sources.load([Path(sys.argv[1])])
    size = int.from_bytes(sys.stdin.buffer.read(4), "big")
    request = registry.message(f"{PACKAGE}.ServerCompatRequest").FromString(sys.stdin.buffer.read(size))
    with tempfile.TemporaryDirectory() as folder:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        mock, told = serve(registry, request, Path(folder), sys.argv[2])
        answer = registry.message(f"{PACKAGE}.ServerCompatResponse")(**told).SerializeToString()
        sys.stdout.buffer.write(len(answer).to_bytes(4, "big") + answer)
        sys.stdout.buffer.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        mock.stop()


if __name__ == "__main__":
    main()
