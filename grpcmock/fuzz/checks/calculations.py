"""What a server has reckoned: prices and counts aren't below zero, parts are the whole, money is as before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.counts_below_zero import counts_below_zero
from grpcmock.fuzz.checks.given_back import more_given_back
from grpcmock.fuzz.expectations.calculations import (
    Converting,
    Splitting,
    amount_of,
    converting_of,
    is_below_zero,
    prices_of,
    splitting_of,
)
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.readable import first_answer, first_request

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method

_UNIT = 1_000_000_000
_DEEPEST = 4

Answer = tuple[Any, Any]
"""A request, and the response."""


def _calculation(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    yield from counts_below_zero(case, result, expectations)
    yield from more_given_back(case, result)
    if "calculation" not in case.targets:
        return
    method = case.method
    answers = list(_answers(case, result))
    if prices := prices_of(method):
        for request, response in answers:
            for field in prices:
                if is_below_zero(response, field) and not _has_less_than_zero(request):
                    yield _finding(method, field.name, "no less than 0", _plain(response, field), request)
                    return
    elif (splitting := splitting_of(method)) is not None:
        yield from _split(method, splitting, answers)
    elif (converting := converting_of(method)) is not None:
        yield from _converted(method, converting, answers)


def _answers(case: Case, result: CaseResult) -> Iterator[Answer]:
    for reply in result.replies:
        if reply.call.method is case.method and with_meant_status(reply).is_ok and len(reply.responses) == 1:
            request, response = first_request(reply.call), first_answer(reply)
            if request is not None and response is not None:
                yield request, response


def _split(method: Method, splitting: Splitting, answers: list[Answer]) -> Iterator[Finding]:
    """Parts that are less or more than the whole: by more than rounding takes, or where the server doesn't round."""
    is_exact, wrong = False, list[tuple[bool, Finding]]()
    for request, response in answers:
        whole, parts = amount_of(getattr(request, splitting.whole.name)), getattr(response, splitting.parts.name)
        total = sum(map(amount_of, parts))
        own = {part.currency_code for part in parts}
        if not whole or own != {getattr(request, splitting.whole.name).currency_code}:
            continue
        if total == whole:
            shares = getattr(request, splitting.shares.name)
            is_even = not splitting.shares.is_repeated or len(set(shares)) == 1
            is_exact = is_exact or (is_even and len({amount_of(part) for part in parts}) > 1)  # it hands out the rest
            continue
        expected = f"parts that are {_shown(whole)} together"
        finding = _finding(method, splitting.parts.name, expected, _shown(total), request)
        wrong.append((abs(total - whole) > len(parts) * _UNIT, finding))
    yield from [finding for is_far, finding in wrong if is_far or is_exact][:1]


def _converted(method: Method, converting: Converting, answers: list[Answer]) -> Iterator[Finding]:
    """What is converted into its own currency and becomes something else: far from it, or where most stays the same."""
    is_exact, wrong = False, list[tuple[bool, Finding]]()
    for request, response in answers:
        given, made = getattr(request, converting.given.name), getattr(response, converting.made.name)
        if getattr(request, converting.currency.name) != given.currency_code or not given.currency_code:
            continue
        if given.currency_code != made.currency_code or not amount_of(given):
            continue
        before, after = amount_of(given), amount_of(made)
        if before == after:
            is_exact = True
        else:
            is_far = not abs(before) <= 2 * abs(after) <= 4 * abs(before) or before * after < 0
            wrong.append(
                (is_far, _finding(method, converting.made.name, f"{_shown(before)} as before", _shown(after), request))
            )
    yield from [finding for is_far, finding in wrong if is_far or is_exact][:1]


def _finding(method: Method, path: str, expected: str, actual: str, request: Message) -> Finding:
    return Finding(
        check="calculation",
        expected=f"{path}: {expected}, for {_told(request)}",
        actual=f"{path}: {actual}",
        path=path,
        key=path,
        method=method,
    )


def _shown(nanos: float) -> str:
    return f"{nanos / _UNIT:.12g}"


def _plain(response: Message, field: FieldDescriptor) -> str:
    return " ".join(str(getattr(response, field.name)).split())


def _told(request: Message) -> str:
    return " ".join(str(request).split())[:120]


def _has_less_than_zero(message: Message, depth: int = _DEEPEST) -> bool:
    for field, value in message.ListFields():
        values = value if field.is_repeated and not hasattr(value, "items") else [value]
        if field.message_type is None:
            if any(isinstance(one, int | float) and one < 0 for one in values):
                return True
        elif depth and not hasattr(value, "items") and any(_has_less_than_zero(one, depth - 1) for one in values):
            return True
    return False


CHECKS = (
    Check(
        code="G151",
        name="calculation",
        severity=Severity.HIGH,
        title="Prices and counts aren't below zero, parts are the whole together, and money stays the same in its own"
        " currency.",
        evaluate=_calculation,
    ),
)
