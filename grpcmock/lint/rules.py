"""Lint: stubs that load, and yet can't be meant: shadowed, unreachable, exhausted before they are of use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grpcmock.errors import Problem, Problems, did_you_mean, in_order
from grpcmock.lint.answers import lint_answers
from grpcmock.lint.leaves import Leaves, Path, Shape, leaves_of
from grpcmock.matching.call_context import STARTED, CallContext
from grpcmock.schema import codec

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub
    from grpcmock.tree import Node

_Group = Sequence[tuple["CompiledStub", Leaves]]

_MANY = 200
"""Shapes of conditions, or stubs with operators, of one method, beyond which no more of them are looked at."""


def lint(entries: Sequence[CompiledStub], registry: Registry) -> list[Problem]:
    """Give a warning, or a word of information, for each stub that can't be meant as it stands, in order of place."""
    by_method: dict[str, list[tuple[CompiledStub, Leaves]]] = defaultdict(list)
    found: list[Problem] = []
    for entry in entries:
        leaves = leaves_of(entry.stub, entry.method)
        by_method[entry.method.path].append((entry, leaves))
        found += _contradictions(entry, leaves)
        found += _times(entry.stub)
        found += lint_answers(entry, registry)
    for group in by_method.values():
        found += _shadowed(group, registry)
        found += _catch_alls(group)
    found += _states(entries)
    return in_order(found)


def _problem(
    stub: Stub, rule: str, message: str, *, hint: str = "", node: Node | None = None, path: str = ""
) -> Problem:
    where = node.location if node is not None and node.file else stub.location
    return Problem(message, where, path, stub.name, hint, rule, "info" if rule == "catch-all" else "warning")


# Which stub hides which -------------------------------------------------------------------------------


def shadows(entries: Iterable[CompiledStub], registry: Registry) -> Iterator[tuple[CompiledStub, CompiledStub]]:
    """Yield the stubs of a method that can never answer, each with one that comes first and holds whenever it does."""
    return _hidden([(entry, leaves_of(entry.stub, entry.method)) for entry in entries], registry)


def _shadowed(group: _Group, registry: Registry) -> Iterator[Problem]:
    for entry, hiding in _hidden(group, registry):
        text = f"this stub can never answer: {hiding.stub} holds whenever it does, and comes first, "
        yield _problem(entry.stub, "shadowed-stub", text + _why(hiding, entry), hint=_advice(hiding, entry))


def _hidden(group: _Group, registry: Registry) -> Iterator[tuple[CompiledStub, CompiledStub]]:
    """Go through the stubs of a method in their order of precedence; each may be hidden by one before it.

    Earlier stubs are found by the paths that they look at: a few look-ups a stub, however many there are.
    """
    firsts: dict[Shape, dict[tuple[str, ...], CompiledStub]] = {}
    operators: list[tuple[CompiledStub, Shape]] = []
    for entry, leaves in sorted(group, key=lambda pair: pair[0].rank):
        own = leaves.shape
        hiding = _implied(leaves, firsts) or _held(entry, leaves, operators, registry)
        if hiding is not None:
            yield entry, hiding
        elif not _steps_aside(entry.stub):
            if own in firsts or len(firsts) < _MANY:
                firsts.setdefault(own, {}).setdefault(leaves.at(own), entry)
            if leaves.only_request and own != leaves.fields and len(operators) < _MANY:
                operators.append((entry, leaves.fields))


def _implied(leaves: Leaves, firsts: Mapping[Shape, Mapping[tuple[str, ...], CompiledStub]]) -> CompiledStub | None:
    """Find an earlier stub all of whose conditions this one has, too."""
    own = leaves.shape
    for shape, first in firsts.items():
        if shape <= own and (found := first.get(leaves.at(shape))):
            return found
    return None


def _held(
    entry: CompiledStub, leaves: Leaves, operators: Iterable[tuple[CompiledStub, Shape]], registry: Registry
) -> CompiledStub | None:
    """Find an earlier stub whose operators hold for the very values that this one demands."""
    context = None
    for other, fields in operators:
        if not fields <= leaves.fixed:
            continue
        if context is None:
            message = codec.build(leaves.demanded(), entry.method.request_class, registry, Problems())
            context = CallContext({}, None, {}, message, [message], True)
        if other.conditions.holds(context):
            return other
    return None


def _steps_aside(stub: Stub) -> bool:
    """Whether others get their turn after this stub has answered for a while."""
    return stub.times is not None or stub.then == "miss"


def _why(hiding: CompiledStub, hidden: CompiledStub) -> str:
    if hiding.stub.priority != hidden.stub.priority:
        return "having the higher priority."
    if hiding.conditions.count != hidden.conditions.count:
        return "having more conditions."
    return "being declared earlier."


def _advice(hiding: CompiledStub, hidden: CompiledStub) -> str:
    if hiding.stub.priority != hidden.stub.priority:
        return "Lower that one's priority, or remove this stub."
    return f"Give this one priority: {hiding.stub.priority + 1}, or the other one `times`, or remove it."


def _catch_alls(group: _Group) -> Iterator[Problem]:
    for entry, leaves in group:
        if leaves.values:
            continue
        later = [
            other.stub
            for other, those in group
            if those.values and other.rank[-1] > entry.rank[-1] and other.stub.priority == entry.stub.priority
        ]
        if later:
            more = f" and {len(later) - 1} more" if len(later) > 1 else ""
            text = f"this stub takes any call, and stands before {later[0]}{more}, which still win where they hold."
            yield _problem(entry.stub, "catch-all", text, hint="The order matters only between equals.")


# Conditions that nothing meets ------------------------------------------------------------------------


def _contradictions(entry: CompiledStub, leaves: Leaves) -> Iterator[Problem]:
    lows: dict[Path, tuple[float, bool]] = {}
    for path, node in leaves.nodes.items():
        operator, where = path[-1], ".".join(path[:-1])
        if operator in ("$in", "$or") and node.is_list and not node.value:
            yield _problem(entry.stub, "unreachable-stub", f"{operator} of nothing never holds.", node=node, path=where)
        elif operator in ("$gt", "$gte") and _is_number(node):
            lows[path[:-1]] = (node.value, operator == "$gt")
    for path, node in leaves.nodes.items():
        if path[-1] in ("$lt", "$lte") and _is_number(node) and path[:-1] in lows:
            low, open_ = lows[path[:-1]]
            if low > node.value or (low == node.value and (open_ or path[-1] == "$lt")):
                text = f"nothing is both {'above' if open_ else 'at least'} {low} and "
                text += f"{'below' if path[-1] == '$lt' else 'at most'} {node.value}."
                yield _problem(entry.stub, "unreachable-stub", text, node=node, path=".".join(path[:-1]))


def _is_number(node: Node) -> bool:
    return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _times(stub: Stub) -> Iterator[Problem]:
    answers = len(stub.answers)
    if stub.times is None:
        return
    if stub.times == 0:
        yield _problem(stub, "ineffective-times", "times: 0 means that this stub never answers.", path="times")
    elif stub.times < answers:
        text = f"with times: {stub.times}, only {stub.times} of the {answers} answers can be given."
        yield _problem(stub, "ineffective-times", text, path="times")
    elif stub.then == "miss" and stub.times > answers:
        text = f"times: {stub.times} has no effect: with then: miss, this stub steps aside after {answers} answers."
        yield _problem(stub, "ineffective-times", text, path="times")


# States -----------------------------------------------------------------------------------------------


def _states(entries: Sequence[CompiledStub]) -> Iterator[Problem]:
    """Find states that are asked for but never entered, and scenarios that are set but never asked for."""
    entered: dict[str, set[str]] = defaultdict(lambda: {STARTED})
    setters: dict[str, Stub] = {}
    asked: set[str] = set()
    for entry in entries:
        asked.update(entry.stub.state)
        for answer in entry.stub.answers:
            for scenario, state in answer.set.items():
                entered[scenario].add(state)
                setters.setdefault(scenario, entry.stub)
    for entry in entries:
        for scenario, state in entry.stub.state.items():
            if state not in entered.get(scenario, {STARTED}):
                hint = (
                    did_you_mean(state, entered[scenario], known="The states entered")
                    if scenario in entered
                    else did_you_mean(scenario, entered, known="The scenarios that are set")
                )
                text = f"no stub sets the scenario {scenario!r} to {state!r}, so this stub can't answer."
                yield _problem(entry.stub, "unreachable-state", text, hint=hint, path=f"state.{scenario}")
    unused = setters.keys() - asked
    if unused:
        unused -= _rendered_states(entries, unused)
    for scenario in sorted(unused):
        hint = did_you_mean(scenario, asked)
        text = f"the scenario {scenario!r} is set, but no stub asks for its state."
        yield _problem(setters[scenario], "unused-state", text, hint=hint, path=f"set.{scenario}")


def _rendered_states(entries: Iterable[CompiledStub], scenarios: Iterable[str]) -> set[str]:
    """Give those scenarios whose state some template shows."""
    pattern = {
        name: re.compile(rf"\bstate\s*(\.\s*{re.escape(name)}\b|\[\s*['\"]{re.escape(name)})") for name in scenarios
    }
    texts = (
        leaf.value
        for entry in entries
        for answer in entry.stub.answers
        for node in (*(answer.responses or ()), answer.error, answer.script, answer.headers, answer.trailers)
        if node is not None
        for leaf in node.walk()
        if isinstance(leaf.value, str) and "state" in leaf.value
    )
    return {name for text in texts for name, found in pattern.items() if found.search(text)}
