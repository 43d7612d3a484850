"""Below the messages: bytes that are no message or an odd one, and requests that no gRPC library would send."""

from grpcmock.fuzz.wire.replies import raw_reply
from grpcmock.fuzz.wire.snippet import snippet

__all__ = ["raw_reply", "snippet"]
