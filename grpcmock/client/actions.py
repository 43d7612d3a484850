"""What a client can be told to do in a call, step by step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message, whatever its bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Say that no more messages follow."""


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait until this many more responses have come, or the call has ended."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class Headers:
    """Wait until the initial metadata has come, or the call has ended."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for this many seconds, or until the call has ended."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the call."""


Action = Send | HalfClose | Receive | Headers | Pause | Cancel

HALF_CLOSE = HalfClose()
