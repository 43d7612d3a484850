"""Runs planned interactions against a real server: many at once, those that need a state of it one after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grpcmock.client.call import Outcome, Status, perform
from grpcmock.client.channel import connect, wait_until_ready
from grpcmock.client.target import Target
from grpcmock.errors import Problem, TargetError
from grpcmock.status import Code
from grpcmock.verify.checking import check, is_unreachable
from grpcmock.verify.hooks import Given, Hook, HookError, Undo
from grpcmock.verify.planning import Plan, Source, plan
from grpcmock.verify.results import Report, Result, Seen, Verdict
from grpcmock.verify.seeing import seen

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Metadata
    from grpcmock.matching.findings import Finding
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.exchanges import Exchange
    from grpcmock.verify.planning import Interaction

CONCURRENCY = 16
"""Interactions under way at once, unless said otherwise."""

TIMEOUT = 10.0
"""Seconds that one call may take, unless said otherwise."""

_PROBE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How interactions are run."""

    timeout: float = TIMEOUT
    """Seconds for one call, where the stub says nothing of its deadline."""

    concurrency: int = CONCURRENCY
    """How many interactions that need no state of the server are under way at once; 1 keeps the order of the files."""

    hook: Hook | None = None
    """Told of each ``given``."""

    pending: frozenset[str] = frozenset()
    """Interactions that are known not to hold."""


class _Lost(Exception):  # noqa: N818 - it is passed on as a text
    """The server is gone."""


class Verifier:
    """Holds one server against a plan. Made and used within one event loop."""

    def __init__(
        self, channel: grpc.aio.Channel, plan: Plan, options: Options | None = None, *, target: Target | None = None
    ) -> None:
        """*target* is for messages, and to look whether the server is still there; the channel must stand."""
        self._channel = channel
        self._plan = plan
        self._options = options or Options()
        self._given = target
        self._target = target or Target(address="the server")
        self._lost = ""

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        return self._plan.interactions

    async def run(self, interaction: Interaction) -> Result:
        """Run one interaction, with all that must come before it."""
        if interaction.skipped:
            return _result(interaction, Verdict.SKIPPED, interaction.skipped)
        undoing: list[Undo] = []
        before: dict[int, Result] = {}
        try:
            for earlier in _chain(interaction):
                before[id(earlier)] = await self._one(earlier, before, undoing)
            result = await self._one(interaction, before, undoing)
        except _Lost as lost:
            return _result(interaction, Verdict.NOT_RUN, str(lost))
        finally:
            trouble = await _undo(undoing)
        return _with_trouble(result, trouble)

    async def run_all(self, on_result: Callable[[Result], None] = lambda _: None) -> Report:
        """Run all interactions; *on_result* is told of each as it ends."""
        started, clock = datetime.now(UTC), time.perf_counter()
        results: dict[int, Result] = {}

        def take(interaction: Interaction, result: Result) -> None:
            results[id(interaction)] = result
            on_result(result)

        alone, chains = _grouped(self.interactions)
        if self._options.concurrency <= 1:
            for group in _in_order(self.interactions):
                await self._group(group, take)
        else:
            await self._concurrently([one for one in alone if not self._is_serial(one)], take)
            for one in (one for one in alone if self._is_serial(one)):
                await self._group([one], take)
            for chain in chains:
                await self._group(chain, take)
        return Report(
            results=tuple(results[id(interaction)] for interaction in self.interactions),
            target=str(self._target),
            started=started,
            seconds=time.perf_counter() - clock,
            warnings=(*self._plan.warnings, *self._untold()),
            lost=self._lost,
            settled=self._settled(results),
        )

    def _is_serial(self, interaction: Interaction) -> bool:
        return bool(interaction.given) and self._options.hook is not None

    async def _concurrently(self, interactions: Iterable[Interaction], take: Callable[..., None]) -> None:
        waiting = iter(interactions)

        async def work() -> None:
            for interaction in waiting:
                await self._group([interaction], take)

        async with asyncio.TaskGroup() as workers:
            for _ in range(self._options.concurrency):
                workers.create_task(work())

    async def _group(self, group: Sequence[Interaction], take: Callable[..., None]) -> None:
        """Run the interactions of one chain; what was set up is undone at its end."""
        undoing: list[Undo] = []
        results: dict[int, Result] = {}
        try:
            for interaction in group:
                if interaction.skipped:
                    results[id(interaction)] = _result(interaction, Verdict.SKIPPED, interaction.skipped)
                elif self._lost:
                    results[id(interaction)] = _result(interaction, Verdict.NOT_RUN, self._lost)
                else:
                    try:
                        results[id(interaction)] = await self._one(interaction, results, undoing)
                    except _Lost as lost:
                        self._lost = str(lost)
                        results[id(interaction)] = _result(interaction, Verdict.NOT_RUN, self._lost)
        finally:
            trouble = await _undo(undoing)
        for interaction in group:
            take(interaction, _with_trouble(results[id(interaction)], trouble if interaction.given else ""))

    async def _one(self, interaction: Interaction, before: dict[int, Result], undoing: list[Undo]) -> Result:
        """Run one interaction, whose chain up to it has been run."""
        for earlier in interaction.after:
            known = before.get(id(earlier))
            if known is not None and known.verdict not in (Verdict.HOLDS, Verdict.SKIPPED):
                reason = f"{earlier.name!r}, which comes before it, {_words(known.verdict)}."
                return _result(interaction, Verdict.SKIPPED, reason)
        clock = time.perf_counter()
        hook, given = self._options.hook, interaction.given
        if given and hook is not None:
            told = Given(given, interaction.name, interaction.method.full_name, interaction.consumer)
            try:
                undoing.append(await hook.set_up(told))
            except HookError as error:
                return _result(interaction, Verdict.ERROR, str(error), seconds=time.perf_counter() - clock)
        calls: list[Seen] = []
        for exchange in interaction.exchanges:
            calls.append(await self._call(exchange, interaction.method))
            if calls[-1].findings:
                break  # what follows rests on it
        failed = any(call.findings for call in calls)
        reason = (
            f"Nobody was told that it takes as given: {given!r}. See --setup." if failed and given and not hook else ""
        )
        pending = interaction.id in self._options.pending or interaction.name in self._options.pending
        verdict = Verdict.HOLDS if not failed else Verdict.PENDING if pending else Verdict.FAILS
        return _result(interaction, verdict, reason, tuple(calls), time.perf_counter() - clock)

    # Calls ------------------------------------------------------------------------------------------

    async def _call(self, exchange: Exchange, method: Method) -> Seen:
        outcome, hung = await self._perform(exchange, method)
        wanted = exchange.ending.code if exchange.ending is not None else None
        if is_unreachable(outcome) and wanted is not Code.UNAVAILABLE:
            await self._probe()
        findings: Sequence[Finding] = check(exchange, outcome, method, self._plan.registry)
        timeout = exchange.deadline if exchange.deadline is not None else self._options.timeout
        if hung or (outcome.code is Code.DEADLINE_EXCEEDED and wanted is not Code.DEADLINE_EXCEEDED):
            actual = f"no end within {timeout:g} s{_awaited(exchange, outcome)}"
            findings = [replace(one, actual=actual) if one.path == "status" else one for one in findings]
        return seen(exchange, outcome, method, tuple(findings))

    async def _perform(self, exchange: Exchange, method: Method) -> tuple[Outcome, bool]:
        """Make a call; say also whether it had to be given up because it set no deadline of its own."""
        timeout = self._options.timeout
        deadline = None if exchange.without_deadline else exchange.deadline or timeout
        try:
            async with asyncio.timeout(timeout if deadline is None else None):
                return await perform(
                    self._channel,
                    method.path,
                    exchange.actions,
                    metadata=exchange.metadata,
                    deadline=deadline,
                    limit=exchange.limit,
                ), False
        except TimeoutError:
            return Outcome(Status(Code.DEADLINE_EXCEEDED), (), (), len(exchange.messages), timeout), True

    async def _probe(self) -> None:
        """Find out whether the server is there at all. Raises :class:`_Lost`."""
        if self._lost:
            raise _Lost(self._lost)
        try:
            await wait_until_ready(self._channel, self._target, within=_PROBE)
            if self._given is not None:
                # The channel may not have noticed yet; a connection of its own has.
                async with connect(self._given, within=_PROBE):
                    pass
        except TargetError as error:
            self._lost = f"{self._target} went away: {error}"
            raise _Lost(self._lost) from None

    # What else is to be known -----------------------------------------------------------------------

    def _untold(self) -> list[Problem]:
        """Warn of states that nobody is told of."""
        given = [one for one in self.interactions if one.given and not one.skipped]
        if not given or self._options.hook is not None:
            return []
        count = "1 stub takes" if len(given) == 1 else f"{len(given)} stubs take"
        text = f"{count} a state of the server as given, such as {given[0].given!r}, and nobody is told."
        return [Problem(text, given[0].location, "given", hint="Name a set-up hook: --setup.", severity="warning")]

    def _settled(self, results: dict[int, Result]) -> tuple[str, ...]:
        """Name the entries of the baseline that are not needed any more."""
        found = []
        by_name = {name: one for one in self.interactions for name in (one.id, one.name)}
        for name in sorted(self._options.pending):
            interaction = by_name.get(name)
            if interaction is None:
                found.append(f"{name}: there is no such stub")
            elif results[id(interaction)].verdict is Verdict.HOLDS:
                found.append(f"{name}: it holds by now")
        return tuple(found)


async def verify(
    channel: grpc.aio.Channel,
    registry: Registry,
    stubs: Sequence[Stub] | Sequence[Source],
    *,
    metadata: Metadata = (),
    options: Options | None = None,
    target: Target | None = None,
) -> Report:
    """Hold a server against stubs, and tell of each whether it holds.

    Raises :class:`StubError` for stubs that don't compile, or that no request pleases.
    """
    planned = plan(stubs, registry, metadata=metadata)
    return await Verifier(channel, planned, options, target=target).run_all()


def _awaited(exchange: Exchange, outcome: Outcome) -> str:
    """Say what the server still had to send, where its stub is a script: that is where it hangs."""
    missing = exchange.replies[len(outcome.responses) :]
    return f", waiting for {missing[0].path}" if missing and ".send" in missing[0].path else ""


def _result(
    interaction: Interaction,
    verdict: Verdict,
    reason: str = "",
    calls: tuple[Seen, ...] = (),
    seconds: float = 0.0,
) -> Result:
    return Result(
        id=interaction.id,
        name=interaction.name,
        consumer=interaction.consumer,
        method=interaction.method.full_name,
        kind=interaction.method.kind.value,
        location=interaction.location,
        given=interaction.given,
        verdict=verdict,
        reason=reason,
        calls=calls,
        seconds=seconds,
    )


async def _undo(undoing: list[Undo]) -> str:
    """Undo what was set up, the last first; say what went wrong."""
    trouble = ""
    for undo in reversed(undoing):
        try:
            await undo()
        except HookError as error:
            trouble = trouble or str(error)
    return trouble


def _with_trouble(result: Result, trouble: str) -> Result:
    """Where undoing failed, what held can't be relied on: the next one may find what was left behind."""
    if not trouble or result.verdict in (Verdict.ERROR, Verdict.SKIPPED, Verdict.NOT_RUN):
        return result
    if result.verdict is Verdict.HOLDS:
        return replace(result, verdict=Verdict.ERROR, reason=trouble)
    return replace(result, reason=trouble)


def _words(verdict: Verdict) -> str:
    return {Verdict.FAILS: "doesn't hold", Verdict.PENDING: "doesn't hold"}.get(verdict, "couldn't be verified")


def _chain(interaction: Interaction) -> list[Interaction]:
    """Give all that must come before an interaction, the first first."""
    found: dict[int, Interaction] = {}

    def add(one: Interaction) -> None:
        for earlier in one.after:
            if id(earlier) not in found:
                add(earlier)
                found[id(earlier)] = earlier

    add(interaction)
    return list(found.values())


def _grouped(interactions: Iterable[Interaction]) -> tuple[list[Interaction], list[list[Interaction]]]:
    alone: list[Interaction] = []
    chains: dict[int, list[Interaction]] = {}
    for interaction in interactions:
        if interaction.chain:
            chains.setdefault(interaction.chain, []).append(interaction)
        else:
            alone.append(interaction)
    return alone, list(chains.values())


def _in_order(interactions: Iterable[Interaction]) -> list[list[Interaction]]:
    """Give single interactions and whole chains, each where its first one stands."""
    groups: dict[object, list[Interaction]] = {}
    for interaction in interactions:
        groups.setdefault(interaction.chain or id(interaction) + (1 << 64), []).append(interaction)
    return list(groups.values())
