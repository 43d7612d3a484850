import user_pb2
from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


def test_the_request(grpcmock):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.returns(id=42, name="Alice")
    Greeter(grpcmock.target).greeting(42)
    assert get_user.calls.one().request == user_pb2.GetUserRequest(id=42)
    assert get_user.calls.one().response == user_pb2.UserResponse(id=42, name="Alina", email="a@example.com")


def test_a_list(grpcmock):
    list_users = grpcmock.on(UserServiceServicer.ListUsers)
    list_users.streams({"name": "Alice"}, {"name": "Bob"})
    Greeter(grpcmock.target).page(1)
    assert list(list_users.calls.one().responses) == [user_pb2.UserResponse(name="Alice")]
