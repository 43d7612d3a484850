"""What did the user write?"""

from grpcmock.stubs.model import Answer, Stub, Then, Verify

__all__ = ["Answer", "Stub", "Then", "Verify"]
