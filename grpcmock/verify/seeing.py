"""A call that was made, as reports show it: bounded, in ProtoJSON, without what may be secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.schema import codec
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.verify.checking import shown_status
from grpcmock.verify.results import Seen

if TYPE_CHECKING:
    from grpcmock.client.call import Outcome
    from grpcmock.matching.findings import Finding
    from grpcmock.schema import Method
    from grpcmock.verify.exchanges import Exchange

_TEXT_LIMIT = 2_000
_MOST_SHOWN = 50
_SECRET = ("authorization", "cookie", "token", "secret", "password", "session", "credential", "api-key", "apikey")


def seen(exchange: Exchange, outcome: Outcome, method: Method, findings: tuple[Finding, ...]) -> Seen:
    """Write down a call."""
    sent = exchange.messages[: max(outcome.sent, 1)] if exchange.messages else ()
    return Seen(
        label=exchange.label,
        requests=tuple(codec.to_text(message, _TEXT_LIMIT) for message in sent[:_MOST_SHOWN]),
        metadata=tuple((key, _value(key, value)) for key, value in exchange.metadata),
        responses=tuple(_text(data, method) for data in outcome.responses[:_MOST_SHOWN]),
        status=shown_status(outcome.status),
        findings=findings,
        seconds=outcome.seconds,
    )


def _value(key: str, value: str | bytes) -> str:
    if any(word in key for word in _SECRET):
        return "…"
    return value if isinstance(value, str) else value.hex()


def _text(data: bytes, method: Method) -> str:
    try:
        return codec.to_text(decode(method.response_class, data), _TEXT_LIMIT)
    except DecodeError:
        return f"{len(data)} bytes that are no {method.output.full_name}: {data[:40].hex(' ')}"
