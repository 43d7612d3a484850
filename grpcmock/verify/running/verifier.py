"""Runs planned interactions against a real server: many at once, those that need a state of it one after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grpcmock.client.call import Outcome, Status, perform
from grpcmock.client.channel import connect, wait_until_ready
from grpcmock.client.target import Target
from grpcmock.errors import Problem, TargetError
from grpcmock.status import Code
from grpcmock.verify.hooks import Given, HookError, Undo
from grpcmock.verify.planning.planner import plan
from grpcmock.verify.results import CallSummary, Report, Result, Verdict
from grpcmock.verify.running.call_summary import call_summary
from grpcmock.verify.running.chains import earlier_ones, grouped, in_file_order
from grpcmock.verify.running.comparison import compare, is_unreachable
from grpcmock.verify.running.options import Options

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.matching.findings import Finding
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.planning.interactions import Interaction, Plan, Source
    from grpcmock.verify.planning.planned_call import PlannedCall

_PROBE = 1.0
"""Seconds in which a server that is still there lets itself be connected to."""


class _ServerGoneError(Exception):
    """The server is gone."""


class Verifier:
    """Verifies one server with a plan. Made and used within one event loop."""

    def __init__(
        self, channel: grpc.aio.Channel, plan: Plan, options: Options | None = None, *, target: Target | None = None
    ) -> None:
        """*target* is for messages, and to look whether the server is still there; the channel must stand."""
        self._channel = channel
        self._plan = plan
        self._options = options or Options()
        self._given = target
        self._target = target or Target(address="the server")
        self._aborted = ""

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
            for earlier in earlier_ones(interaction):
                before[id(earlier)] = await self._one(earlier, before, undoing)
            result = await self._one(interaction, before, undoing)
        except _ServerGoneError as gone:
            return _result(interaction, Verdict.NOT_RUN, str(gone))
        finally:
            trouble = await _undo(undoing)
        return _with_trouble(result, trouble)

    async def run_all(self, on_result: Callable[[Result], None] = lambda _: None) -> Report:
        """Run all interactions; *on_result* gets each as it ends."""
        started, clock = datetime.now(UTC), time.perf_counter()
        results: dict[int, Result] = {}

        def take(interaction: Interaction, result: Result) -> None:
            results[id(interaction)] = result
            on_result(result)

        alone, chains = grouped(self.interactions)
        if self._options.concurrency <= 1:
            for group in in_file_order(self.interactions):
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
            warnings=(*self._plan.warnings, *self._unreported_states()),
            aborted=self._aborted,
            stale_baseline=self._stale_baseline(results),
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
                elif self._aborted:
                    results[id(interaction)] = _result(interaction, Verdict.NOT_RUN, self._aborted)
                else:
                    try:
                        results[id(interaction)] = await self._one(interaction, results, undoing)
                    except _ServerGoneError as gone:
                        self._aborted = str(gone)
                        results[id(interaction)] = _result(interaction, Verdict.NOT_RUN, self._aborted)
        finally:
            trouble = await _undo(undoing)
        for interaction in group:
            take(interaction, _with_trouble(results[id(interaction)], trouble if interaction.given else ""))

    async def _one(self, interaction: Interaction, before: dict[int, Result], undoing: list[Undo]) -> Result:
        """Run one interaction, whose chain up to it has been run."""
        for earlier in interaction.after:
            known = before.get(id(earlier))
            if known is not None and known.verdict not in (Verdict.PASSED, Verdict.SKIPPED):
                reason = f"{earlier.name!r}, which comes before it, {_reason(known.verdict)}."
                return _result(interaction, Verdict.SKIPPED, reason)
        clock = time.perf_counter()
        hook, given = self._options.hook, interaction.given
        if given and hook is not None:
            state = Given(given, interaction.name, interaction.method.full_name, interaction.consumer)
            try:
                undoing.append(await hook.set_up(state))
            except HookError as error:
                return _result(interaction, Verdict.ERROR, str(error), seconds=time.perf_counter() - clock)
        calls: list[CallSummary] = []
        for planned in interaction.calls:
            calls.append(await self._call(planned, interaction.method))
            if calls[-1].findings:
                break  # what follows rests on it
        failed = any(call.findings for call in calls)
        reason = (
            f"It takes {given!r} as given, and no set-up hook was told. See --setup."
            if failed and given and not hook
            else ""
        )
        pending = interaction.id in self._options.pending or interaction.name in self._options.pending
        verdict = Verdict.PASSED if not failed else Verdict.PENDING if pending else Verdict.FAILED
        return _result(interaction, verdict, reason, tuple(calls), time.perf_counter() - clock)

    # Calls ------------------------------------------------------------------------------------------

    async def _call(self, planned: PlannedCall, method: Method) -> CallSummary:
        outcome, hung = await self._perform(planned, method)
        expected = planned.status.code if planned.status is not None else None
        if is_unreachable(outcome) and expected is not Code.UNAVAILABLE:
            await self._probe()
        findings: Sequence[Finding] = compare(planned, outcome, method, self._plan.registry)
        timeout = planned.deadline if planned.deadline is not None else self._options.timeout
        if hung or (outcome.code is Code.DEADLINE_EXCEEDED and expected is not Code.DEADLINE_EXCEEDED):
            actual = f"no end within {timeout:g} s{_awaited(planned, outcome)}"
            findings = [replace(one, actual=actual) if one.path == "status" else one for one in findings]
        return call_summary(planned, outcome, method, tuple(findings))

    async def _perform(self, planned: PlannedCall, method: Method) -> tuple[Outcome, bool]:
        """Make a call; say also whether it had to be given up because it set no deadline of its own."""
        timeout = self._options.timeout
        deadline = None if planned.without_deadline else planned.deadline or timeout
        try:
            async with asyncio.timeout(timeout if deadline is None else None):
                return await perform(
                    self._channel,
                    method.path,
                    planned.actions,
                    metadata=planned.metadata,
                    deadline=deadline,
                    limit=planned.limit,
                ), False
        except TimeoutError:
            return Outcome(Status(Code.DEADLINE_EXCEEDED), (), (), len(planned.requests), timeout), True

    async def _probe(self) -> None:
        """Find out whether the server is there at all. Raises :class:`_ServerGoneError`."""
        if self._aborted:
            raise _ServerGoneError(self._aborted)
        try:
            await wait_until_ready(self._channel, self._target, within=_PROBE)
            if self._given is not None:
                # The channel may not have noticed yet; a connection of its own has.
                async with connect(self._given, within=_PROBE):
                    pass
        except TargetError as error:
            self._aborted = f"{self._target} went away: {error}"
            raise _ServerGoneError(self._aborted) from None

    # What else is to be known -----------------------------------------------------------------------

    def _unreported_states(self) -> list[Problem]:
        """Warn of states that no hook is told of."""
        given = [one for one in self.interactions if one.given and not one.skipped]
        if not given or self._options.hook is not None:
            return []
        count = "1 stub takes" if len(given) == 1 else f"{len(given)} stubs take"
        text = f"{count} a state of the server as given, such as {given[0].given!r}, and no set-up hook is told."
        return [Problem(text, given[0].location, "given", hint="Name a set-up hook: --setup.", severity="warning")]

    def _stale_baseline(self, results: dict[int, Result]) -> tuple[str, ...]:
        """Name the entries of the baseline that are not needed any more."""
        found = []
        by_name = {name: one for one in self.interactions for name in (one.id, one.name)}
        for name in sorted(self._options.pending):
            interaction = by_name.get(name)
            if interaction is None:
                found.append(f"{name}: there is no such stub")
            elif results[id(interaction)].verdict is Verdict.PASSED:
                found.append(f"{name}: it passes by now")
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
    """Verify a server with stubs, and report of each whether it passed.

    Raises :class:`StubError` for stubs that don't compile, or that no request satisfies.
    """
    planned = plan(stubs, registry, metadata=metadata)
    return await Verifier(channel, planned, options, target=target).run_all()


def _awaited(planned: PlannedCall, outcome: Outcome) -> str:
    """Return what the server still had to send, where its stub is a script: that is where it hangs."""
    missing = planned.responses[len(outcome.responses) :]
    return f", waiting for {missing[0].path}" if missing and ".send" in missing[0].path else ""


def _result(
    interaction: Interaction,
    verdict: Verdict,
    reason: str = "",
    calls: tuple[CallSummary, ...] = (),
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
    """Where undoing failed, what passed can't be relied on: the next one may find what was left behind."""
    if not trouble or result.verdict in (Verdict.ERROR, Verdict.SKIPPED, Verdict.NOT_RUN):
        return result
    if result.verdict is Verdict.PASSED:
        return replace(result, verdict=Verdict.ERROR, reason=trouble)
    return replace(result, reason=trouble)


def _reason(verdict: Verdict) -> str:
    return {Verdict.FAILED: "failed", Verdict.PENDING: "failed"}.get(verdict, "couldn't be verified")
