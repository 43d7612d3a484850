import grpc
from user_pb2 import GetUserRequest, ListUsersRequest
from user_pb2_grpc import UserServiceServicer, UserServiceStub


def test_a_miss_is_told_once(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=42).returns(name="Alice").optional()
    try:
        grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=7))
    except grpc.RpcError as error:
        raise RuntimeError(f"the service says {error.details()}") from None


def test_a_method_without_a_stub(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns(name="Alice").optional()
    try:
        list(grpcmock.client(UserServiceStub).ListUsers(ListUsersRequest(page=7)))
    except grpc.RpcError:
        raise RuntimeError("the service is down") from None


def test_metadata(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns()
    grpcmock.client(UserServiceStub).GetUser(GetUserRequest(), metadata=[("authorization", "x")])
    grpcmock.calls.one().metadata["Authorisation"]


def test_a_class(grpcmock):
    grpcmock.on(UserServiceServicer).returns(name="Alice")


def test_no_protos(grpcmock):
    grpcmock.on("billing.Billing/Bill").returns(id=1)


def test_another_server(grpcmock_factory):
    grpcmock_factory(protos="nowhere.proto")
