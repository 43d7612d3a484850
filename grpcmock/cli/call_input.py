"""The requests of a call, from ``-d``, a file or stdin: JSON, checked against the method's message, encoded."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.client.json_text import JsonReader, parse
from grpcmock.errors import ConfigError, Problems

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry
    from grpcmock.tree import Node

Learn = Callable[[Iterable[str]], Awaitable[None]]

_STDIN = ("-", "@-", "@")
_LISTS = ("google.protobuf.ListValue", "google.protobuf.Value")
_CHUNK = 1 << 16


class Requests:
    """The requests of one call."""

    def __init__(self, data: str | None, method: Method, registry: Registry, *, learn: Learn | None = None) -> None:
        """Read what is there already; *learn* is told what is named under ``@type``. Raises :class:`ConfigError`."""
        self._method = method
        self._registry = registry
        self._learn = learn
        self._nodes: list[Node] = []
        self._ready: list[bytes] = []
        live = method.kind.client_streams
        self.is_live = live and (data is None or data in _STDIN)
        """Whether requests are read from stdin while the call goes on."""

        if not self.is_live:
            text, name = _text_of(data or "")
            self._nodes = parse(text, name)

    async def check(self) -> None:
        """Check what is there already. Raises :class:`ConfigError` with everything that is wrong."""
        self._ready = await self._encode(self._nodes)
        if not self._method.kind.client_streams:
            self._ready = self._ready or [b""]
            self._refuse_more_than_one()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for data in self._ready:
            yield data
        if self.is_live:
            async for data in self._typed() if sys.stdin is not None and sys.stdin.isatty() else self._piped():
                yield data

    async def _piped(self) -> AsyncIterator[bytes]:
        reader = JsonReader("stdin")
        async for line in _stdin_lines():
            for node in reader.feed(line):
                for data in await self._encode([node]):
                    yield data
        for data in await self._encode(list(reader.close())):
            yield data

    async def _typed(self) -> AsyncIterator[bytes]:
        """On a terminal each line stands for itself: a mistake is said, and can be made good."""
        click.echo("Write one message a line, as JSON. Ctrl-D ends the stream, Ctrl-C cancels the call.", err=True)
        reader = JsonReader("stdin")
        async for line in _stdin_lines():
            try:
                ready = await self._encode([*reader.feed(line), *reader.close()])
            except ConfigError as error:
                reader.forget()
                click.echo(f"{click.style('not sent:', fg='red', bold=True)} {error}", err=True)
                continue
            for data in ready:
                yield data

    async def _encode(self, nodes: Sequence[Node]) -> list[bytes]:
        from grpcmock.schema.any_types import named_in
        from grpcmock.schema.codec import build

        if self._learn is not None and (named := list(named_in(list(nodes)))):
            await self._learn(named)
        method, problems = self._method, Problems()
        takes_lists = method.input.full_name in _LISTS
        encoded = []
        for node in nodes:
            several = node.is_list and method.kind.client_streams and not takes_lists
            for one in node.value if several else [node]:
                before = len(problems)
                message = build(one, method.request_class, self._registry, problems)
                if len(problems) == before:
                    encoded.append(message.SerializeToString())
        if problems.errors:
            raise ConfigError("\n".join(map(str, problems.errors)))
        return encoded

    def _refuse_more_than_one(self) -> None:
        if (count := len(self._ready)) > 1:
            raise ConfigError(
                f"{self._method} is a {self._method.kind.value} method: it takes one message, but {count} are given."
            )


def _text_of(data: str) -> tuple[str, str]:
    """Give the text that ``-d`` stands for, and its name for error messages."""
    if data in _STDIN:
        return _decoded(b"".join(_stdin_chunks()), "stdin"), "stdin"
    if not data.startswith("@"):
        return data, "-d"
    path = Path(data[1:])
    try:
        return _decoded(path.read_bytes(), str(path)), str(path)
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None


def _decoded(data: bytes, name: str, line: int = 0) -> str:
    try:
        return data.decode("utf-8-sig" if line <= 1 else "utf-8")
    except UnicodeDecodeError as error:
        line = line or data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: this is not UTF-8.") from None


async def _stdin_lines() -> AsyncIterator[str]:
    """Yield the lines of stdin as they come. They are read in a thread that may stay behind when the process ends."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = threading.Semaphore(8)

    def read() -> None:
        try:
            for chunk in _stdin_chunks():
                room.acquire()
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            loop.call_soon_threadsafe(chunks.put_nowait, None)
        except RuntimeError:  # the call has ended, and the loop is closed
            return

    threading.Thread(target=read, daemon=True, name="stdin").start()
    rest, number = b"", 0
    while (chunk := await chunks.get()) is not None:
        room.release()
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            yield _decoded(line, "stdin", number) + "\n"
    if rest:
        yield _decoded(rest, "stdin", number + 1)


def _stdin_chunks() -> Iterator[bytes]:
    if sys.stdin is None:
        return
    try:
        number = sys.stdin.fileno()
    except (io.UnsupportedOperation, ValueError):
        yield from iter(lambda: sys.stdin.buffer.read(_CHUNK), b"")
        return
    # Not sys.stdin.buffer: a thread that waits in it holds a lock that the interpreter needs in order to exit.
    try:
        yield from iter(lambda: os.read(number, _CHUNK), b"")
    except OSError:  # closed
        return
