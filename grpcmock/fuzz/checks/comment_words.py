"""What words say of single fields: that they are required, which values they may have, and a server of a first item."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.in_band import effective
from grpcmock.fuzz.checks.objections import paths_in_details
from grpcmock.fuzz.checks.stated_words import at_path, is_out_of_range, taken
from grpcmock.fuzz.expectations.documented_limits import documented_range
from grpcmock.fuzz.expectations.documented_required import is_required_in_words
from grpcmock.fuzz.expectations.documented_values import told_of_values
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, named_in, path_of, resolve
from grpcmock.fuzz.expectations.kind_conditions import needed_for
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
from grpcmock.fuzz.resources.differences import shown

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
    replies = result.replies[case.setup : case.setup + 3]
    way = resolve(case.method.input, case.path)
    limit = documented_range(way[-1], expectations.registry) if way else None
    if not way or limit is None or len(replies) < 3:
        return
    beyond, within, last = (effective(reply, expectations) for reply in replies)
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


def _number(case: Case, reply: Reply, way: Fields) -> float:
    message = case.method.request_class.FromString(reply.call.messages[0])
    return float(value_at(message, path_of(way)))


def _told_value(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment says what values are like, and one that isn't so is taken, in a request that is taken with another one
    that is."""
    way = resolve(case.method.input, case.path)
    if not way or len(result.replies) < case.setup + 2:
        return
    right, *others = (effective(reply, expectations) for reply in result.replies[case.setup :])
    if not taken(right):
        return
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
    way = resolve(case.method.input, case.path)
    if not way or len(result.replies) < case.setup + 3:
        return
    first, two, second = (effective(reply, expectations) for reply in result.replies[case.setup :][:3])
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
    way = resolve(case.method.input, case.path)
    told = needed_for(way[-1], expectations.registry) if way else None
    if not way or told is None or len(result.replies) < case.setup + 2:
        return
    right, wrong = (effective(reply, expectations) for reply in result.replies[case.setup :][:2])
    message = case.method.request_class.FromString(wrong.call.messages[0])
    owner: Any = value_at(message, path_of(way)[:-1])
    if is_set(message, way) or getattr(owner, told.kind.name) not in told.numbers or not taken(right):
        return
    if actual := taken(wrong):
        kind = told.kind.enum_type.values_by_number[getattr(owner, told.kind.name)].name  # type: ignore[union-attr]
        yield Finding(
            check="negative_rejected",
            expected=f"an error without {case.path} for {kind}: the comment of {way[-1].full_name} says: {told.says}",
            actual=actual,
            path=case.path,
            key=f"{case.path} needed for a kind",
        )


def _ends_before(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server takes what is to end before it begins, and doesn't put that right."""
    way = resolve(case.method.input, case.path)
    if not way or len(result.replies) < case.setup + 2:
        return
    right, wrong = (effective(reply, expectations) for reply in result.replies[case.setup :][:2])
    last = case.id.rpartition(">")[2]
    comments = field_comments(expectations.registry)
    fields = [way[-1], way[-1].containing_type.fields_by_name[last]] if way[-1].containing_type is not None else []
    if any(_IN_ANY_ORDER.search(comments.get(one.full_name, "")) for one in fields) or not taken(right):
        return
    answer = first_answer(wrong)
    if (actual := taken(wrong)) and not (answer is not None and _is_in_order(answer, way[-1].name, last)):
        yield Finding(
            check="negative_rejected",
            expected=f"an error: {case.path} is later than {last}",
            actual=actual,
            path=case.path,
            key=f"{case.path} later than {last}",
        )


def _is_in_order(answer: Message, first: str, last: str) -> bool:
    """Whether an answer shows something that ends after it begins, in fields of these names."""
    for message in messages_in(answer):
        names = message.DESCRIPTOR.fields_by_name
        ends: list[Any] = [getattr(message, name) for name in (first, last) if name in names]
        keys = [(one.seconds, one.nanos) if hasattr(one, "seconds") else one for one in ends]
        if len(keys) == 2 and all(isinstance(one, str | tuple) for one in keys) and keys[0] < keys[1]:
            return True
    return False


def _value(case: Case, reply: Reply, way: Fields) -> Any:
    value = value_at(case.method.request_class.FromString(reply.call.messages[0]), path_of(way))
    return list(value) if way[-1].is_repeated else value


_IN_ANY_ORDER = re.compile(
    r"\b(?:overnight|midnight|(?:in )?(?:any|either) order|swapped|exchanged|whichever|vice versa|next day)\b",
    re.IGNORECASE,
)

BY_RULE: Mapping[str, CheckFunction] = {
    REQUIRED_IN_WORDS: _required,
    NO_NUMBER: _no_number,
    TOLD_VALUE: _told_value,
    SECOND_ITEM: _second_item,
    ENDS_BEFORE: _ends_before,
    NEEDED_FOR_KIND: _needed_for_kind,
}
"""What judges the cases at what comments say of fields, by the rule of the case."""
