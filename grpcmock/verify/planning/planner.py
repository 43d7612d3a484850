"""Plans the verification of stubs: each becomes an interaction with calls to make, in an order that makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stubs
from grpcmock.engine.store import Store
from grpcmock.errors import Location, Problems, UnknownMethodError
from grpcmock.responses.faults import FAULTS
from grpcmock.verify.fingerprints import fingerprint
from grpcmock.verify.planning.call_planner import CallPlanner
from grpcmock.verify.planning.draft import Draft
from grpcmock.verify.planning.interactions import Interaction, Plan, Source
from grpcmock.verify.planning.scenarios import connected, in_order
from grpcmock.verify.requests.builder import RequestBuilder, ShadowedError
from grpcmock.verify.requests.unsatisfiable import UnsatisfiableError

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub

_MAX_TIMES = 100
"""Calls made so that a stub with ``times`` is exhausted, and another one answers."""


def plan(
    sources: Iterable[Source] | Sequence[Stub], registry: Registry, *, metadata: Metadata = (), seed: int = 0
) -> Plan:
    """Plan the verification of stubs: of one consumer, or of several, each apart.

    *metadata* is sent with every call, but where a stub's pattern expects something else. Raises :class:`StubError`
    with everything that is wrong: stubs that don't compile, and patterns that no request satisfies.
    """
    listed: tuple[Any, ...] = tuple(sources)
    if not any(isinstance(one, Source) for one in listed):
        listed = (Source(stubs=listed),)
    problems = Problems()
    interactions: list[Interaction] = []
    for source in listed:
        _warn_of_changes(source, registry, problems)
        planner = _Planner(source, registry, metadata, seed, problems, len(interactions))
        interactions += planner.interactions()
    problems.raise_errors()
    return Plan(tuple(interactions), registry, problems.warnings)


def _warn_of_changes(source: Source, registry: Registry, problems: Problems) -> None:
    """Warn of methods that take or give something else than the contract knew."""
    for name, known in source.descriptors.items():
        try:
            method = registry.method(name)
        except UnknownMethodError:
            continue  # its stubs are reported
        if fingerprint(method) != known:
            whose = f"The contract of {source.consumer}" if source.consumer else "The contract"
            text = f"{whose} was made with other descriptors of {method}."
            hint = "What the method takes or gives has changed since; `grpcmock drift` tells how."
            problems.warn(text, Location(source.file), hint=hint, rule="descriptors")


class _Planner:
    """Plans the stubs of one source."""

    def __init__(
        self, source: Source, registry: Registry, metadata: Metadata, seed: int, problems: Problems, first_chain: int
    ) -> None:
        self._source = source
        self._registry = registry
        self._problems = problems
        self._chains = first_chain
        compiled = compile_stubs(source.stubs, registry, problems, faults=FAULTS)
        store = Store(registry.methods.values())
        store.add(compiled)
        self._drafts = {id(stub): Draft(stub) for stub in compiled}
        indexes = {path: table.index for path, table in store.tables.items()}
        self._requests = RequestBuilder(registry, indexes, given=metadata, states=_led_to(compiled), seed=seed)

    def interactions(self) -> list[Interaction]:
        if self._problems.errors:
            return []
        drafts = list(self._drafts.values())
        for draft in drafts:
            self._draft(draft)
        for draft in drafts:
            self._wait_for_others(draft)
        ordered = [*self._scenarios([draft for draft in drafts if draft.scenarios])]
        known = {id(draft) for draft in ordered}
        # Those of scenarios stand where the first of them stood; all others stay in their order.
        first = next((at for at, draft in enumerate(drafts) if id(draft) in known), 0)
        rest = [draft for draft in drafts if id(draft) not in known]
        before = sum(id(draft) not in known for draft in drafts[:first])
        return [self._finish(draft) for draft in (*rest[:before], *ordered, *rest[before:])]

    def _draft(self, draft: Draft) -> None:
        stub = draft.stub
        draft.skipped = _reason(stub.stub)
        if draft.skipped:
            return
        try:
            draft.spec = spec = self._requests.build(stub)
            draft.calls = tuple(
                CallPlanner(
                    stub, spec, self._requests, self._registry, self._problems, self._source.expectations.get(stub.name)
                ).calls()
            )
        except UnsatisfiableError as error:
            self._problems.add(error.problem)
        except ShadowedError as error:
            draft.skipped = f"{error}."
            self._problems.warn(
                f"the stub {stub.name!r} is not verified: {error}.",
                stub.stub.location,
                stub=stub.name,
                hint="Have their patterns differ, or leave one to the mock alone with verify: false.",
                rule="shadowed",
            )

    def _wait_for_others(self, draft: Draft) -> None:
        if draft.spec is None or draft.spec.before is None or draft.skipped:
            return
        before = self._drafts[id(draft.spec.before)]
        times = draft.spec.before.stub.times or len(before.calls)
        if before.skipped:
            draft.skipped = f"it follows {before.stub.name!r}, which is skipped."
        elif times > _MAX_TIMES:
            draft.skipped = f"{before.stub.name!r} is exhausted only after {times:,} calls."
        else:
            missing = times - len(before.calls)
            before.calls = (*before.calls, *(before.calls[-1:] * missing))
            if not before.chain:
                self._chains += 1
                before.chain = self._chains
            draft.chain = before.chain
            draft.after = (before,)

    # Scenarios --------------------------------------------------------------------------------------

    def _scenarios(self, drafts: list[Draft]) -> Iterator[Draft]:
        """Yield the stubs of scenarios in an order in which each finds its state."""
        for group in connected(drafts):
            self._chains += 1
            for draft in group:
                draft.chain = self._chains
            yield from in_order(group)

    def _finish(self, draft: Draft) -> Interaction:
        if draft.interaction is None:
            draft.interaction = Interaction(
                name=draft.stub.name,
                consumer=self._source.consumer,
                stub=draft.stub.stub,
                method=draft.stub.method,
                calls=() if draft.skipped else draft.calls,
                skipped=draft.skipped,
                after=tuple(self._finish(before) for before in draft.after),
                chain=0 if draft.skipped else draft.chain,
            )
        return draft.interaction


def _reason(stub: Stub) -> str:
    """Return why a real server can't be verified with a stub; empty if it can."""
    if not stub.verify.enabled:
        return "it says verify: false."
    for answer in stub.answers:
        if answer.fault is not None:
            kinds = [key for key in answer.fault.value if key != "rate"] if answer.fault.is_mapping else []
            return f"it has a fault ({', '.join(map(str, kinds))}), which no server makes on purpose."
        if answer.handler is not None:
            return "a function in Python answers, and it says nothing of what it answers."
    return ""


def _led_to(stubs: Iterable[CompiledStub]) -> dict[str, list[str]]:
    """Return the states that stubs lead to, by scenario."""
    found: dict[str, list[str]] = {}
    for stub in stubs:
        for answer in stub.stub.answers:
            for scenario, state in answer.set.items():
                found.setdefault(scenario, []).append(state)
    return found
