"""What do the protos say?"""

from grpcmock.schema.method import Method, MethodKind
from grpcmock.schema.registry import Registry

__all__ = ["Method", "MethodKind", "Registry"]
