"""Requests over HTTP/2 as they stand: what no gRPC library would send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """One stream of HTTP/2."""

    headers: tuple[tuple[str, str], ...]
    """The header fields, pseudo-headers among them, in their order."""

    chunks: tuple[bytes, ...] = ()
    """What goes into DATA frames, one chunk each: gRPC's own prefixes are part of it."""

    end_stream: bool = True
    """Whether the last frame ends the client's side of the stream."""

    reset_after: int | None = None
    """After how many chunks the stream is reset by the client; None for never."""
