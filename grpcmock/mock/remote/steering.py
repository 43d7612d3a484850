"""The fault profiles of a session of a mock server elsewhere, and its clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.clock import Clock
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
    """The clock there, which is common to all of its sessions: none of them may set it for the others."""

    def set(self, now: float) -> None:  # noqa: ARG002
        raise ConfigError(
            "The clock of a mock server elsewhere is common to all of its sessions. Whoever has it for himself sets it "
            "through its admin service: PUT /v1/clock."
        )

    def freeze(self, now: float | None = None) -> None:
        self.set(now or 0.0)

    def resume(self) -> None:
        self.set(0.0)
