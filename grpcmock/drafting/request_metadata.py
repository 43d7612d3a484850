"""Which metadata of a request may matter to its answer, and what is to be said of it in a draft."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from grpcmock.secret_keys import is_secret

if TYPE_CHECKING:
    from grpcmock.status import Metadata

_OF_LIBRARIES = ("grpc-", "accept", "content-", "connect-", "sec-", "x-b3-", "x-envoy-", "x-forwarded-")
"""How keys begin that libraries, browsers, proxies and tracing send by themselves."""

_BY_ITSELF = frozenset(
    {
        *("user-agent", "x-user-agent", "te", "host", "origin", "referer", "connection", "date", "priority", "pragma"),
        *("b3", "baggage", "traceparent", "tracestate", "x-request-id", "x-correlation-id", "x-cloud-trace-context"),
        *("x-grpc-web", "x-grpcmock-session", "cache-control"),
    }
)


def warnings(metadata: Metadata, matching: Collection[str]) -> Iterator[str]:
    """Say which keys the pattern doesn't look at, and of which it doesn't tell the value. *matching* are its keys."""
    for key in matching:
        if is_secret(key):
            yield f"The value of the metadata {key} is secret, so the pattern only asks that there is one."
    left_out = sorted({key for key, _ in metadata if key not in matching and not _comes_by_itself(key)})
    if left_out:
        keys = ", ".join(left_out)
        yield f"The client sent the metadata {keys}, which the pattern leaves free. Add it if the answer rests on it."


def _comes_by_itself(key: str) -> bool:
    return key in _BY_ITSELF or key.startswith(_OF_LIBRARIES) or is_secret(key)
