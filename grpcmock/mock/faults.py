"""The fault profiles of a mock, as a mapping that tests look at, add to and take from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from grpcmock.engine.faults import UnknownFaultError

if TYPE_CHECKING:
    from grpcmock.engine.faults import ActiveFault
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running


class Fault:
    """A fault profile of a mock. As a context manager it ends with the block, if it hasn't before."""

    def __init__(self, running: Running | RemoteRunning, active: ActiveFault) -> None:
        self._running = running
        self._active = active

    @property
    def name(self) -> str:
        return self._active.name

    @property
    def struck(self) -> int:
        """How many calls it struck; still told when it has ended."""

        def look() -> int:
            list(self._running.engine.faults)  # one elsewhere is asked
            return self._active.struck

        return self._running.call(look)

    @property
    def expires(self) -> datetime | None:
        """When it ends by itself, in UTC, by the clock of the mock; None if it doesn't."""
        expires = self._active.expires
        return None if expires is None else datetime.fromtimestamp(expires, UTC)

    @property
    def is_set(self) -> bool:
        """Whether it has not ended yet."""
        return self._running.call(lambda: any(one is self._active for one in self._running.engine.faults))

    def remove(self) -> None:
        """End it. Harmless if it has ended already, or was set anew."""

        def remove() -> None:
            faults = self._running.engine.faults
            if any(one is self._active for one in faults):
                faults.remove(self.name)

        self._running.call(remove)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Fault {self.name}, struck {self.struck}>"


class Faults(Mapping[str, Fault]):
    """The fault profiles that are set, by name, in the order in which they were. May be used from any thread."""

    def __init__(self, running: Running | RemoteRunning) -> None:
        self._running = running

    def set(self, name: str, /, **keys: Any) -> Fault:
        """Set a fault profile, or put it in the place of the one of this name; it begins to count anew.

        See :meth:`grpcmock.MockServer.fault` for the keys and for what is raised.
        """
        __tracebackhide__ = True
        return Fault(self._running, self._call(lambda: self._running.engine.faults.set(name, keys)))

    def remove(self, name: str) -> None:
        """End a fault profile. Raises :class:`ConfigError`, with the nearest name, if there is none of this name."""
        __tracebackhide__ = True
        self._call(lambda: self._running.engine.faults.remove(name))

    def clear(self) -> None:
        """End all of them."""
        self._call(self._running.engine.faults.clear)

    def __getitem__(self, name: str) -> Fault:
        __tracebackhide__ = True
        try:
            return Fault(self._running, self._call(lambda: self._running.engine.faults.get(name)))
        except UnknownFaultError as error:
            raise KeyError(str(error)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._call(lambda: [fault.name for fault in self._running.engine.faults]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Faults({list(self.values())!r})"

    def _call(self, function: Callable[[], Any]) -> Any:
        __tracebackhide__ = True
        return self._running.call(function)
