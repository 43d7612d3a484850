"""What a form of a failure can't say."""

from __future__ import annotations

from grpcmock.errors import GrpcmockError


class NotSayableError(GrpcmockError):
    """A failure can't be said in this form; the text says why, and which form can."""
