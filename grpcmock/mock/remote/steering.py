"""The fault profiles of a session of a mock server elsewhere, and its clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.clock import EARLIEST, LATEST, Clock
from grpcmock.engine.faults import ActiveFault, Faults
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.mock.remote.link import Link


class RemoteFaults(Faults):
    """The profiles that were set from here: read here, so that errors are told as ever, and set there."""

    def __init__(self, environment: CallEnvironment, link: Link) -> None:
        super().__init__(environment)
        self._link = link

    def __iter__(self) -> Iterator[ActiveFault]:
        there = {fault.name: fault for fault in self._there()}
        found = [fault for fault in self._set.values() if fault.name in there]
        for fault in found:
            fault.struck = there[fault.name].struck
        return iter(found)

    def _there(self) -> list[Any]:
        """Ask for the profiles of the session."""
        if not self._link.is_open:
            return []
        return [fault for fault in self._link.of_session("ListFaults").faults if fault.session == self._link.session]

    def get(self, name: str, session: str = "") -> ActiveFault:
        list(self)  # brings the counts up to date
        return super().get(name, session)

    def set(self, name: str, given: Mapping[str, Any], session: str = "") -> ActiveFault:
        from grpcmock.servers.admin.faults import fields_of

        fault = super().set(name, given, session)
        try:
            self._link.of_session("SetFault", name=name, fault=fields_of(fault))
        except BaseException:
            super().remove(name, session)
            raise
        return fault

    def remove(self, name: str, session: str = "") -> None:
        fault = self.get(name, session)
        if any(one is fault for one in self):
            self._link.of_session("RemoveFault", name=name)
        super().remove(name, session)

    def restore(self, faults: Sequence[ActiveFault]) -> None:
        wanted = {id(fault) for fault in faults}
        there = list(self)
        for fault in there:
            if id(fault) not in wanted:
                self.remove(fault.name)
        for fault in faults:
            if not any(one is fault for one in there):
                self.set(fault.name, fault.given)


class RemoteClock(Clock):
    """The clock there, which is common to all of its sessions; what is set here is set there, for all of them."""

    def __init__(self, machine: Callable[[], float], link: Link) -> None:
        super().__init__(machine)
        self._link = link
        self._was_set = False

    def __call__(self) -> float:
        return self._asked().now.ToMicroseconds() / 1e6 if self._link.is_open else super().__call__()

    @property
    def frozen(self) -> bool:
        return bool(self._asked().frozen)

    @property
    def offset(self) -> float:
        return float(self._asked().offset.ToMicroseconds() / 1e6)

    def _asked(self) -> Any:
        return self._link.ask("GetClock")

    def set(self, now: float) -> None:
        self._set(now=_timestamp(now))

    def advance(self, seconds: float) -> None:
        _timestamp(self() + seconds)  # the bounds are told here
        self._set(advance=f"{round(seconds * 1e6)}us")

    def freeze(self, now: float | None = None) -> None:
        self._set(frozen=True, **({} if now is None else {"now": _timestamp(now)}))

    def resume(self) -> None:
        self._set(frozen=False)

    def _set(self, **fields: Any) -> None:
        self._link.ask("SetClock", **fields)
        self._was_set = True

    def reset(self) -> None:
        self._link.ask("SetClock")
        self._was_set = False

    def give_back(self) -> None:
        if self._was_set:
            self.reset()


def _timestamp(seconds: float) -> Mapping[str, int]:
    """Give the fields of a Timestamp."""
    if not EARLIEST <= seconds <= LATEST:
        raise ConfigError("The clock shows the years 1 to 9999 alone.")
    whole, microseconds = divmod(round(seconds * 1e6), 1_000_000)
    return {"seconds": whole, "nanos": microseconds * 1_000}
