"""Scenarios: the stubs that have states in common, in an order in which each finds its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from grpcmock.matching.call_context import STARTED

if TYPE_CHECKING:
    from grpcmock.verify.planning.draft import Draft


def connected(drafts: list[Draft]) -> list[list[Draft]]:
    """Group stubs that have scenarios in common, by one way or another."""
    groups: list[tuple[set[str], list[Draft]]] = []
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


def in_order(group: list[Draft]) -> Iterator[Draft]:
    """Yield the stubs of scenarios as their states come; those that no way leads to are skipped."""
    states: dict[str, str] = {}
    pending = [draft for draft in group if not draft.skipped]
    led: tuple[Draft, ...] = ()
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


def _changes(draft: Draft, states: Mapping[str, str]) -> bool:
    after = {scenario: state for answer in draft.stub.stub.answers for scenario, state in answer.set.items()}
    return any(states.get(scenario, STARTED) != state for scenario, state in after.items())
