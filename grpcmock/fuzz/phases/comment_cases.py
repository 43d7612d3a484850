"""Cases at what the comments in protos say of single fields: requests without what is required, and values that are no
number where a range is documented.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.documented_limits import documented_range
from grpcmock.fuzz.expectations.documented_required import is_required_in_words
from grpcmock.fuzz.expectations.documented_values import told_of_values
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.expectations.kind_conditions import needed_for
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import NEEDED_FOR_KIND, NO_NUMBER, REQUIRED_IN_WORDS, TOLD_VALUE, Case, Expect, Phase
from grpcmock.fuzz.phases.request_expectation import changes_part
from grpcmock.fuzz.resources.fields import is_mask
from grpcmock.schema.annotations import AnnotationReader

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.stated_limits import StatedLimit
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 8
"""So many cases of each sort are made of a method."""

_MOST_TOLD = 24
"""So many of what comments say of values."""

_FAR = 25.0
"""Twice the upper end of a range, and so much more, is far beyond it."""

_OWN_KEY = re.compile(r"name|etag|self_link|(.*_)?(id|uid|uuid)")
"""What a thing is called by: where it is made, the server may well say it, whatever its comment requires of it."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the cases of one method, around a request that the server is known to take.

    Where many messages are sent, each may bring some of what is required, and each may have an answer of its own.
    """
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or method.kind.client_streams:
        return
    yield from islice(_lacking(accepted, plan), _MOST)
    yield from islice(_no_numbers(accepted, plan), _MOST)
    yield from islice(_excluded(accepted, plan), _MOST_TOLD)


def _lacking(accepted: AcceptedRequest, plan: Plan) -> Iterator[Case]:
    method, base = accepted.method, accepted.fullest
    before = plan.generators.of(method.input).broken(base)
    shown = _shown(plan)
    is_partial = changes_part(method) or any(is_mask(way[-1]) for way in reachable(method.input))
    for way in _singular(method):
        owner = way[-1].containing_type
        if not is_set(base, way) or not is_required_in_words(way[-1], plan.registry):
            continue
        if len(way) > 1 and (is_partial or (owner in shown and _OWN_KEY.fullmatch(way[-1].name))):
            continue
        path, message = path_of(way), accepted.fullest
        if not _is_more_than_nothing(value_at(message, path)):
            continue
        parent: Any = value_at(message, path[:-1])
        parent.ClearField(path[-1])
        if plan.generators.of(method.input).broken(message) != before:
            continue  # a rule says so as well, and is tried by itself
        needs = tuple(need for need in accepted.needs if need.target[: len(path)] != path)
        yield case_of(
            replace(accepted, needs=needs), way, [message], label="required", rule=REQUIRED_IN_WORDS, why="is missing"
        )


def of_kinds(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield requests of the kinds for which a comment requires a field, with it and without. Kinds are known late."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is not None and not method.kind.client_streams:
        yield from islice(_lacking_for_kinds(accepted, plan), _MOST)


def _lacking_for_kinds(accepted: AcceptedRequest, plan: Plan) -> Iterator[Case]:
    method = accepted.method
    for way in _singular(method):
        told = needed_for(way[-1], plan.registry)
        for one in (accepted.filled(), *plan.acceptance.kinds.get(method.path, ())) if told is not None else ():
            base, path = one.message, path_of(way)
            if told is None or (len(way) > 1 and not is_set(base, way[:-1])):
                continue
            if not is_set(base, way):  # it was taken without
                set_at(base, way, next(iter(plan.acceptance.values_of(way[-1])), None))
            if not is_set(base, way) or not _is_more_than_nothing(value_at(base, path)):
                continue
            owner: Any = value_at(base, path[:-1])
            if getattr(owner, told.kind.name) not in told.numbers or path in one.references:
                continue
            message = type(base)()
            message.CopyFrom(base)
            value_at(message, path[:-1]).ClearField(path[-1])
            if plan.generators.of(method.input).broken(message) == plan.generators.of(method.input).broken(base):
                why = "is missing for a kind that needs it"
                yield case_of(one, way, [base, message], label="needed", rule=NEEDED_FOR_KIND, why=why)
                break


def _shown(plan: Plan) -> set[Descriptor]:
    return {one.output for one in plan.registry.methods.values()}


def _no_numbers(accepted: AcceptedRequest, plan: Plan) -> Iterator[Case]:
    for way in _singular(accepted.method):
        base = accepted.message_with(way)  # as little as can be, for what else it has there may be once only
        if len(way) > 1 and not is_set(base, way[:-1]):
            continue
        if (limit := documented_range(way[-1], plan.registry)) is None:
            continue
        messages = [_with(accepted, way, value) for value in (*_around(limit), math.nan)]
        why = "is beyond its range, within it, and no number"
        yield case_of(accepted, way, messages, label="no-number", rule=NO_NUMBER, why=why)


def _excluded(accepted: AcceptedRequest, plan: Plan) -> Iterator[Case]:
    """Yield a case for each thing that a comment says of values: one that is taken, and then some that it excludes."""
    method = accepted.method
    for way in reachable(method.input):
        path = path_of(way)
        if any(field.is_repeated for field in way[:-1]) or path in accepted.references or _may_be_ignored(way, plan):
            continue
        rules = plan.generators.of(method.input)
        for number, told in enumerate(told_of_values(way[-1], plan.registry)):
            base = next((one for one in _bases(accepted, way) if told.allows(value_at(one, path))), None)
            if base is None:
                continue
            before = rules.broken(base)
            right = value_at(base, path)
            values = told.wrong(list(right) if way[-1].is_repeated else right)
            wrong = [message for value in values if (message := _holding(base, way, value)) is not None]
            # What a rule says as well is tried by itself.
            wrong = [message for message in wrong if rules.broken(message) == before]
            if wrong:
                label = f"told-{number}" if number else "told"
                why = "isn't as its comment says"
                yield case_of(accepted, way, [base, *wrong], label=label, rule=TOLD_VALUE, why=why)


def _may_be_ignored(way: Fields, plan: Plan) -> bool:
    """Whether a server may overlook what a client says: what only it sets, and what a thing is called by where a
    request has the whole of it."""
    behaviors = AnnotationReader(plan.registry).field(way[-1]).behaviors
    is_own = len(way) > 1 and _OWN_KEY.fullmatch(way[-1].name) is not None
    return bool(behaviors & {"IDENTIFIER", "OUTPUT_ONLY"}) or (is_own and way[-1].containing_type in _shown(plan))


def _bases(accepted: AcceptedRequest, way: Fields) -> Iterator[Message]:
    """Yield requests that are taken and have something at the end of a way, as little besides as can be."""
    for base in (accepted.message, accepted.fullest):
        if len(way) > 1 and not is_set(base, way[:-1]):
            continue
        if not way[-1].is_repeated or is_set(base, way):
            yield base


def _holding(base: Message, way: Fields, value: Any) -> Message | None:
    message = type(base)()
    message.CopyFrom(base)
    try:
        put(message, path_of(way), value)
    except (TypeError, ValueError):
        return None  # it has no room for it
    return message


def _around(limit: StatedLimit) -> tuple[float, float]:
    """Return what is far beyond a range, and what is within."""
    least, most = limit.least or 0, limit.most or 0
    return 2.0 * abs(most) + _FAR, (least + most) / 2


def case_of(
    accepted: AcceptedRequest, way: Fields, messages: list[Message], *, label: str, rule: str, why: str
) -> Case:
    """Return a case of several messages for one field of a request that is taken, after the calls that it needs."""
    path, method = ".".join(path_of(way)), accepted.method
    data = [message.SerializePartialToString(deterministic=True) for message in messages]
    calls = accepted.calls(*data, salt=f"{label} {path}")
    return Case(
        id=f"boundary/{method.full_name}/{path}~{label}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=calls,
        setup=len(calls) - len(data),
        why=f"{path} {why}",
        expect=Expect.ANY,
        path=path,
        rule=rule,
        shrinks_as_one=True,
    )


def _singular(method: Method) -> Iterator[Fields]:
    """Yield the ways to fields that go through no list, and don't end in one of several arms."""
    for way in reachable(method.input):
        oneof = way[-1].containing_oneof
        if not any(field.is_repeated for field in way) and (oneof is None or len(oneof.fields) == 1):
            yield way


def _with(accepted: AcceptedRequest, way: Fields, value: float) -> Message:
    message = accepted.message_with(way)
    put(message, path_of(way), value)
    return message


def _is_more_than_nothing(value: Any) -> bool:
    """Whether a value can be told from one that isn't there: many servers take an empty message for none."""
    return bool(value) if isinstance(value, str) else value.ByteSize() > 0
