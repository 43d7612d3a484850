"""What can be asked of a value, by its type."""

from grpcmock.matching.operators.builders import BUILDERS

__all__ = ["BUILDERS"]
