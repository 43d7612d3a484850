"""Protocols that clients speak to a gRPC server by mistake: told apart by their first bytes, or by their headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins HTTP/2 with."""

_REQUEST_LINE = re.compile(rb"[A-Z]{3,10} \S+ HTTP/1\.[01]\r?\n")
_METHOD = re.compile(rb"(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) ")
_TLS_HANDSHAKE = b"\x16\x03"

_ADVICE = {
    "HTTP/1.1": "Only gRPC over HTTP/2 is spoken here; --http opens a port for HTTP/1.1.",
    "TLS": "This port takes plaintext: serve with --tls-cert and --tls-key, or have the client speak plaintext.",
    "gRPC-Web": "Browsers are served on a port of their own, which --http opens.",
    "Connect": "Have the client use its gRPC transport, or a port for HTTP/1.1, which --http opens.",
    "JSON": "Only gRPC is spoken here; --http opens a port for JSON.",
}


def of_bytes(data: bytes) -> str | None:
    """Return the name of the protocol that a connection begins with; None for HTTP/2, and for what no one knows."""
    if _REQUEST_LINE.match(data) or _METHOD.match(data):
        return "HTTP/1.1"
    return "TLS" if data.startswith(_TLS_HANDSHAKE) else None


def of_headers(headers: Mapping[str, str]) -> str | None:
    """Return the name of the protocol that a request over HTTP/2 speaks; None for gRPC, and for what no one knows."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("application/grpc-web"):
        return "gRPC-Web"
    if "connect-protocol-version" in headers or kind.startswith("application/connect+") or kind == "application/proto":
        return "Connect"
    return "JSON" if kind == "application/json" else None


def sentence(protocol: str, peer: str) -> str:
    """Return what to tell whoever runs the server."""
    return f"A client spoke {protocol} ({peer}), and was refused. {_ADVICE[protocol]}"


def http1_response(text: str) -> bytes:
    """Return an answer for a client that speaks HTTP/1.1, which it can show."""
    body = f"{text}\n".encode()
    head = (
        "HTTP/1.1 505 HTTP Version Not Supported\r\n"
        "content-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


class Telling:
    """Tells of each protocol once: a client that is wrong is so with every call."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def __call__(self, protocol: str, peer: str) -> None:
        """Tell that this *peer* spoke this *protocol*."""
        if protocol not in self._told:
            self._told.add(protocol)
            self._tell(sentence(protocol, peer))
