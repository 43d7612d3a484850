from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


def test_greets(grpcmock):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.when(id=42).returns(name="Alice")
    get_user.when(id=43).returns(name="Bob").times(2)
    greeter = Greeter(grpcmock.target)
    greeter.greeting(43)
    greeter.greeting(44)
    greeter.page(1) if False else None
