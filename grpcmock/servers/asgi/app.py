"""The ASGI application: any ASGI server can carry it; with ours, it can also break an answer off.

The interface is that of asgi.readthedocs.io, HTTP alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from email.utils import formatdate
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from grpcmock.protocols.http import Abort, Body, End, Head, RequestHead, Trailers
from grpcmock.servers.http_call import answer

if TYPE_CHECKING:
    from grpcmock.protocols.http import Part, Parts
    from grpcmock.servers.http_call import Face, Services

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

CONNECTION = "grpcmock.connection"
"""The extension of our own server: the :class:`Connection` of a request."""

TRAILERS = "http.response.trailers"


class Connection(Protocol):
    """What a server that is ours offers beside ASGI."""

    lost: asyncio.Future[None]
    """Done once the client is gone."""

    def whole_body(self) -> bytes | None:
        """Return the body of the request under way, if all of it is there; it is still received as ever."""

    def abort(self) -> None:
        """Close the connection at once, in the midst of whatever is being sent."""


class HttpApplication:
    """Answers HTTP requests from an engine."""

    def __init__(self, face: Face, *, services: Services, warn: Callable[[str], None]) -> None:
        self._face = face
        self._services = services
        self._warn = warn
        self._answering: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"Only HTTP is spoken here, not {scope['type']}.")
        wire = _Wire(scope, receive, send)
        answering = asyncio.ensure_future(
            answer(self._face, _head(scope), wire, services=self._services, warn=self._warn, body=wire.whole_body())
        )
        self._answering.add(answering)
        try:
            await asyncio.wait((answering, wire.gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._answering.discard(answering)
            answering.cancel()
            await asyncio.wait((answering,))
            wire.end()
        await wire.settle(whole=not answering.cancelled())

    def cancel(self) -> None:
        """Break off all that is being answered."""
        for answering in self._answering:
            answering.cancel()


def _head(scope: Scope) -> RequestHead:
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    headers = tuple((key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"])
    wants_trailers = any(key == "te" and "trailers" in value.lower() for key, value in headers)
    return RequestHead(
        method=scope["method"],
        target=raw.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else ""),
        headers=headers,
        version=scope.get("http_version", "1.1"),
        peer=_peer(scope.get("client")),
        takes_trailers=TRAILERS in extensions and wants_trailers,
        can_reset=CONNECTION in extensions,
    )


def _peer(client: tuple[str, int] | None) -> str:
    if not client:
        return "unix:"
    host, port = client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"


class _Wire:
    """One request, as ASGI has it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions: Mapping[str, Any] = scope.get("extensions") or {}
        self._connection: Connection | None = extensions.get(CONNECTION)
        self._sends_trailers = TRAILERS in extensions
        self._receive = receive
        self._send = send
        self._has_ended = False
        self._watch: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = loop.create_future() if self._connection is None else self._connection.lost
        """Done once the client is gone."""

    def whole_body(self) -> bytes | None:
        """Return the body, if the server knows that all of it is there."""
        return None if self._connection is None else self._connection.whole_body()

    async def read(self) -> bytes | None:
        if self._has_ended:
            return None
        event = await self._receive()
        if event["type"] == "http.disconnect":
            self._leave()
            await asyncio.Event().wait()  # until this task is cancelled
        if not event.get("more_body", False):
            self._has_ended = True
            if self._connection is None:
                self._watch = asyncio.ensure_future(self._watch_client())
        return bytes(event.get("body", b""))

    async def _watch_client(self) -> None:
        """Notice that the client goes away, once there is nothing more to read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        if self._connection is None and not self.gone.done():
            self.gone.set_result(None)

    async def write(self, parts: Parts) -> None:
        for part in _joined(parts):
            match part:
                case Head():
                    await self._begin(part)
                case Body():
                    await self._send({"type": "http.response.body", "body": part.data, "more_body": True})
                case End():
                    await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                case Trailers():
                    await self._end(part)
                case Abort():
                    await self._abort()

    def go_away(self) -> None:
        raise NotImplementedError  # RequestHead.can_go_away is false here

    async def _begin(self, head: Head) -> None:
        headers = [(key.encode(), value.encode()) for key, value in head.headers]
        headers.append((b"date", formatdate(usegmt=True).encode()))
        start = {"type": "http.response.start", "status": head.status, "headers": headers}
        await self._send({**start, "trailers": True} if self._sends_trailers else start)

    async def _end(self, trailers: Trailers) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        headers = [(key.encode(), value.encode()) for key, value in trailers.headers]
        await self._send({"type": TRAILERS, "headers": headers, "more_trailers": False})

    def end(self) -> None:
        """Watch no more."""
        if self._watch is not None:
            self._watch.cancel()

    async def settle(self, *, whole: bool) -> None:
        """Break the answer off if it isn't whole."""
        if not whole and not self.gone.done():
            await self._abort()

    async def _abort(self) -> None:
        if self._connection is not None:  # else the server finds that an answer isn't whole, and closes it
            self._connection.abort()
            await self._connection.lost


def _joined(parts: Parts) -> Iterator[Part]:
    """Yield the parts, with pieces of the body that follow each other as one: each costs a write."""
    for is_body, some in groupby(parts, lambda part: isinstance(part, Body)):
        if is_body:
            yield Body(b"".join(part.data for part in some if isinstance(part, Body)))
        else:
            yield from some


async def _live(receive: Receive, send: Send) -> None:
    """Say that all is well when a server begins, and when it ends."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
