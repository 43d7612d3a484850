"""Is the real server true to the contract, whatever is sent to it?"""

from grpcmock.fuzz.strategies import messages

__all__ = ["messages"]
