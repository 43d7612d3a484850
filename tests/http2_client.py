# mypy: disable-error-code="arg-type"
"""A client of HTTP/2 that does just what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import DataReceived, Event, ResponseReceived, TrailersReceived

GET = "/user.UserService/GetUser"


class Never(Event):
    """No event."""


@dataclass
class Client:
    """A client of HTTP/2 that does nothing by itself, not even answer pings, if it *is_deaf*."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_deaf: bool = False
    h2: H2Connection = field(default_factory=lambda: H2Connection(H2Configuration(header_encoding="utf-8")))
    events: list[Event] = field(default_factory=list)
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def ask(self, number: int, body: bytes, path: str = GET, **headers: str) -> None:
        asked = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": path}
        asked |= {"content-type": "application/grpc", "te": "trailers"}
        asked |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.h2.send_headers(number, list(asked.items()))
        self.h2.send_data(number, body, end_stream=True)
        self.flush()

    async def until(self, *kinds: type[Event]) -> Event | None:
        """Read until an event of one of these kinds has come; None at the end of the connection."""
        while not (found := [event for event in self.events if isinstance(event, kinds)]):
            try:
                head = await self.reader.readexactly(9)
                frame = head + await self.reader.readexactly(int.from_bytes(head[:3], "big"))
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            events = self.h2.receive_data(frame)
            if self.h2.state_machine.state is ConnectionState.CLOSED:
                # This library takes nothing more after a GOAWAY, though calls under way go on.
                self.h2.state_machine.state = ConnectionState.CLIENT_OPEN
            for event in events:
                self.events.append(event)
                if isinstance(event, DataReceived):
                    self.body += event.data
                elif isinstance(event, (ResponseReceived, TrailersReceived)):
                    self.headers |= dict(event.headers)
            if not self.is_deaf:
                self.flush()
        return found[0]


@asynccontextmanager
async def connected(server: Any, *, is_deaf: bool = False) -> AsyncIterator[Client]:
    address = server.addresses[0]
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        async with asyncio.timeout(10):
            client = Client(reader, writer, is_deaf)
            client.begin()
            yield client
    finally:
        writer.close()


def split(body: bytes) -> list[tuple[int, bytes]]:
    """Split a body into flags and messages."""
    found = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        found.append((body[0], body[5 : 5 + size]))
        body = body[5 + size :]
    return found
