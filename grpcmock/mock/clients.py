"""The clients of a mock: channels to it, and generated stub classes on channels of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import grpc
    import grpc.aio

    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running

T = TypeVar("T")
ChannelOptions = Iterable[tuple[str, Any]]


class Clients:
    """What opens channels to where a mock listens."""

    _running: Running | RemoteRunning

    def channel(
        self, *, options: ChannelOptions = (), credentials: grpc.ChannelCredentials | None = None
    ) -> grpc.Channel:
        """Open a channel for synchronous code; it is closed with the snapshot, at a reset, or when the mock stops.

        It goes past any proxy and shares no connection with others. With TLS, it trusts the mock's certificate, unless
        *credentials* say otherwise.
        """
        return self._running.channels.sync(self._running.target, tuple(options), credentials)

    def aio_channel(
        self, *, options: ChannelOptions = (), credentials: grpc.ChannelCredentials | None = None
    ) -> grpc.aio.Channel:
        """Open a channel for asyncio code, in its event loop; see :meth:`channel`."""
        return self._running.channels.aio(self._running.target, tuple(options), credentials)

    def client(self, stub_class: Callable[[Any], T], /) -> T:
        """Make a client of a generated stub class, on a channel of its own: ``client(UserServiceStub).GetUser(…)``."""
        return stub_class(self.channel())

    def aio_client(self, stub_class: Callable[[Any], T], /) -> T:
        """Make a client of a generated stub class for asyncio, on a channel of its own."""
        return stub_class(self.aio_channel())
