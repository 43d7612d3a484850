"""How a server on the native transport listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class NativeOptions:
    """How a server on the native transport listens, and within which bounds."""

    max_message_size: int = 4 << 20
    """Bytes of the largest request message taken; -1 for no limit."""

    compression: Literal["none", "gzip", "deflate"] = "none"
    """How responses are compressed, where the client takes it."""

    threads: int = 0
    """Threads that hold connections; 0 for one for each core."""

    keepalive: tuple[float, float] | None = None
    """Seconds after which a silent client is asked whether it is still there, and seconds it has to say so."""

    max_connection_age: tuple[float, float] | None = None
    """Seconds after which a connection takes no new calls, and seconds that those under way then have."""

    idle: float = 60.0
    """Seconds that a connection over HTTP/1.1 is kept without the whole head of a request."""

    known_bytes: int = 64 << 20
    """Bytes of the table of known answers, roughly."""
