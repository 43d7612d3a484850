from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


def test_greets(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=42).returns(name="Alice")
    greeter = Greeter(grpcmock.target)
    assert greeter.greeting(42) == "Hello, Alice"
    assert greeter.greeting(24) == "Hello, Alice"
