"""What a call carries beside its messages: metadata, status codes, rich status details (google.rpc.Status) as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from grpcmock.errors import did_you_mean

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any

Metadata = tuple[tuple[str, str | bytes], ...]
"""Pairs of lower-case keys and values, ``bytes`` where the key ends with ``-bin``; a key may stand several times."""

DETAILS_KEY = "grpc-status-details-bin"
"""The trailer that carries a serialized ``google.rpc.Status``."""


SESSION_KEY = "x-grpcmock-session"
"""The metadata that says to which session of a mock server a call belongs."""


def session_of(metadata: Metadata) -> str:
    """Give the name of the session that a call with these metadata belongs to; empty if it belongs to none."""
    for key, value in metadata:
        if key == SESSION_KEY:
            return value if isinstance(value, str) else ""
    return ""


class Code(IntEnum):
    """The status codes of gRPC (grpc/grpc, doc/statuscodes.md)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def parse(cls, value: str | int) -> Code:
        """Give the code of this name (any case) or number.

        Raises ``ValueError``, with the nearest name, if there is none.
        """
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            text = f"a status code is a name or a number from 0 to 16, not {value!r}."
            raise ValueError(text)  # noqa: TRY004 (one exception for all that is no code)
        if isinstance(value, int) or value.isdecimal():
            if not 0 <= int(value) <= 16:
                raise ValueError(f"{value} is not a status code; they run from 0 (OK) to 16 (UNAUTHENTICATED).")
            return cls(int(value))
        try:
            return cls[value.upper()]
        except KeyError:
            hint = did_you_mean(value, cls.__members__, known="The codes")
            raise ValueError(f"{value!r} is not a status code. {hint}".rstrip()) from None


def encode_details(code: int, message: str, details: Iterable[Any]) -> bytes:
    """Serialize a ``google.rpc.Status``, as it travels in the trailer ``grpc-status-details-bin``."""
    from google.rpc.status_pb2 import Status

    return bytes(Status(code=code, message=message, details=details).SerializeToString())
