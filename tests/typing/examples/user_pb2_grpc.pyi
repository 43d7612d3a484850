# As mypy-protobuf writes it, abridged.
from collections.abc import Awaitable, Iterator

import grpc
import user_pb2

class UserServiceServicer:
    def GetUser(
        self, request: user_pb2.GetUserRequest, context: grpc.ServicerContext
    ) -> user_pb2.UserResponse | Awaitable[user_pb2.UserResponse]: ...
    def ListUsers(
        self, request: user_pb2.ListUsersRequest, context: grpc.ServicerContext
    ) -> Iterator[user_pb2.UserResponse]: ...

class UserServiceStub:
    def __init__(self, channel: grpc.Channel) -> None: ...
    def GetUser(self, request: user_pb2.GetUserRequest, timeout: float | None = ...) -> user_pb2.UserResponse: ...
