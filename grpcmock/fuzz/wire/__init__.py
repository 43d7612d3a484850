"""Below the messages: bytes that are no message or an odd one, and requests that no gRPC library would send."""

from grpcmock.fuzz.wire.program import snippet
from grpcmock.fuzz.wire.raw_calls import raw_reply

__all__ = ["raw_reply", "snippet"]
