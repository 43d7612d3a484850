"""What a fault profile makes of a call: between the steps that the call takes by itself, or in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from grpcmock.engine.steps import (
    RECEIVE,
    Event,
    Finish,
    Forward,
    GoAway,
    Message,
    Reset,
    Send,
    SendAll,
    SendTimed,
    Step,
    Steps,
    Truncate,
    Wait,
)
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.faults import ActiveFault
    from grpcmock.engine.steps import Client, Forwarder
    from grpcmock.status import Metadata

_T = TypeVar("_T")


def struck(steps: Steps, fault: ActiveFault, exchange: Exchange) -> Steps:
    """Do what *steps* do, as far as the profile lets them."""
    profile = fault.profile
    try:
        if profile.goaway:
            yield GoAway()
        if profile.latency is not None:
            yield Wait(profile.latency.sample(fault.random))
        if profile.ends_at_once:
            yield from _request(exchange)
            yield _end(fault, exchange)
        else:
            yield from _Breaking(fault, exchange).of(steps)
    finally:
        steps.close()


def _request(exchange: Exchange) -> Steps:
    """Read the request of a call that takes a single one, so that the journal has it."""
    method = exchange.call.method
    if method is not None and not method.kind.client_streams:
        event = yield RECEIVE
        if isinstance(event, Message):
            exchange.note("request", event.data)


def _end(fault: ActiveFault, exchange: Exchange) -> Finish | Reset:
    """Return how a call ends that breaks off."""
    profile = fault.profile
    if profile.reset is not None:
        return Reset(profile.reset)
    if profile.close:
        return Reset(connection=True)
    if profile.status is not None:
        return Finish(*profile.status)
    text = f"{exchange.call.name}: broken off by the fault profile {fault.name!r}"
    return _spoiled(Finish(Code.UNAVAILABLE, text), fault)


def _spoiled(finish: Finish, fault: ActiveFault) -> Finish:
    """Return an end without its status, or with a wrong one, if the profile says so."""
    profile = fault.profile
    if not (profile.drop_status or profile.wrong_status):
        return finish
    return replace(finish, drop=finish.drop or profile.drop_status, wire_status=profile.wrong_status)


class _Breaking:
    """Lets a call go on, until it has sent as many messages as it may."""

    def __init__(self, fault: ActiveFault, exchange: Exchange) -> None:
        self._fault = fault
        self._exchange = exchange
        self._left = fault.profile.abort_after

    def of(self, steps: Steps) -> Steps:
        event: Event | None = None
        while True:
            step = steps.send(event)
            if isinstance(step, (Finish, Reset, Truncate)):
                yield _spoiled(step, self._fault) if isinstance(step, Finish) else step
                return
            event = yield step if self._left is None else self._counted(step)
            if self._left == 0:
                yield _end(self._fault, self._exchange)
                return

    def _counted(self, step: Step | SendAll | SendTimed) -> Step | SendAll | SendTimed:
        match step:
            case Send():
                self._sent()
            case SendAll():
                return SendAll(self._some(step.messages))
            case SendTimed():
                return SendTimed(self._some(step.parts))
            case Forward():
                return replace(step, forwarder=_BreakingForwarder(step.forwarder, self))
        return step

    def _some(self, messages: Iterable[_T]) -> Iterator[_T]:
        for message in islice(messages, self._left):
            self._sent()
            yield message

    def _sent(self) -> None:
        assert self._left is not None
        self._left -= 1

    async def write(self, client: Client, data: bytes) -> None:
        """Send a message of another server; raises :class:`_BrokenOff` after the last that may be sent."""
        await client.write(data)
        self._sent()
        if not self._left:
            raise _BrokenOff


class _BrokenOff(Exception):  # noqa: N818 - it is no error
    """Ends the passing on of a call."""


class _BreakingForwarder:
    """Passes a call on, until its client has been sent as many messages as it may."""

    def __init__(self, forwarder: Forwarder, breaking: _Breaking) -> None:
        self._forwarder = forwarder
        self._breaking = breaking

    async def __call__(self, path: str, metadata: Metadata, client: Client) -> Finish:
        try:
            return await self._forwarder(path, metadata, _BreakingClient(client, self._breaking))
        except _BrokenOff:
            return Finish()  # another end takes its place


class _BreakingClient:
    """The client of such a call."""

    def __init__(self, client: Client, breaking: _Breaking) -> None:
        self.read, self.send_headers, self.time_left = client.read, client.send_headers, client.time_left
        self._client = client
        self._breaking = breaking

    async def write(self, data: bytes) -> None:
        await self._breaking.write(self._client, data)
