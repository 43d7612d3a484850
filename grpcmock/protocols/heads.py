"""The headers of requests and responses that all protocols over HTTP treat alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grpcmock.engine.steps import Open
from grpcmock.protocols import framing
from grpcmock.protocols.interface import WireError
from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.protocols.http import RequestHead
    from grpcmock.status import Metadata

_HOP = frozenset(
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "proxy-connection"]
)
"""Headers that are for the next hop alone."""

_CONTENT = frozenset(("content-type", "content-length", "content-encoding"))
_GRPC = frozenset(
    ["grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "grpc-message-type", "grpc-status", "grpc-message"]
)
_CONNECT = frozenset(
    ["connect-timeout-ms", "connect-protocol-version", "connect-content-encoding", "connect-accept-encoding"]
)

REQUEST = _HOP | _CONTENT | _GRPC | _CONNECT | {"host", "expect", "accept", "accept-encoding", "accept-charset"}
"""Headers of requests that belong to HTTP or a protocol, and are no metadata."""

_RESPONSE = _HOP | _CONTENT | _GRPC | _CONNECT | {"date", "vary"}
"""Headers of responses that a stub can't set: they are said by the server."""

_UNSENDABLE = frozenset(("close", "reset", "truncate"))
"""Faults for which a transport has to be able to break off a response."""

_MILLISECONDS = re.compile(r"[0-9]{1,10}")


def opened(
    head: RequestHead, path: str, protocol: ProtocolName, *, can: frozenset[str] = WIRE_FAULTS, timeout: str = ""
) -> tuple[Open, WireError | None]:
    """Return how the engine is to open a call, and what is wrong with the head of the request.

    *can* holds the faults that the protocol has means for; *timeout* is the value of the header ``grpc-timeout``, or of
    ``connect-timeout-ms``.
    """
    wrong: WireError | None = None
    metadata: Metadata = ()
    deadline: float | None = None
    try:
        metadata = framing.metadata_of(head.headers, REQUEST)
    except WireError as error:
        wrong = error
    try:
        deadline = parse_deadline(timeout) if timeout else None
    except WireError as error:
        wrong = error
    faults = can if head.can_reset else can - _UNSENDABLE
    if not head.can_go_away:
        faults -= {"goaway"}
    return Open(path, metadata, deadline, head.peer, protocol, faults), wrong


def parse_deadline(text: str) -> float:
    """Return the seconds of ``grpc-timeout`` (``100m``) or ``connect-timeout-ms`` (``100``).

    Raises :class:`WireError`.
    """
    if text[-1:].isdigit():
        if not _MILLISECONDS.fullmatch(text):
            what = f"The header connect-timeout-ms is {text!r}; it must be a number of at most 10 digits."
            raise WireError(Code.INVALID_ARGUMENT, what)
        return int(text) / 1000
    return framing.parse_timeout(text)


def sendable(metadata: Metadata, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield metadata as headers of a response; what only the server may say is left out."""
    for name, value in framing.headers_of(metadata):
        if prefix or name not in _RESPONSE:
            yield f"{prefix}{name}", value.strip()
