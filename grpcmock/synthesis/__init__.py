"""Answers made from the descriptors and their constraints, where no stub says what to answer."""

from grpcmock.synthesis.answers import Answers, answer, generate, is_valid, stream_length, violations
from grpcmock.synthesis.operations import Operations

__all__ = ["Answers", "Operations", "answer", "generate", "is_valid", "stream_length", "violations"]
