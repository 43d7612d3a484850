"""What do the protos say?"""

from grpcmock.schema.method import Kind, Method
from grpcmock.schema.registry import Registry

__all__ = ["Kind", "Method", "Registry"]
