"""Compares what a real server did with what a stub expects, difference by difference."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.matching.findings import Finding, cut, shown_json
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.call import Outcome, Status
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata
    from grpcmock.verify.expectations.expected import ExpectedMessage, ExpectedMetadata, ExpectedStatus
    from grpcmock.verify.planning.planned_call import PlannedCall


def compare(planned: PlannedCall, outcome: Outcome, method: Method, registry: Registry) -> list[Finding]:
    """Return the differences; an empty list if there are none."""
    found: list[Finding] = []
    cut_off = len(outcome.responses) >= planned.limit
    if planned.status is not None:
        found += _status(planned.status, outcome.status, cut_off=cut_off)
    failed = bool(found)
    found += _count(planned, outcome, method, failed=failed)
    for message, data in zip(planned.responses, outcome.responses, strict=False):
        found += _message(message, data, method)
    if failed:
        return found  # of what is around the messages, the status says it all
    if planned.status is not None:
        found += _details(planned.status, outcome.trailers, registry, exact=planned.exact)
    for headers in planned.headers:
        found += _metadata(headers, outcome.headers, exact=planned.exact)
    for trailers in planned.status.trailers if planned.status is not None else ():
        found += _metadata(trailers, outcome.trailers, exact=planned.exact)
    return found


def _status(expected: ExpectedStatus, status: Status, *, cut_off: bool) -> Iterator[Finding]:
    if cut_off:
        return
    if status.code is not expected.code:
        yield Finding("status", expected.code.name, cut(shown_status(status)), False)
    elif expected.message == "" and not status.message:
        yield Finding("status.message", "a message", "none", False)
    elif expected.message and expected.message != status.message:
        yield Finding("status.message", cut(shown_json(expected.message)), cut(shown_json(status.message)), False)


def shown_status(status: Status) -> str:
    """Write a status as one line: the code, and the first line of the message."""
    first, *more = status.message.splitlines() or [""]
    return f"{status.code.name}{f': {first}' if first else ''}{' …' if more else ''}"


def _count(planned: PlannedCall, outcome: Outcome, method: Method, *, failed: bool) -> Iterator[Finding]:
    expected, actual = len(planned.responses), len(outcome.responses)
    if actual == expected or (planned.status is None and actual > expected):
        return
    if not method.kind.server_streams and failed and actual <= 1:
        return  # the status says it all
    more = " or more" if actual >= planned.limit else ""
    yield Finding("responses", _messages(expected), _messages(actual, more), False)


def _messages(count: int, more: str = "") -> str:
    return f"{count or 'no'}{more} message{'' if count == 1 and not more else 's'}"


def _message(expected: ExpectedMessage, data: bytes, method: Method) -> Iterator[Finding]:
    try:
        message = decode(method.response_class, data)
    except DecodeError as error:
        yield Finding(expected.path, f"a {method.output.full_name}", cut(str(error).rstrip(".")), False)
        return
    yield from (finding for finding in expected.pattern.explain(message) if not finding.matched)


def _details(expected: ExpectedStatus, trailers: Metadata, registry: Registry, *, exact: bool) -> Iterator[Finding]:
    if not expected.details:
        return
    rich = decode_details(trailers, registry)
    any_class = registry.message("google.protobuf.Any")
    actual = [
        any_class(type_url=f"type.googleapis.com/{detail.type_name}", value=detail.data)
        for detail in (rich.details if rich else ())
    ]
    left: list[Message] = list(actual)
    for one in expected.details:
        fitting = next((detail for detail in left if one.pattern.holds(detail)), None)
        if fitting is not None:
            left.remove(fitting)
            continue
        # Of those of the same type, the one with the fewest differences is reported.
        differences = [[finding for finding in one.pattern.explain(detail) if not finding.matched] for detail in left]
        alike = [some for some in differences if all(finding.path != one.path for finding in some)]
        if alike:
            yield from min(alike, key=len)
        else:
            yield Finding(one.path, cut(one.pattern.matcher.describe()), "absent", False)
    if exact and len(actual) != len(expected.details):
        yield Finding("status.details", f"{len(expected.details)} details", f"{len(actual)} details", False)


def _metadata(named: ExpectedMetadata, actual: Metadata, *, exact: bool) -> Iterator[Finding]:
    for key, expected in named.values:
        values = [value for name, value in actual if name == key]
        path = f"{named.path}.{key}"
        if expected is None:
            if not values:
                yield Finding(path, "any value", "absent", False)
        elif (values != list(expected)) if exact else any(value not in values for value in expected):
            yield Finding(path, _shown(expected), _shown(values), False)


def _shown(values: Sequence[str | bytes]) -> str:
    texts = [base64.b64encode(value).decode() if isinstance(value, bytes) else value for value in values]
    if not texts:
        return "absent"
    return cut(shown_json(texts[0] if len(texts) == 1 else texts))


def is_unreachable(outcome: Outcome) -> bool:
    """Whether a call ended as it does where there is no server any more."""
    return outcome.code is Code.UNAVAILABLE
