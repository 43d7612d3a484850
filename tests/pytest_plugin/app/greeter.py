"""The code under test: greets users by what a user service says of them."""

import grpc
import user_pb2
import user_pb2_grpc


class Greeter:
    """Tries three times while the service is unavailable."""

    def __init__(self, target):
        self._channel = grpc.insecure_channel(target)
        self._users = user_pb2_grpc.UserServiceStub(self._channel)

    def greeting(self, user_id):
        for _ in range(3):
            try:
                return f"Hello, {self._users.GetUser(user_pb2.GetUserRequest(id=user_id)).name}"
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    return "Hello, stranger"
        return "Hello, whoever you are"

    def page(self, number):
        return [user.name for user in self._users.ListUsers(user_pb2.ListUsersRequest(page=number))]

    def close(self):
        self._channel.close()
