"""Counting calls: how many in the journal a pattern fits, whether as many as expected, and what came instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.engine.dropped import refusal
from grpcmock.engine.environment import grouped
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
    return _compiled(node, method, registry, problems)


def read_request(text: str, method: Method, registry: Registry, problems: Problems) -> Conditions | None:
    """Compile what stands in a stub under ``request``; for the rest as :func:`read_conditions`."""
    nodes = list(parse(text, "request", problems))
    if len(nodes) > 1:
        problems.error("One pattern is expected, not several documents.", nodes[1].location)
    if problems.errors or not nodes:
        return None
    return _compiled(Node.of({"request": nodes[0]}), method, registry, problems)


def _compiled(node: Node, method: Method, registry: Registry, problems: Problems) -> Conditions | None:
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


Pattern = tuple["Method", str, "Conditions | None"]
"""A method, a pattern of its calls as it was written, and what it comes to."""


@dataclass(frozen=True, slots=True)
class InOrder:
    """Which calls fit patterns, one after the other."""

    patterns: Sequence[Pattern]
    matched: tuple[int, ...]
    """The ids of the calls that fit the first patterns, one each."""
    of_methods: int
    """How many calls of these methods there are."""
    lost: int = 0
    """How many more there may have been, which the journal has dropped."""

    @property
    def satisfied(self) -> bool:
        """Whether all patterns are fit. Raises :class:`DroppedCallsError` if that can't be told any more."""
        is_found = len(self.matched) == len(self.patterns)
        if not is_found and self.lost:
            raise refusal(
                "calls in this order", f"{in_words(len(self.matched))} of {len(self.patterns)} are", self.lost
            )
        return is_found

    def __str__(self) -> str:
        """Say which calls fit, and which pattern none came for."""
        lines = []
        for number, (method, match, _) in enumerate(self.patterns, 1):
            what = f"{number}. {method}{f' with {match}' if match else ''}"
            if number <= len(self.matched):
                lines.append(f"{what}: call #{self.matched[number - 1]}.")
            else:
                behind = f" after call #{self.matched[-1]}" if self.matched else ""
                lines.append(f"{what}: no such call{behind}.")
                break
        return "\n".join(lines)


def in_order(calls: Iterable[CallRecord], patterns: Sequence[Pattern], lost: int = 0) -> InOrder:
    """Look for calls that fit *patterns* in the order in which they began; others may come between, or were *lost*."""
    matched: list[int] = []
    paths = {method.path for method, _, _ in patterns}
    wanted = sorted((call for call in calls if call.path in paths), key=lambda call: call.id)
    for call in wanted:
        if len(matched) == len(patterns):
            break
        method, _, conditions = patterns[len(matched)]
        if call.path != method.path or conditions is None:
            continue
        context = context_of(call, method)
        if context is not None and conditions.holds(context):
            matched.append(call.id)
    return InOrder(patterns, tuple(matched), len(wanted), lost)


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
