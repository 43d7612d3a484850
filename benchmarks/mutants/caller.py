"""A client for the directory that sends what it is told, right or wrong, and says what came back."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import h2.config
import h2.connection
from google.protobuf import json_format

from benchmarks.mutants.schema import PACKAGE, Message, registry
from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Pause, Receive, Send
from grpcmock.client.call import Outcome, perform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

Request = str | bytes
"""ProtoJSON, or the bytes of a message."""


class Caller:
    """Calls by short names of methods, such as ``UserService/GetUser``."""

    def __init__(self, channel: grpc.aio.Channel, target: str, token: str | None) -> None:
        self.channel = channel
        self.target = target
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    async def send(
        self,
        method: str,
        *requests: Request,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        deadline: float | None = 3.0,
        half_close: bool = True,
        cancel_after: int | None = None,
        limit: int | None = None,
    ) -> Outcome:
        """Make a call; with *cancel_after*, wait for so many responses and a moment more, then cancel it."""
        actions: list[Action] = [Send(encoded(method, request)) for request in requests]
        if cancel_after is not None:
            actions += [Receive(cancel_after), Pause(0.02), Cancel()]
        elif half_close:
            actions.append(HALF_CLOSE)
        return await perform(
            self.channel,
            path_of(method),
            actions,
            metadata=(*self._metadata, *metadata),
            deadline=deadline,
            limit=limit,
        )

    async def ok(self, method: str, *requests: Request) -> Message:
        """Make a call that must go well, and give its first answer."""
        outcome = await self.send(method, *requests)
        if outcome.code != grpc.StatusCode.OK.value[0]:
            raise AssertionError(f"{method} ended with {outcome.code.name}: {outcome.message}")
        return decoded(method, outcome)[0]

    async def send_compressed_garbage(self, method: str) -> bool:
        """Say that a message is compressed when it isn't; tell whether the connection lives on."""
        reader, writer = await asyncio.open_connection(*self.target.split(":"))
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        connection.initiate_connection()
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path_of(method)), (":authority", self.target)]
        headers += [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")]
        connection.send_headers(1, headers)
        connection.send_data(1, b"\x01\x00\x00\x00\x04\xff\xff\xff\xff", end_stream=True)
        writer.write(connection.data_to_send())
        try:
            while data := await reader.read(65_536):
                events = connection.receive_data(data)
                if any(type(event).__name__ in ("StreamEnded", "StreamReset") for event in events):
                    return True
        except ConnectionError:
            pass
        finally:
            writer.close()
        return False


@asynccontextmanager
async def calling(
    target: str, *, token: str | None = None, compression: grpc.Compression = grpc.Compression.NoCompression
) -> AsyncIterator[Caller]:
    """Give a caller of this target."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    options += [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(target, options=options, compression=compression) as channel:
        yield Caller(channel, target, token)


def path_of(method: str) -> str:
    return f"/{method}" if method.startswith("grpc.") else f"/{PACKAGE}.{method}"


def encoded(method: str, request: Request) -> bytes:
    if isinstance(request, bytes):
        return request
    found: Any = registry().method(f"{PACKAGE}.{method}").request_class()
    return bytes(json_format.ParseDict(json.loads(request), found).SerializeToString())


def decoded(method: str, outcome: Outcome) -> list[Message]:
    """Decode all answers; raises :class:`DecodeError` for one that can't be."""
    response_class: Any = registry().method(f"{PACKAGE}.{method}").response_class
    return [response_class.FromString(data) for data in outcome.responses]
