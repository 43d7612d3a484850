"""Answers made from the descriptors and their constraints, where no stub says what to answer."""

from grpcmock.replies.generated.answers import Answers, generate, is_valid, stream_length, violations

__all__ = ["Answers", "generate", "is_valid", "stream_length", "violations"]
