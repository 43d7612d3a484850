"""What words say of single fields: that they are required, which values they may have, and a server of a first item."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.in_band import effective
from grpcmock.fuzz.checks.objections import paths_in_details
from grpcmock.fuzz.checks.stated_words import at_path, is_out_of_range, taken
from grpcmock.fuzz.expectations.documented_limits import documented_range
from grpcmock.fuzz.expectations.documented_required import is_required_in_words
from grpcmock.fuzz.expectations.documented_values import told_of_values
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, named_in, path_of, resolve
from grpcmock.fuzz.expectations.kind_conditions import needed_for
from grpcmock.fuzz.expectations.ordered_values import comparable
from grpcmock.fuzz.expectations.range_ends import ends_of
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import (
    ENDS_BEFORE,
    NEEDED_FOR_KIND,
    NO_NUMBER,
    REQUIRED_IN_WORDS,
    SECOND_ITEM,
    TOLD_VALUE,
)
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.readable import first_answer
from grpcmock.fuzz.resources.differences import shown, shown_as

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply


def _required(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment requires a field, and a request that lacks it, but is one that the server takes, is taken all the same.

    How it is refused doesn't matter: a comment hardly says that.
    """
    way = resolve(case.method.input, case.path)
    if not way or len(result.replies) != case.setup + 1 or not is_required_in_words(way[-1], expectations.registry):
        return
    reply = effective(result.last, expectations)
    message = case.method.request_class.FromString(result.last.call.messages[0])
    if is_set(message, way) or (len(way) > 1 and not is_set(message, way[:-1])):
        return
    if actual := taken(reply):
        yield Finding(
            check="negative_rejected",
            expected=f"an error: the comment of {way[-1].full_name} says that it is required{at_path(case.path)}",
            actual=actual,
            path=case.path,
            key=f"{case.path} {case.rule}",
        )


def _no_number(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment states a range, what is beyond is refused and what is within taken: what is no number isn't within.

    It is neither below nor above the ends, which is all that many servers look for.
    """
    way, replies = resolve(case.method.input, case.path), _replies(case, result, expectations)
    limit = documented_range(way[-1], expectations.registry) if way else None
    if not way or limit is None or len(replies) < 3:
        return
    beyond, within, last = replies[:3]
    number = _number(case, beyond, way)
    if not is_out_of_range(beyond) or not taken(within) or limit.least is None or limit.most is None:
        return
    if limit.least <= number <= limit.most or not limit.least <= _number(case, within, way) <= limit.most:
        return
    if math.isnan(_number(case, last, way)) and (actual := taken(last)):
        states = f"the comment of {way[-1].full_name} says: from {limit.least} to {limit.most}"
        yield Finding(
            check="negative_rejected",
            expected=f"what is no number to be refused, as {number:g} is: {states}",
            actual=f"NaN: {actual}",
            path=case.path,
            key=f"{case.path} no number",
        )


def _replies(case: Case, result: CaseResult, expectations: Expectations) -> list[Reply]:
    """Return the replies to what a case is about, without those to the calls that it needs before."""
    return [effective(reply, expectations) for reply in result.replies[case.setup :]]


def _number(case: Case, reply: Reply, way: Fields) -> float:
    message = case.method.request_class.FromString(reply.call.messages[0])
    return float(value_at(message, path_of(way)))


def _told_value(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment says what values are like, and one that isn't so is taken, in a request that is taken with another one
    that is."""
    way, replies = resolve(case.method.input, case.path), _replies(case, result, expectations)
    if not way or len(replies) < 2 or not taken(replies[0]):
        return
    right, *others = replies
    for told in told_of_values(way[-1], expectations.registry):
        if not told.allows(_value(case, right, way)):
            continue  # it is read wrong
        for reply in others:
            value = _value(case, reply, way)
            if not told.allows(value) and (actual := taken(reply)):
                yield Finding(
                    check="negative_rejected",
                    expected=f"an error for {shown(value)}: the comment of {way[-1].full_name} says: {told.says}",
                    actual=actual,
                    path=case.path,
                    key=f"{case.path} {told.says}",
                )
                break


def _second_item(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server refuses a value in the only item of a list, in words about it, and takes it in a second item."""
    way, replies = resolve(case.method.input, case.path), _replies(case, result, expectations)
    if not way or len(replies) < 3:
        return
    first, two, second = replies[:3]
    told = (resolve(case.method.input, path) for path in paths_in_details(first, expectations))
    about = {*named_in(first.message, case.method.input), *told}
    if is_out_of_range(first) and way in about and taken(two) and (actual := taken(second)):
        yield Finding(
            check="negative_rejected",
            expected=f"an error for the second item as for the first: {first.message}",
            actual=actual,
            path=case.path,
            key=f"{case.path} second item",
        )


def _needed_for_kind(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment requires a field for some kinds, and a request of such a kind is taken with it, and without it too."""
    way, replies = resolve(case.method.input, case.path), _replies(case, result, expectations)
    told = needed_for(way[-1], expectations.registry) if way else None
    if not way or told is None or len(replies) < 2:
        return
    right, wrong = replies[:2]
    message = case.method.request_class.FromString(wrong.call.messages[0])
    owner: Any = value_at(message, path_of(way)[:-1])
    if is_set(message, way) or getattr(owner, told.kind.name) not in told.numbers or not taken(right):
        return
    if actual := taken(wrong):
        kind = shown_as(told.kind, getattr(owner, told.kind.name))
        yield Finding(
            check="negative_rejected",
            expected=f"an error without {case.path} for {kind}: the comment of {way[-1].full_name} says: {told.says}",
            actual=actual,
            path=case.path,
            key=f"{case.path} needed for a kind",
        )


def _ends_before(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server takes what is to end before it begins, and doesn't put that right."""
    way, replies = resolve(case.method.input, case.path), _replies(case, result, expectations)
    if not way or len(replies) < 2:
        return
    right, wrong = replies[:2]
    last = next((one.name for one in ends_of(way[-1], expectations.registry) if _is_later(wrong, way, one.name)), "")
    answer = first_answer(wrong)
    is_put_right = answer is not None and _is_in_order(answer, way[-1].name, last)
    if last and taken(right) and not is_put_right and (actual := taken(wrong)):
        yield Finding(
            check="negative_rejected",
            expected=f"an error: {case.path} is later than {last}",
            actual=actual,
            path=case.path,
            key=f"{case.path} later than {last}",
        )


def _is_later(reply: Reply, way: Fields, last: str) -> bool:
    """Whether a request was to begin after its end, which stands in the field of that name beside its beginning."""
    request = reply.call.method.request_class.FromString(reply.call.messages[0]) if reply.call.method else None
    owner: Any = value_at(request, path_of(way)[:-1]) if request is not None else None
    return owner is not None and bool(comparable(getattr(owner, way[-1].name)) > comparable(getattr(owner, last)))


def _is_in_order(answer: Message, first: str, last: str) -> bool:
    """Whether an answer shows something that ends after it begins, in fields of these names."""
    return any(
        bool(comparable(getattr(message, first)) < comparable(getattr(message, last)))
        for message in messages_in(answer)
        if {first, last}.issubset(message.DESCRIPTOR.fields_by_name.keys())
    )


def _value(case: Case, reply: Reply, way: Fields) -> Any:
    value = value_at(case.method.request_class.FromString(reply.call.messages[0]), path_of(way))
    return list(value) if way[-1].is_repeated else value


BY_RULE: Mapping[str, CheckFunction] = {
    REQUIRED_IN_WORDS: _required,
    NO_NUMBER: _no_number,
    TOLD_VALUE: _told_value,
    SECOND_ITEM: _second_item,
    ENDS_BEFORE: _ends_before,
    NEEDED_FOR_KIND: _needed_for_kind,
}
"""What judges the cases at what comments say of fields, by the rule of the case."""
