"""Is the real server true to the contract, whatever is sent to it?"""

from grpcmock.fuzz.generation.messages import messages

__all__ = ["messages"]
