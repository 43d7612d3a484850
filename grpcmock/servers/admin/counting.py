"""Counting calls: how many in the journal a pattern fits, whether as many as expected, and what came instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.engine.dropped import refusal
from grpcmock.engine.exchange import grouped
from grpcmock.engine.expectation import Expectation, in_words
from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import compile_conditions
from grpcmock.schema.codec import DecodeError, decode, to_text
from grpcmock.stubs.parser import parse_stub
from grpcmock.stubs.yaml import parse
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.errors import Problems
    from grpcmock.matching.conditions import Conditions
    from grpcmock.matching.findings import Finding
    from grpcmock.schema import Method, Registry

KEYS = ("request", "requests", "metadata", "deadline", "when")
"""The keys of a stub that can be held against a call that has ended."""

_NEAREST = 3
_COMPARED = 200
"""Calls that are looked at for the nearest ones: the last of those that don't fit."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted."""

    method: Method
    expected: Expectation
    matched: tuple[int, ...]
    """The ids of the calls that fit."""
    of_method: int
    """How many calls of the method there are, fitting or not."""
    lost: int
    """How many more may fit: calls that the journal has dropped, and those whose requests it didn't keep whole."""
    nearest: tuple[tuple[CallRecord, tuple[Finding, ...]], ...] = ()
    """Where too few fit: calls that nearly do, the nearest first, each with the conditions that refuse it."""

    @property
    def satisfied(self) -> bool:
        """Whether as many fit as should. Raises :class:`DroppedCallsError` if that can't be told any more."""
        number = len(self.matched)
        verdict = self.expected.verdict(number, self.lost)
        if verdict is None:
            raise refusal(f"{self.expected} of {self.method} that fits", f"{in_words(number)} fit", self.lost)
        return verdict

    def __str__(self) -> str:
        """Say what was expected and what came; where too few calls fit, how the nearest ones differ."""
        others = self.of_method - len(self.matched)
        lines = [
            f"{self.method}: expected {self.expected}, {_calls(len(self.matched))} came"
            + (f" (and {others} that didn't fit)." if others else ".")
        ]
        if self.matched and not self.satisfied:
            shown = ", ".join(f"#{number}" for number in self.matched[:10])
            lines.append(f"The calls that fit: {shown}{', …' if len(self.matched) > 10 else ''}.")
        for call, refused in self.nearest:
            requests = call.requests
            shown = to_text(requests[0], 200) if requests else "no message"
            lines.append(f"Call #{call.id}: {shown}")
            lines += [f"    {one.path}: expected {one.expected}, actual {one.actual}" for one in refused]
        return "\n".join(lines)


def read_conditions(text: str, method: Method, registry: Registry, problems: Problems) -> Conditions | None:
    """Compile a YAML mapping with keys of a stub that match; what is wrong goes to *problems*. None if anything is."""
    nodes = list(parse(text, "match", problems))
    node = nodes[0] if nodes and nodes[0].value is not None else Node.of({})
    if len(nodes) > 1:
        problems.error("One mapping is expected, not several documents.", nodes[1].location)
    if not node.is_mapping:
        problems.error(f"A mapping with some of {', '.join(KEYS)} is expected, not {node.kind}.", node.location)
    elif unknown := [key for key in node.value if key not in KEYS]:
        for key in unknown:
            where = node.key_location(key)
            hint = f"The keys are: {', '.join(KEYS)}."
            problems.error(f"{key!r} can't be held against a call that has ended.", where, str(key), hint=hint)
    if problems.errors:
        return None
    keys = {**node.value, "method": Node.of(method.full_name), "name": Node.of("match")}
    stub = parse_stub(Node(keys, node.file, node.line, node.column, node.keys), problems)
    if stub is None or problems.errors:
        return None
    conditions = compile_conditions(stub, method, registry, problems)
    return None if problems.errors else conditions


def count(
    calls: Iterable[CallRecord], method: Method, conditions: Conditions, expected: Expectation, lost: int = 0
) -> Tally:
    """Count the calls of *method* that fit *conditions*; so many more of the method were *lost*."""
    matched: list[int] = []
    others: list[tuple[CallRecord, CallContext]] = []
    of_method = 0
    for call in calls:
        if call.path != method.path:
            continue
        of_method += 1
        context = context_of(call, method)
        if context is None:
            continue
        if conditions.holds(context):
            matched.append(call.id)
        else:
            others.append((call, context))
            lost += call.requests_dropped > 0
    nearest: tuple[tuple[CallRecord, tuple[Finding, ...]], ...] = ()
    if len(matched) < expected.at_least:
        nearest = _nearest(others[-_COMPARED:], conditions)
    return Tally(method, expected, tuple(matched), of_method, lost, nearest)


def context_of(call: CallRecord, method: Method) -> CallContext | None:
    """Give what was known of a call when it had ended; None if its messages can't be decoded."""
    try:
        messages = [decode(method.request_class, frame.data) for frame in call.frames if frame.direction == "request"]
    except DecodeError:
        return None
    return CallContext(
        metadata=grouped(call.metadata),
        deadline=call.deadline,
        request=messages[0] if messages else None,
        requests=messages if method.kind.client_streams else None,
        half_closed=True,
    )


def _nearest(
    others: list[tuple[CallRecord, CallContext]], conditions: Conditions
) -> tuple[tuple[CallRecord, tuple[Finding, ...]], ...]:
    explained = []
    for call, context in reversed(others):
        refused = tuple(finding for finding in conditions.explain(context) if not finding.matched)
        explained.append((call, refused))
    explained.sort(key=lambda pair: len(pair[1]))
    return tuple(explained[:_NEAREST])


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
