"""One call over HTTP/1.1: its requests are collected, sent at once, and the answers handed on as they come."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from grpcmock.client.call import Status
from grpcmock.errors import ConfigError, TargetError
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.http.forms import Form, Request
    from grpcmock.client.target import Target
    from grpcmock.status import Metadata

_CHUNK = 1 << 16


class HttpCall:
    """A call under way; it has the same face as :class:`grpcmock.client.call.Call`.

    HTTP/1.1 goes one way and then the other: a stream of requests is sent whole before the first response is read.
    """

    def __init__(self, target: Target, form: Form, *, deadline: float | None = None, within: float = 5.0) -> None:
        self.sent = 0
        """How many messages were sent."""
        self.received = 0
        """How many responses were received."""
        self._target = target
        self._form = form
        self._deadline = deadline
        self._within = within
        self._messages: list[bytes] = []
        self._started = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        self._responses: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._has_headers = asyncio.Event()
        self._ended: asyncio.Future[Status] = self._loop.create_future()
        self._connection: http.client.HTTPConnection | None = None

    @property
    def seconds(self) -> float:
        """How long ago the call began."""
        return time.perf_counter() - self._started

    async def send(self, data: bytes) -> bool:
        """Take one message, to be sent with all others."""
        self._messages.append(data)
        return True

    async def half_close(self) -> None:
        """Send the request. Raises :class:`ConfigError` if the protocol can't say it."""
        request = self._form.request(self._messages, self._target.metadata, self._deadline)
        self.sent = len(self._messages)
        threading.Thread(target=self._run, args=(request,), name="grpcmock-http", daemon=True).start()

    async def receive(self) -> bytes | None:
        """Give the next response; None at the end. Raises :class:`TargetError` if nobody answers."""
        data = await self._responses.get()
        if data is None:
            if self._ended.done():
                self._ended.result()
            return None
        self.received += 1
        return data

    async def headers(self) -> Metadata:
        """Give the initial metadata."""
        await self._has_headers.wait()
        return self._form.headers

    async def status(self) -> Status:
        """Give the end of the call."""
        return await self._ended

    def cancel(self) -> None:
        """Break off what is under way; harmless at the end."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    # In a thread of its own -----------------------------------------------------------------------

    def _run(self, request: Request) -> None:
        try:
            status: Status | Exception = self._exchange(request)
        except TimeoutError:
            status = Status(Code.DEADLINE_EXCEEDED, "The deadline has passed.")
        except WireError as error:
            status = Status(error.code, error.message)
        except (OSError, http.client.HTTPException) as error:
            status = Status(Code.UNAVAILABLE, f"The answer was broken off: {str(error) or type(error).__name__}")
        except TargetError as error:
            status = error
        with suppress(RuntimeError):  # the loop has ended: nobody wants to know any more
            self._loop.call_soon_threadsafe(self._end, status)

    def _end(self, status: Status | Exception) -> None:
        self._has_headers.set()
        if isinstance(status, Exception):
            self._ended.set_exception(status)
        else:
            self._ended.set_result(status)
        self._responses.put_nowait(None)

    def _exchange(self, request: Request) -> Status:
        connection = self._connection = self._connect()
        try:
            headers = {"host": self._target.authority} if self._target.authority else {}
            connection.putrequest(request.method, request.target, skip_host=bool(headers), skip_accept_encoding=True)
            for name, value in (*headers.items(), *request.headers):
                connection.putheader(name, value)
            if request.body or request.method != "GET":
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            with response:
                self._form.begin(response.status, tuple((key.lower(), value) for key, value in response.getheaders()))
                self._loop.call_soon_threadsafe(self._has_headers.set)
                while data := response.read1(_CHUNK):
                    self._hand_on(list(self._form.feed(data)))
                if response.length:
                    raise http.client.IncompleteRead(b"", response.length)
                self._hand_on(list(self._form.end()))
            return self._form.status
        finally:
            connection.close()

    def _hand_on(self, messages: list[bytes]) -> None:
        for message in messages:
            self._loop.call_soon_threadsafe(self._responses.put_nowait, message)

    def _connect(self) -> http.client.HTTPConnection:
        """Give a connection that stands. Raises :class:`TargetError`."""
        address = self._target.address
        connection: http.client.HTTPConnection
        if address.startswith("unix:"):
            connection = _UnixConnection(address.removeprefix("unix:"), timeout=self._within)
        else:
            host, _, port = address.rpartition(":")
            where = host.strip("[]"), int(port)
            if self._target.tls is None:
                connection = http.client.HTTPConnection(*where, timeout=self._within)
            else:
                connection = http.client.HTTPSConnection(*where, timeout=self._within, context=self._context())
        try:
            connection.connect()
        except OSError as error:
            raise TargetError(f"{self._target} can't be reached: {error.strerror or error}.") from None
        connection.sock.settimeout(self._deadline)
        return connection

    def _context(self) -> ssl.SSLContext:
        tls = self._target.tls
        assert tls is not None
        try:
            context = ssl.create_default_context(cafile=tls.ca)
            if tls.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if tls.cert is not None:
                context.load_cert_chain(tls.cert, tls.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"The certificates can't be used: {error}.") from None
        return context


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
