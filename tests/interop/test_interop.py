# mypy: disable-error-code="arg-type"
"""The interoperability cases of the gRPC project hold for a server expressed in stubs alone.

The cases: grpc/grpc, doc/interop-test-descriptions.md. They are run by the two clients of grpcio, and, where it can be
had, by the gRPC project's own client in Go.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.schema import sources
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "interop"
FILES = Files(protos=[EXAMPLE / "protos"], stubs=[EXAMPLE / "stubs.yaml"])
SERVICE = "/grpc.testing.TestService"
ECHO_INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
ECHO_TRAILING = ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"

REGISTRY = sources.load(FILES.protos)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    loop = LoopThread()

    async def start() -> Host:
        host = Host(FILES)
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    host = loop.run(start())
    yield str(host.addresses[0])
    loop.run(host.stop(0))
    loop.close()


def message(name: str, **fields: Any) -> Any:
    return REGISTRY.message(f"grpc.testing.{name}")(**fields)


def payload(size: int) -> Any:
    return message("Payload", body=bytes(size))


def output_request(*sizes: int, **fields: Any) -> Any:
    parameters = [message("ResponseParameters", size=size) for size in sizes]
    return message("StreamingOutputCallRequest", response_parameters=parameters, **fields)


# The cases by the asynchronous client -------------------------------------------------------------


class Client:
    """Calls of typed methods on a channel of ``grpc.aio``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    def _method(self, kind: str, path: str, response: str) -> Any:
        decode = REGISTRY.message(f"grpc.testing.{response}").FromString
        return getattr(self.channel, kind)(path, lambda m: m.SerializeToString(), decode)

    def __getattr__(self, name: str) -> Any:
        kind, response = {
            "EmptyCall": ("unary_unary", "Empty"),
            "UnimplementedCall": ("unary_unary", "Empty"),
            "UnaryCall": ("unary_unary", "SimpleResponse"),
            "StreamingInputCall": ("stream_unary", "StreamingInputCallResponse"),
            "StreamingOutputCall": ("unary_stream", "StreamingOutputCallResponse"),
            "FullDuplexCall": ("stream_stream", "StreamingOutputCallResponse"),
        }[name]
        return self._method(kind, f"{SERVICE}/{name}", response)


async def empty_unary(client: Client) -> None:
    assert await client.EmptyCall(message("Empty")) == message("Empty")


async def large_unary(client: Client) -> None:
    response = await client.UnaryCall(message("SimpleRequest", response_size=314159, payload=payload(271828)))
    assert response.payload == payload(314159)


async def client_streaming(client: Client) -> None:
    requests = [message("StreamingInputCallRequest", payload=payload(size)) for size in (27182, 8, 1828, 45904)]
    response = await client.StreamingInputCall(iter(requests))
    assert response.aggregated_payload_size == 74922


async def server_streaming(client: Client) -> None:
    sizes = (31415, 9, 2653, 58979)
    received = [response async for response in client.StreamingOutputCall(output_request(*sizes))]
    assert [len(response.payload.body) for response in received] == list(sizes)


async def ping_pong(client: Client) -> None:
    call = client.FullDuplexCall()
    for asked, sent in ((31415, 27182), (9, 8), (2653, 1828), (58979, 45904)):
        await call.write(output_request(asked, payload=payload(sent)))
        assert len((await call.read()).payload.body) == asked
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def empty_stream(client: Client) -> None:
    call = client.FullDuplexCall()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def custom_metadata(client: Client) -> None:
    unary = client.UnaryCall(
        message("SimpleRequest", response_size=314159, payload=payload(271828)), metadata=(ECHO_INITIAL, ECHO_TRAILING)
    )
    await unary
    duplex = client.FullDuplexCall(metadata=(ECHO_INITIAL, ECHO_TRAILING))
    await duplex.write(output_request(314159, payload=payload(271828)))
    await duplex.read()
    await duplex.done_writing()
    assert await duplex.read() is grpc.aio.EOF
    for call in (unary, duplex):
        assert ECHO_INITIAL in [tuple(pair) for pair in await call.initial_metadata()]
        assert ECHO_TRAILING in [tuple(pair) for pair in await call.trailing_metadata()]


async def _fails(client: Client, text: str) -> None:
    status = message("EchoStatus", code=2, message=text)
    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await client.UnaryCall(message("SimpleRequest", response_status=status))
    assert (unary.value.code(), unary.value.details()) == (grpc.StatusCode.UNKNOWN, text)
    duplex = client.FullDuplexCall()
    await duplex.write(output_request(response_status=status))
    await duplex.done_writing()
    with pytest.raises(grpc.aio.AioRpcError):
        await duplex.read()
    assert (await duplex.code(), await duplex.details()) == (grpc.StatusCode.UNKNOWN, text)


async def status_code_and_message(client: Client) -> None:
    await _fails(client, "test status message")


async def special_status_message(client: Client) -> None:
    await _fails(client, SPECIAL)


async def unimplemented_method(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.UnimplementedCall(message("Empty"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def unimplemented_service(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.channel.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def cancel_after_begin(client: Client) -> None:
    call = client.StreamingInputCall()
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await call.code() is grpc.StatusCode.CANCELLED


async def cancel_after_first_response(client: Client) -> None:
    call = client.FullDuplexCall()
    await call.write(output_request(31415, payload=payload(27182)))
    await call.read()
    assert call.cancel()
    assert await call.code() is grpc.StatusCode.CANCELLED


async def timeout_on_sleeping_server(client: Client) -> None:
    # A write that begins after the deadline is told by grpc.aio as INTERNAL, an error of its own, instead of the status
    # of the call; so the deadline grows until the message is out before it.
    for timeout in (0.001, 0.01, 0.1, 1, 10):
        call = client.FullDuplexCall(timeout=timeout)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.write(message("StreamingOutputCallRequest", payload=payload(27182)))
            await call.read()
        if "execute_batch" not in (caught.value.debug_error_string() or ""):
            break
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


CASES: tuple[Callable[[Client], Awaitable[None]], ...] = (
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    custom_metadata,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_case_by_the_asynchronous_client(case: Callable[[Client], Awaitable[None]], address: str) -> None:
    async with grpc.aio.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        await case(Client(channel))


# The kinds by the synchronous client --------------------------------------------------------------


def test_all_four_kinds_by_the_synchronous_client(address: str) -> None:
    def typed(kind: str, name: str, response: str) -> Any:
        decode = REGISTRY.message(f"grpc.testing.{response}").FromString
        return getattr(channel, kind)(f"{SERVICE}/{name}", lambda m: m.SerializeToString(), decode)

    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        unary = typed("unary_unary", "UnaryCall", "SimpleResponse")
        assert unary(message("SimpleRequest", response_size=9)).payload == payload(9)
        collect = typed("stream_unary", "StreamingInputCall", "StreamingInputCallResponse")
        requests = (message("StreamingInputCallRequest", payload=payload(size)) for size in (1, 2, 3))
        assert collect(requests).aggregated_payload_size == 6
        stream = typed("unary_stream", "StreamingOutputCall", "StreamingOutputCallResponse")
        assert [len(r.payload.body) for r in stream(output_request(4, 3, 2, 1))] == [4, 3, 2, 1]
        duplex = typed("stream_stream", "FullDuplexCall", "StreamingOutputCallResponse")
        assert [len(r.payload.body) for r in duplex(output_request(size) for size in (5, 6))] == [5, 6]
        with pytest.raises(grpc.RpcError) as caught:
            unary(message("SimpleRequest", response_status=message("EchoStatus", code=2, message=SPECIAL)))
        assert caught.value.details() == SPECIAL


# The gRPC project's own client --------------------------------------------------------------------


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interop client of grpc-go: built once, where Go is and its modules can be had."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    if os.environ.get("GRPCMOCK_GO_CLIENT") != "1":
        pytest.skip("building the Go client takes a minute: set GRPCMOCK_GO_CLIENT=1")
    folder = tmp_path_factory.mktemp("go")
    module = "google.golang.org/grpc/interop/client@v1.76.0"
    built = subprocess.run(
        ["go", "install", module], env={**os.environ, "GOBIN": str(folder)}, capture_output=True, text=True, timeout=600
    )
    if built.returncode:
        pytest.skip(f"{module} can't be built: {built.stderr[-300:]}")
    return folder / "client"


@pytest.mark.parametrize("case", [case.__name__ for case in CASES])
def test_case_by_the_go_client(case: str, go_client: Path, address: str) -> None:
    host, _, port = address.rpartition(":")
    command = [go_client, f"-server_host={host}", f"-server_port={port}", f"-test_case={case}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
