"""How are planned calls made to a real server?"""

from grpcmock.verify.running.options import CONCURRENCY, TIMEOUT, Options
from grpcmock.verify.running.verifier import Verifier, verify

__all__ = ["CONCURRENCY", "TIMEOUT", "Options", "Verifier", "verify"]
