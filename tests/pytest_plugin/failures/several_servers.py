from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


def test_greets(grpcmock, grpcmock_factory):
    other = grpcmock_factory()
    grpcmock.on(UserServiceServicer.GetUser).returns(name="Alice")
    other.on(UserServiceServicer.GetUser).when(id=1).returns(name="Bob")
    assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"
    assert Greeter(other.target).greeting(2) == "Hello, stranger"
