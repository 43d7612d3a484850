"""What a mock does to calls beside its stubs: the faults that strike them, and the time that they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.mock.clock import Clock
from grpcmock.mock.faults import Fault, Faults

if TYPE_CHECKING:
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running


class Steering:
    """A mock server, as far as faults and time are concerned."""

    _running: Running | RemoteRunning

    def fault(self, name: str, /, **keys: Any) -> Fault:
        """Set a fault profile: what goes wrong with calls, whichever stub answers them.

        ``with server.fault("slow", methods="users.v1.UserService/*", latency="200ms"):`` ends it with the block;
        without ``with``, it stays until it is removed, the snapshot ends, or its ``ttl`` is over. The keys are those of
        ``docs/faults.md``. Raises :class:`StubError` with all that is wrong.
        """
        __tracebackhide__ = True
        return self.faults.set(name, **keys)

    @property
    def faults(self) -> Faults:
        """The fault profiles that are set, by name."""
        return Faults(self._running)

    @property
    def clock(self) -> Clock:
        """The time that answers tell: frozen, moved, given back."""
        return Clock(self._running)
