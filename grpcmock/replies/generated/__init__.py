"""Answers made from the descriptors and their constraints, where no stub says what to answer."""

from grpcmock.replies.generated.answers import Answers, answer, generate, is_valid, stream_length, violations
from grpcmock.replies.generated.operations import Operations

__all__ = ["Answers", "Operations", "answer", "generate", "is_valid", "stream_length", "violations"]
