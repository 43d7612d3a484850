"""Plans the verification of stubs: each becomes an interaction with calls to make, in an order that makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stubs
from grpcmock.engine.store import Store
from grpcmock.errors import Location, Problem, Problems, UnknownMethodError
from grpcmock.matching.call_context import STARTED
from grpcmock.replies.faults import FAULTS
from grpcmock.verify.asking import Ask, Asker, ShadowedError
from grpcmock.verify.exchanges import Exchange, Exchanger
from grpcmock.verify.fingerprints import fingerprint
from grpcmock.verify.unaskable import UnaskableError

if TYPE_CHECKING:
    from grpcmock.client.target import Metadata
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.looser import Looser

_MOST_TIMES = 100
"""Calls made so that a stub with ``times`` steps aside for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Stubs that belong together: all those of one consumer."""

    stubs: Sequence[Stub]
    consumer: str = ""
    """Whose contract they are; empty if nobody says."""

    file: str = ""
    descriptors: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the methods' descriptors as the consumer knew them, by full name."""

    looser: Mapping[str, Looser] = field(default_factory=dict)
    """By the names of stubs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interaction:
    """One stub, as it is held against a real server."""

    name: str
    consumer: str
    stub: Stub
    method: Method
    exchanges: tuple[Exchange, ...] = ()
    """The calls, one after the other. None if it is skipped."""

    skipped: str = ""
    """Why it can't be verified."""

    after: tuple[Interaction, ...] = ()
    """What must have happened before: stubs that step aside for this one, or lead to its state."""

    chain: int = 0
    """Interactions of one chain follow one another; 0 for those that stand alone."""

    @property
    def id(self) -> str:
        """A name that no other interaction of the plan has."""
        return f"{self.consumer}: {self.name}" if self.consumer else self.name

    @property
    def given(self) -> str:
        """The provider state; empty for none."""
        return self.stub.given or ""

    @property
    def location(self) -> Location | None:
        return self.stub.location

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Plan:
    """All interactions, in the order of their stubs; those of a chain in the order in which they run."""

    interactions: tuple[Interaction, ...]
    registry: Registry
    warnings: tuple[Problem, ...] = ()

    def find(self, name: str) -> Interaction | None:
        """Find an interaction by its id, or by the name of its stub."""
        return next((one for one in self.interactions if name in (one.id, one.name)), None)


def plan(
    sources: Iterable[Source] | Sequence[Stub], registry: Registry, *, metadata: Metadata = (), seed: int = 0
) -> Plan:
    """Plan the verification of stubs: of one consumer, or of several, each apart.

    *metadata* is sent with every call, but where a stub's pattern wants something else. Raises :class:`StubError` with
    everything that is wrong: stubs that don't compile, and patterns that no request pleases.
    """
    listed: tuple[Any, ...] = tuple(sources)
    if not any(isinstance(one, Source) for one in listed):
        listed = (Source(stubs=listed),)
    problems = Problems()
    interactions: list[Interaction] = []
    for source in listed:
        _tell_changes(source, registry, problems)
        planner = _Planner(source, registry, metadata, seed, problems, len(interactions))
        interactions += planner.interactions()
    problems.raise_errors()
    return Plan(tuple(interactions), registry, problems.warnings)


def _tell_changes(source: Source, registry: Registry, problems: Problems) -> None:
    """Warn of methods that take or give something else than the contract knew."""
    for name, known in source.descriptors.items():
        try:
            method = registry.method(name)
        except UnknownMethodError:
            continue  # its stubs are told of
        if fingerprint(method) != known:
            whose = f"The contract of {source.consumer}" if source.consumer else "The contract"
            text = f"{whose} was made with other descriptors of {method}."
            hint = "What the method takes or gives has changed since; `grpcmock drift` tells how."
            problems.warn(text, Location(source.file), hint=hint, rule="descriptors")


@dataclass(slots=True)
class _Draft:
    """An interaction while it is planned."""

    stub: CompiledStub
    ask: Ask | None = None
    exchanges: tuple[Exchange, ...] = ()
    skipped: str = ""
    before: _Draft | None = None
    """Who has to step aside first."""

    chain: int = 0
    after: tuple[_Draft, ...] = ()
    made: Interaction | None = None

    @property
    def state(self) -> Mapping[str, str]:
        """The states in which the stub answers."""
        return self.ask.state if self.ask is not None else self.stub.stub.state

    @property
    def scenarios(self) -> set[str]:
        """The scenarios that it has to do with."""
        return {*self.state, *(scenario for answer in self.stub.stub.answers for scenario in answer.set)}


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
        self._drafts = {id(stub): _Draft(stub) for stub in compiled}
        indexes = {path: table.index for path, table in store.tables.items()}
        self._asker = Asker(registry, indexes, given=metadata, states=_led_to(compiled), seed=seed)

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

    def _draft(self, draft: _Draft) -> None:
        stub = draft.stub
        draft.skipped = _reason(stub.stub)
        if draft.skipped:
            return
        try:
            draft.ask = ask = self._asker.ask(stub)
            draft.exchanges = tuple(self._exchanger(stub, ask).exchanges())
        except UnaskableError as error:
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

    def _exchanger(self, stub: CompiledStub, ask: Ask) -> Exchanger:
        looser = self._source.looser.get(stub.name)
        return Exchanger(stub, ask, self._asker, self._registry, self._problems, looser)

    def _wait_for_others(self, draft: _Draft) -> None:
        if draft.ask is None or draft.ask.before is None or draft.skipped:
            return
        before = self._drafts[id(draft.ask.before)]
        times = draft.ask.before.stub.times or len(before.exchanges)
        if before.skipped:
            draft.skipped = f"it follows {before.stub.name!r}, which is skipped."
        elif times > _MOST_TIMES:
            draft.skipped = f"{before.stub.name!r} steps aside for it only after {times:,} calls."
        else:
            missing = times - len(before.exchanges)
            before.exchanges = (*before.exchanges, *(before.exchanges[-1:] * missing))
            if not before.chain:
                self._chains += 1
                before.chain = self._chains
            draft.chain, draft.before = before.chain, before
            draft.after = (before,)

    # Scenarios --------------------------------------------------------------------------------------

    def _scenarios(self, drafts: list[_Draft]) -> Iterator[_Draft]:
        """Yield the stubs of scenarios in an order in which each finds its state."""
        for group in _connected(drafts):
            self._chains += 1
            for draft in group:
                draft.chain = self._chains
            yield from _in_order(group)

    def _finish(self, draft: _Draft) -> Interaction:
        if draft.made is None:
            draft.made = Interaction(
                name=draft.stub.name,
                consumer=self._source.consumer,
                stub=draft.stub.stub,
                method=draft.stub.method,
                exchanges=() if draft.skipped else draft.exchanges,
                skipped=draft.skipped,
                after=tuple(self._finish(before) for before in draft.after),
                chain=0 if draft.skipped else draft.chain,
            )
        return draft.made


def _reason(stub: Stub) -> str:
    """Say why a stub can't be held against a real server; empty if it can."""
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
    """Give the states that stubs lead to, by scenario."""
    found: dict[str, list[str]] = {}
    for stub in stubs:
        for answer in stub.stub.answers:
            for scenario, state in answer.set.items():
                found.setdefault(scenario, []).append(state)
    return found


def _connected(drafts: list[_Draft]) -> list[list[_Draft]]:
    """Group stubs that have scenarios in common, by one way or another."""
    groups: list[tuple[set[str], list[_Draft]]] = []
    for draft in drafts:
        names, members = draft.scenarios, [draft]
        apart = []
        for other_names, others in groups:
            if other_names & names:
                names, members = names | other_names, [*others, *members]
            else:
                apart.append((other_names, others))
        groups = [*apart, (names, members)]
    order = {id(draft): at for at, draft in enumerate(drafts)}
    return [sorted(members, key=lambda draft: order[id(draft)]) for _, members in groups]


def _in_order(group: list[_Draft]) -> Iterator[_Draft]:
    """Yield the stubs of scenarios as their states come; those that no way leads to are skipped."""
    states: dict[str, str] = {}
    pending = [draft for draft in group if not draft.skipped]
    led: tuple[_Draft, ...] = ()
    while pending:
        ready = [draft for draft in pending if _fits(draft.state, states)]
        if not ready:
            break
        still = [draft for draft in ready if not _changes(draft, states)]
        draft = (still or ready)[0]
        draft.after = (*draft.after, *(before for before in led if before not in draft.after))
        if _changes(draft, states):
            led = (*led, draft)
        for answer in draft.stub.stub.answers:
            states.update(answer.set)
        pending.remove(draft)
        yield draft
    for draft in pending:
        wanted = ", ".join(f"{scenario}: {state}" for scenario, state in draft.state.items())
        draft.skipped = f"no stub that can be verified leads to its state ({wanted})."
    yield from (draft for draft in group if draft.skipped)


def _fits(wanted: Mapping[str, str], states: Mapping[str, str]) -> bool:
    return all(states.get(scenario, STARTED) == state for scenario, state in wanted.items())


def _changes(draft: _Draft, states: Mapping[str, str]) -> bool:
    after = {scenario: state for answer in draft.stub.stub.answers for scenario, state in answer.set.items()}
    return any(states.get(scenario, STARTED) != state for scenario, state in after.items())
