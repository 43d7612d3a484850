"""Channels to a mock: past any proxy, sharing no connection and no backoff with others, closed with its test."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from grpcmock.mock.loops import running_loop

if TYPE_CHECKING:
    import grpc
    import grpc.aio

    from grpcmock.status import Metadata

_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))


class Channels:
    """The channels that a mock has opened for the code under test."""

    def __init__(self, credentials: grpc.ChannelCredentials | None = None, metadata: Metadata = ()) -> None:
        """*metadata* are sent with every call."""
        self._credentials = credentials
        self._metadata = metadata
        self._open: list[grpc.Channel] = []
        self._aio: list[tuple[grpc.aio.Channel, asyncio.AbstractEventLoop | None]] = []

    def sync(
        self, target: str, options: tuple[tuple[str, Any], ...], credentials: grpc.ChannelCredentials | None
    ) -> grpc.Channel:
        import grpc

        credentials = credentials or self._credentials
        every = (*_OPTIONS, *options)
        channel = (
            grpc.insecure_channel(target, every)
            if credentials is None
            else grpc.secure_channel(target, credentials, every)
        )
        self._open.append(channel)
        if not self._metadata:
            return channel
        from grpcmock.mock.session_metadata import Sending

        return grpc.intercept_channel(channel, Sending(self._metadata))

    def aio(
        self, target: str, options: tuple[tuple[str, Any], ...], credentials: grpc.ChannelCredentials | None
    ) -> grpc.aio.Channel:
        import grpc.aio

        credentials = credentials or self._credentials
        every = (*_OPTIONS, *options)
        interceptors = None
        if self._metadata:
            from grpcmock.mock.session_metadata import aio_sending

            interceptors = aio_sending(self._metadata)
        channel = (
            grpc.aio.insecure_channel(target, every, interceptors=interceptors)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, every, interceptors=interceptors)
        )
        loop = None
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
        self._aio.append((channel, loop))
        return channel

    def mark(self) -> tuple[int, int]:
        """Give what :meth:`close` goes back to."""
        return len(self._open), len(self._aio)

    def close(self, mark: tuple[int, int] = (0, 0)) -> None:
        """Close the channels opened since *mark*; those of an event loop in that loop, while it is there."""
        opened, self._open = self._open[mark[0] :], self._open[: mark[0]]
        aio, self._aio = self._aio[mark[1] :], self._aio[: mark[1]]
        for channel in opened:
            channel.close()
        for asynchronous, loop in aio:
            with suppress(RuntimeError):  # the loop has just ended
                if loop is not None and loop.is_running():
                    loop.call_soon_threadsafe(_close_soon, asynchronous, loop)
                elif loop is not None and not loop.is_closed() and running_loop() is None:
                    loop.run_until_complete(asynchronous.close(None))
                else:
                    _close_at_once(asynchronous)


_CLOSING: set[asyncio.Task[None]] = set()


def _close_at_once(channel: grpc.aio.Channel) -> None:
    """Close a channel whose loop has ended, and with it all calls: then there is nothing to wait for."""
    closing = channel.close(None).__await__()
    with suppress(StopIteration):
        next(closing)


def _close_soon(channel: grpc.aio.Channel, loop: asyncio.AbstractEventLoop) -> None:
    task = loop.create_task(channel.close(None))
    _CLOSING.add(task)
    task.add_done_callback(_CLOSING.discard)
