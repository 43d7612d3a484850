"""Holds what a real server did against what a stub expects, and tells each difference."""

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
    from grpcmock.client.target import Metadata
    from grpcmock.schema import Method, Registry
    from grpcmock.verify.exchanges import Exchange
    from grpcmock.verify.expecting import Ending, Named, Reply


def check(exchange: Exchange, outcome: Outcome, method: Method, registry: Registry) -> list[Finding]:
    """Give what doesn't hold; an empty list if all does."""
    found: list[Finding] = []
    cut_off = len(outcome.responses) >= exchange.limit
    if exchange.ending is not None:
        found += _status(exchange.ending, outcome.status, cut_off=cut_off)
    failed = bool(found)
    found += _count(exchange, outcome, method, failed=failed)
    for reply, data in zip(exchange.replies, outcome.responses, strict=False):
        found += _message(reply, data, method)
    if exchange.ending is not None and not failed:
        found += _details(exchange.ending, outcome.trailers, registry, exact=exchange.exact)
    if not failed:  # else the status says it all
        for named in exchange.headers:
            found += _named(named, outcome.headers, exact=exchange.exact)
    if exchange.ending is not None and not failed:
        for named in exchange.ending.trailers:
            found += _named(named, outcome.trailers, exact=exchange.exact)
    return found


def _status(ending: Ending, status: Status, *, cut_off: bool) -> Iterator[Finding]:
    if cut_off:
        return
    if status.code is not ending.code:
        yield Finding("status", ending.code.name, cut(shown_status(status)), False)
    elif ending.message == "" and not status.message:
        yield Finding("status.message", "a message", "none", False)
    elif ending.message and ending.message != status.message:
        yield Finding("status.message", cut(shown_json(ending.message)), cut(shown_json(status.message)), False)


def shown_status(status: Status) -> str:
    """Write a status as one line: the code, and the first line of the message."""
    first, *more = status.message.splitlines() or [""]
    return f"{status.code.name}{f': {first}' if first else ''}{' …' if more else ''}"


def _count(exchange: Exchange, outcome: Outcome, method: Method, *, failed: bool) -> Iterator[Finding]:
    wanted, came = len(exchange.replies), len(outcome.responses)
    if came == wanted or (exchange.ending is None and came > wanted):
        return
    if not method.kind.server_streams and failed and came <= 1:
        return  # the status says it all
    more = " or more" if came >= exchange.limit else ""
    yield Finding("responses", _messages(wanted), _messages(came, more), False)


def _messages(count: int, more: str = "") -> str:
    return f"{count or 'no'}{more} message{'' if count == 1 and not more else 's'}"


def _message(reply: Reply, data: bytes, method: Method) -> Iterator[Finding]:
    try:
        message = decode(method.response_class, data)
    except DecodeError as error:
        yield Finding(reply.path, f"a {method.output.full_name}", cut(str(error).rstrip(".")), False)
        return
    yield from (finding for finding in reply.pattern.explain(message) if not finding.matched)


def _details(ending: Ending, trailers: Metadata, registry: Registry, *, exact: bool) -> Iterator[Finding]:
    if not ending.details:
        return
    rich = decode_details(trailers, registry)
    any_class = registry.message("google.protobuf.Any")
    came = [
        any_class(type_url=f"type.googleapis.com/{detail.type_name}", value=detail.data)
        for detail in (rich.details if rich else ())
    ]
    left: list[Message] = list(came)
    for wanted in ending.details:
        fitting = next((detail for detail in left if wanted.pattern.holds(detail)), None)
        if fitting is not None:
            left.remove(fitting)
            continue
        # Of those of the same type, the one with the fewest differences is told of.
        refusals = [[finding for finding in wanted.pattern.explain(detail) if not finding.matched] for detail in left]
        alike = [some for some in refusals if all(finding.path != wanted.path for finding in some)]
        if alike:
            yield from min(alike, key=len)
        else:
            yield Finding(wanted.path, cut(wanted.pattern.matcher.describe()), "absent", False)
    if exact and len(came) != len(ending.details):
        yield Finding("status.details", f"{len(ending.details)} details", f"{len(came)} details", False)


def _named(named: Named, came: Metadata, *, exact: bool) -> Iterator[Finding]:
    for key, wanted in named.values:
        values = [value for name, value in came if name == key]
        path = f"{named.path}.{key}"
        if wanted is None:
            if not values:
                yield Finding(path, "any value", "absent", False)
        elif (values != list(wanted)) if exact else any(value not in values for value in wanted):
            yield Finding(path, _shown(wanted), _shown(values), False)


def _shown(values: Sequence[str | bytes]) -> str:
    texts = [base64.b64encode(value).decode() if isinstance(value, bytes) else value for value in values]
    if not texts:
        return "absent"
    return cut(shown_json(texts[0] if len(texts) == 1 else texts))


def is_unreachable(outcome: Outcome) -> bool:
    """Whether a call ended as it does where there is no server any more."""
    return outcome.code is Code.UNAVAILABLE
