"""Answers made from the descriptors and their constraints, where no stub says what to answer."""

from grpcmock.replies.generated.answers import Answers, generate, stream_length

__all__ = ["Answers", "generate", "stream_length"]
