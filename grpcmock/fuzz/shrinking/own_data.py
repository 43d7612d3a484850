"""Failures that rest on what earlier cases have left on a server: their calls are made to create what they need.

A check is a pure function, so it can be asked what it would say if a list had shown nothing but what the case itself
has made. If it has nothing to say then, the failure rests on what was there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.changes import Changes, asked_by, clear_next_page, identities, renamed, taking, told_by
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.findings import Failure, Finding
    from grpcmock.fuzz.model.results import CaseResult, Reply

Values = Collection[str | int]
Evaluate = Callable[["Case", "CaseResult"], Sequence["Finding"]]
Observe = Callable[["Case"], Awaitable["CaseResult"]]

_ITEM = re.compile(r"(\w+)\[(\d+)\]")
_QUOTED = re.compile(r"'([^']+)'")
_MOST = 3
"""So many things are created for a failure, at most."""


async def with_own_data(failure: Failure, evaluate: Evaluate, observe: Observe, changes: Changes) -> Failure:
    """Return a failure whose calls create what it needs, where that can be found out; else one that says so.

    One that rests on nothing else is returned as it is.
    """
    needed = list(_needed(failure, evaluate, changes))[:_MOST]
    if not needed:
        return failure
    several = list(dict.fromkeys([*needed, *_shown(failure.result)]))[:_MOST]  # one alone may not show it
    for values, with_theirs in ((needed, False), (several, False), (needed, True)):
        makers: list[Reply] = []
        for value in values:
            found = changes.makers_of(value, with_theirs=with_theirs) or []
            makers += [one for one in found if one not in makers]
        if makers and (own := await _made_by(makers, failure, evaluate, observe)) is not None:
            return own
    return replace(failure, needs_data=True)


async def _made_by(makers: list[Reply], failure: Failure, evaluate: Evaluate, observe: Observe) -> Failure | None:
    """Return a failure after the calls that make what it needs; None if it isn't seen on that alone."""
    case = _after(makers, failure.case)
    result = await observe(case)
    if not result.health.is_well or len(result.replies) < len(case.calls):
        return None
    finding = _found(failure, case, _with_only(case, result, _own(case, result)), evaluate)
    if finding is None:
        return None
    return replace(failure, finding=_found(failure, case, result, evaluate) or finding, case=case, result=result)


def needs_data(failure: Failure, evaluate: Evaluate, changes: Changes) -> bool:
    """Whether a failure rests on what its own calls don't make."""
    return any(True for _ in _needed(failure, evaluate, changes))


def after_its_makers(failure: Failure, changes: Changes) -> Case | None:
    """Return the calls of a failure after those that made what it asks for, or was shown; None if nobody did."""
    result, case = failure.result, failure.case
    asked = [one.value for reply in result.replies[: len(case.calls)] for one in asked_by(reply.call)]
    makers: list[Reply] = []
    for value in [*_blamed(failure.finding, _shown(result)), *asked][: 2 * _MOST]:
        makers += [one for one in changes.makers_of(value) or () if one not in makers]
    return _after(makers, case, anew=True) if makers else None


def _after(makers: Sequence[Reply], case: Case, *, anew: bool = False) -> Case:
    """Return a case that makes things first; with *anew*, under the names that they had."""
    calls: list[Call] = []
    for index, reply in enumerate(makers):
        calls.append(taking(replace(reply.call, deadline=None) if anew else renamed(reply), list(makers[:index])))
    count = len(makers)
    for call in case.calls:
        moved = tuple(replace(binding, call=binding.call + count) for binding in call.bindings)
        calls.append(taking(replace(call, bindings=moved), list(makers)))
    return replace(case, calls=tuple(calls), setup=case.setup + count if case.setup else 0, choices=())


def _needed(failure: Failure, evaluate: Evaluate, changes: Changes) -> Iterator[str | int]:
    """Yield what tells the things apart that a failure rests on, and that its own calls don't make."""
    case, result = failure.case, failure.result
    if case.repeat > 1 or any(call.raw is not None for call in case.calls):
        return
    own = _own(case, result)
    alone = _with_only(case, result, own)
    if alone is not result and _found(failure, case, alone, evaluate) is None:
        yield from _blamed(failure.finding, [value for value in _shown(result) if value not in own])
        return
    for reply in result.replies[: len(case.calls)]:
        if reply.is_ok:
            bound = {binding.target for binding in reply.call.bindings}  # taken from the case's own answers
            for asked in asked_by(reply.call):
                maker = changes.maker_of(asked.value)
                if maker is None or asked.value in own or asked.path in bound:
                    continue
                # A value in the content of a resource that its maker was sent, too, is content and no reference.
                is_content = len(asked.path) > 1 and any(one.value == asked.value for one in asked_by(maker.call))
                if not is_content:
                    yield asked.value


def _found(failure: Failure, case: Case, result: CaseResult, evaluate: Evaluate) -> Finding | None:
    for finding in evaluate(case, result):
        if not finding.is_warning and replace(failure, finding=finding, case=case).id == failure.id:
            return finding
    return None


def changes_in(case: Case, result: CaseResult) -> int:
    """Return how many calls of a case went well and may have changed something."""
    return len(_changing(case, result))


def _changing(case: Case, result: CaseResult) -> list[Reply]:
    return [
        reply
        for reply in result.replies[: len(case.calls)]
        if reply.is_ok and reply.call.method is not None and not only_reads(reply.call.method)
    ]


def _own(case: Case, result: CaseResult) -> set[str | int]:
    """Return what tells the things apart that the calls of a case have made."""
    return {one.value for reply in _changing(case, result) for one in told_by(reply)}


def _shown(result: CaseResult) -> list[str | int]:
    """Return what tells the items of lists apart that were shown."""
    found: dict[str | int, None] = {}
    for reply in result.replies:
        if reply.call.method is not None and only_reads(reply.call.method):
            found.update((one.value, None) for one in told_by(reply) if any(isinstance(s, int) for s in one.path))
    return list(found)


def _blamed(finding: Finding, values: Sequence[str | int]) -> list[str | int]:
    """Return those values that a finding names; else the first one, or one that stands for what is needed at all."""
    named = {*_QUOTED.findall(finding.actual), *_QUOTED.findall(finding.expected)}
    chosen = [value for value in values if str(value) in named]
    if not chosen and (place := _ITEM.search(finding.path)) and int(place[2]) < len(values):
        chosen = [values[int(place[2])]]
    return chosen or list(values[:1]) or [""]


def _with_only(case: Case, result: CaseResult, known: Values) -> CaseResult:
    """Return what would have been seen if lists had held nothing but *known* things; the same if they hold no other."""
    replies = list(result.replies)
    for index, reply in enumerate(replies[: len(case.calls)]):
        method = reply.call.method
        if method is None or not reply.is_ok or not only_reads(method):
            continue
        responses = tuple(_cut(method.response_class, data, known) for data in reply.responses)
        if responses != reply.responses:
            replies[index] = replace(reply, responses=responses)
    return replace(result, replies=tuple(replies)) if replies != list(result.replies) else result


def _cut(message_class: type[Message], data: bytes, known: Values) -> bytes:
    """Return a response without the items of lists that aren't *known*, and then without what tells of another page.
    Items that nothing tells apart stay."""
    message = try_decode(message_class, data)
    if message is None:
        return data
    changed = False
    for field, value in message.ListFields():
        if field.message_type is None or not field.is_repeated or field.message_type.GetOptions().map_entry:
            continue
        for index in reversed([index for index, item in enumerate(value) if not _is_known(item, known)]):
            changed = True
            del value[index]
    if changed:  # there would be no other page
        clear_next_page(message)
    return message.SerializePartialToString(deterministic=True) if changed else data


def _is_known(item: Message, known: Values) -> bool:
    values = [one.value for one in identities(item)]
    return not values or any(value in known for value in values)
