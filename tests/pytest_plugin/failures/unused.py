from user_pb2_grpc import UserServiceServicer


def test_greets(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=42).returns(name="Alice")
    grpcmock.on(UserServiceServicer.ListUsers).streams({"name": "Alice"}).optional()
