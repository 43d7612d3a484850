"""A call that was made, as reports show it: bounded, in ProtoJSON, without what may be secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.schema import codec
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.secret_keys import is_secret
from grpcmock.verify.results import CallSummary
from grpcmock.verify.running.comparison import shown_status

if TYPE_CHECKING:
    from grpcmock.client.call import Outcome
    from grpcmock.matching.findings import Finding
    from grpcmock.schema import Method
    from grpcmock.verify.planning.planned_call import PlannedCall

_TEXT_LIMIT = 2_000
_MAX_SHOWN = 50


def call_summary(planned: PlannedCall, outcome: Outcome, method: Method, findings: tuple[Finding, ...]) -> CallSummary:
    """Return what reports show of a call."""
    sent = planned.requests[: max(outcome.sent, 1)] if planned.requests else ()
    return CallSummary(
        label=planned.label,
        requests=tuple(codec.to_text(message, _TEXT_LIMIT) for message in sent[:_MAX_SHOWN]),
        metadata=tuple((key, _value(key, value)) for key, value in planned.metadata),
        responses=tuple(_text(data, method) for data in outcome.responses[:_MAX_SHOWN]),
        status=shown_status(outcome.status),
        findings=findings,
        seconds=outcome.seconds,
    )


def _value(key: str, value: str | bytes) -> str:
    if is_secret(key):
        return "…"
    return value if isinstance(value, str) else value.hex()


def _text(data: bytes, method: Method) -> str:
    try:
        return codec.to_text(decode(method.response_class, data), _TEXT_LIMIT)
    except DecodeError:
        return f"{len(data)} bytes that are no {method.output.full_name}: {data[:40].hex(' ')}"
