"""Below the messages: bytes that are no message or a non-canonical one, and requests that no library would send."""

from grpcmock.fuzz.wire.program import snippet
from grpcmock.fuzz.wire.raw_calls import raw_reply

__all__ = ["raw_reply", "snippet"]
