"""The start of a run: through the door of every method, with one request that the server takes.

Methods come in the order in which they depend on each other. What one teaches serves the next; who waits for what isn't
there yet comes again once there is more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Container
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.readable import is_readable
from grpcmock.fuzz.model.wording import shape
from grpcmock.fuzz.run.enrichment import Enrichment
from grpcmock.fuzz.run.request_sender import RequestSender
from grpcmock.fuzz.run.variation import Variation
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.learning.door_search import DoorSearch
    from grpcmock.fuzz.model.cases import Binding, Call
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

Make = Callable[[Case], Awaitable["Reply"]]
"""Makes a case of one call, and tells all of what was seen."""

_HASTY = 2
"""So many rounds come first in which no method gets much of the time, so that each has its turn soon: …"""

_TRIES = (*(12,) * _HASTY, *(40,) * 4)
"""… requests for each method in each round, …"""

_TURN = 0.5
"""… seconds for each in a hasty one, which streams that say nothing would take from all others, …"""

_ALIKE, _IN_VAIN = 3, 4
"""… and that many requests where so many methods are refused in the same words, which name no field: then it is rather
the server that isn't ready."""

_SECONDS = 5.0
"""For all methods, at a time. A server that answers in a millisecond takes a tenth of it."""

_SHARE = 0.2
"""More than that part of a run it never takes at a time."""

_DEADLINE = 1.0

_OF_STATES = frozenset({"preconditions"})
"""What is looked at where something was made before: reasons that aren't so may keep a method from ever being OK."""

_GENERATED = 8
_LARGE = 4_000
"""Of so many generated requests the largest is tried that has no more bytes."""


class Opening:
    """Tries to get an OK of each method. Where time is up before it is done, it may go on later."""

    def __init__(self, plan: Plan, phase: Phase, make: Make, *, max_seconds: float | None = None) -> None:
        self._plan = plan
        self._phase = phase
        self._make = make
        self._seconds = min(_SECONDS, _SHARE * max_seconds if max_seconds is not None else _SECONDS)
        self._until = self._latest = 0.0
        self._number = 0
        acceptance = plan.acceptance
        starts = {method: self._start(method) for method in acceptance.in_order(plan.methods)}
        self._starts = starts
        self._searches = [
            acceptance.search(method, method.request_class.FromString(start)) for method, start in starts.items()
        ]
        sender = RequestSender(self._ask, self._make_with_needs)
        self._enrichment = Enrichment(
            acceptance,
            sender,
            lambda: self._is_late,
            generated=lambda method: _generated(method, plan) if plan.expectations.has_rules(method.input) else None,
        )
        self._variation = Variation(acceptance, sender, lambda: self._is_late)
        self._stages = [self._open, self._fill_all, self._widen_all]
        """What is left, a stage for each turn of a phase; one that took too long goes on in the next turn."""
        self._to_fill: list[str] = []
        self._varied: set[str] = set()
        """The paths of methods of which requests of each kind were looked for."""
        self._to_widen: list[str] = []
        """The paths of methods that have answered OK, and of which more wasn't asked yet: with all that they may have,
        and with other values."""
        self._empty: list[DoorSearch] = []
        """Those of methods that have read nothing yet."""
        self._refused: dict[str, set[str]] = {}
        """The paths of the methods that were refused in the same words."""
        self._bordered: set[str] = set()
        """The paths of methods whose lists were made longer."""

    async def go(self, stopped: Container[Method]) -> None:
        """Make the calls; *stopped* are methods that are left alone."""
        self._until = time.monotonic() + self._seconds
        self._latest = self._until + self._seconds
        await self._stages[0](stopped)
        if not self._is_late:
            del self._stages[0]

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to try."""
        return not self._stages

    async def _open(self, stopped: Container[Method]) -> None:
        """Get an OK of each method."""
        takes_away = self._plan.acceptance.takes_away
        for some in (
            [search for search in self._searches if not takes_away(search.method)],
            [search for search in self._searches if takes_away(search.method)],
            [search for search in self._searches if not takes_away(search.method)],  # what was closed may be reopened
        ):
            for number, tries in enumerate(_TRIES):
                opened = 0
                for search in some:
                    if not search.is_over and search.method not in stopped and not self._is_late:
                        if not only_reads(search.method):
                            opened += await self._look_within()  # others name what is there
                        opened += await self._search(search, self._starts[search.method], tries, number < _HASTY)
                opened += await self._look_within()
                if all(search.is_over for search in some):
                    break
                if number >= _HASTY and not (opened or await self._fill_makers()):
                    break

    async def _look_within(self) -> int:
        """List again what was empty, within what there is by now. Returns in how many lists there was something."""
        found = 0
        for search in list(self._empty):
            for accepted in search.within():
                if self._is_late:
                    return found
                reply = await self._make_with_needs(accepted, accepted.data)
                if with_meant_status(reply).is_ok and not _is_empty_list(reply):
                    found += 1
                    self._empty.remove(search)
                    self._plan.acceptance.keep(accepted, self._starts[search.method])
                    self._plan.acceptance.things.learn(reply, None)
                    break
        return found

    async def _fill_all(self, stopped: Container[Method]) -> None:
        """Find out what else requests may have, which serves the stateful phase from its first cases on."""
        opened = True
        while opened and not self._is_late:
            for search in self._searches:
                path = search.method.path
                await self._fill(path)
                if path in self._to_widen:
                    await self._enrichment.renew(self._plan.acceptance.first[path])
            await self._share()
            opened = await self._open_rest(stopped)

    async def _open_rest(self, stopped: Container[Method]) -> bool:
        """Try the others once more, now that there are things with all that they may have: nobody pays an invoice on
        which nothing is due. Returns whether one has opened."""
        opened = False
        for search in self._searches:
            if not search.is_over and search.method not in stopped and not self._is_late:
                opened |= await self._search(search, self._starts[search.method], _TRIES[-1], False)
        return opened

    async def _vary_all(self, stopped: Container[Method]) -> None:
        """Find requests of each kind; what they make may open the doors that are still shut."""
        known = self._plan.acceptance.things.count
        for search in self._searches:
            path = search.method.path
            accepted = self._plan.acceptance.first.get(path)
            if accepted is not None and path not in self._varied and not self._is_late:
                await self._variation.vary(accepted)
                self._varied.add(path)
        if self._plan.acceptance.things.count != known and await self._open_rest(stopped):
            await self._fill_all(stopped)

    async def _widen_all(self, stopped: Container[Method]) -> None:
        """Find more kinds and values, which serve programs and generated requests."""
        await self._vary_all(stopped)
        acceptance = self._plan.acceptance
        for search in self._searches:
            path = search.method.path
            if path in self._to_widen and not self._is_late:
                self._to_widen.remove(path)
                await self._enrichment.widen(acceptance.first[path], self._starts[search.method])
                await self._enrichment.renew(acceptance.first[path])
        for path, accepted in list(acceptance.first.items()):
            if path not in self._bordered and not self._is_late:
                self._bordered.add(path)
                await self._enrichment.borders(accepted)

    def stop(self) -> None:
        """Make no more calls in this turn: there is no server any more."""
        self._until = 0.0

    def prolong(self, seconds: float) -> None:
        """Have that much more time in this turn, up to twice as much: it went into failures, not into the search."""
        self._until = min(self._until + seconds, self._latest)

    async def _make_with_needs(self, accepted: AcceptedRequest, *requests: bytes) -> Reply:
        *setup, last = accepted.calls(*requests, salt=f"opening {self._number}")
        messages = (requests[-1], *accepted.later)
        return await self._make(self._case(accepted.method, messages, *setup, bindings=last.bindings))

    async def _fill_makers(self) -> bool:
        """Make things with all that they may have, for those who ask for more than the least. Returns whether there
        were any that hadn't been made so."""
        acceptance = self._plan.acceptance
        some = [
            path
            for path in self._to_fill
            if acceptance.may_make(acceptance.first[path].method) or acceptance.things.has_made(acceptance.first[path])
        ]
        for path in some:
            await self._fill(path)
        return bool(some)

    async def _fill(self, path: str) -> None:
        if not self._is_late and path in self._to_fill:
            self._to_fill.remove(path)
            accepted = self._plan.acceptance.first[path]
            await self._enrichment.fill(accepted, self._starts[accepted.method])

    async def _share(self) -> None:
        """Try what a method takes on others that take the same type: often one is the other for many at once."""
        first = self._plan.acceptance.first
        for own in list(first.values()):
            for other in list(first.values()):
                if other.method.input is own.method.input and (other.needs and not own.needs) and not self._is_late:
                    data = other.fullest.SerializePartialToString(deterministic=True)
                    shared = replace(other, method=own.method)
                    if with_meant_status(await self._make_with_needs(shared, data)).is_ok:
                        self._plan.acceptance.keep(shared, b"")
                        break

    async def _ask(self, method: Method, *messages: bytes) -> Reply:
        return await self._make(self._case(method, messages))

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _start(self, method: Method) -> bytes:
        """Give the request to begin with: one that somebody wrote down, or the least one."""
        examples = (case.calls[0].messages for case in self._plan.examples if case.method is method)
        return next((messages[0] for messages in examples if messages), None) or self._plan.least(method)

    async def _search(self, search: DoorSearch, start: bytes, tries: int, is_hasty: bool) -> bool:
        """Go on with a search, for so many *tries*. Returns whether it has come to its end."""
        left = _TURN if is_hasty else math.inf
        for number in range(tries):
            if self._is_late or left < 0 or (data := search.next()) is None:
                return False
            # What is named is made anew: what there is may be used up, and isn't there when a failure is made again.
            reply = await self._make_with_needs(search.current, data)
            search.hear(reply)
            left -= reply.seconds
            if search.is_over:
                self._plan.acceptance.take(search, reply, start)
                if search.accepted is not None:
                    if only_reads(search.method) and not search.accepted.needs and _is_empty_list(reply):
                        self._empty.append(search)
                    self._to_fill.append(search.method.path)
                    self._to_widen.append(search.method.path)
                    await self._enrichment.again(self._plan.acceptance.first[search.method.path], reply, start)
                return search.accepted is not None
            alike = self._refused.setdefault(shape(reply), set())
            alike.add(search.method.path)
            if is_hasty and number >= _IN_VAIN and len(alike) >= _ALIKE and not search.names_field(reply):
                return False
        return False

    def _case(
        self, method: Method, messages: tuple[bytes, ...], *before: Call, bindings: tuple[Binding, ...] = ()
    ) -> Case:
        self._number += 1
        data = messages[0]
        call = replace(call_of(method, *messages), bindings=bindings)
        if method.kind is not MethodKind.UNARY:
            call = replace(call, deadline=_DEADLINE)
        broken = self._plan.generators.of(method.input).broken(method.request_class.FromString(data))
        return Case(
            id=f"{self._phase.value}/{method.full_name}/opening-{self._number}",
            phase=self._phase,
            method=method,
            calls=(*before, call),
            setup=len(before),
            why="a request that the server may take, by what it has said so far",
            # What is bound before it is sent isn't known yet, and may break a rule.
            expect=Expect.ANY if broken or bindings or len(messages) > 1 else Expect.ACCEPTED,
            targets=frozenset(() if any(messages) else ("empty_request",)) | (_OF_STATES if before else frozenset()),
        )


def _is_empty_list(reply: Reply) -> bool:
    """Whether a response is a list, or several, of nothing; or there is no response."""
    method = reply.call.method
    if method is None or not is_readable(reply):
        return False
    response = method.response_class.FromString(b"".join(reply.responses))
    lists = [field.name for field in method.output.fields if field.is_repeated]
    return not response.ByteSize() or (bool(lists) and not any(getattr(response, name) for name in lists))


def _generated(method: Method, plan: Plan) -> Message | None:
    """Return the largest of some requests that keep the rules; None if there is none that isn't far too large."""
    source, generator = RandomSource(plan.seed, "opening", method.full_name), plan.generators.of(method.input)
    found = [generator.generate(source) for _ in range(_GENERATED)]
    return max((one for one in found if one.ByteSize() <= _LARGE), key=lambda one: one.ByteSize(), default=None)
