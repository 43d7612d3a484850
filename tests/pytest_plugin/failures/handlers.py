import grpc
import pytest
from greeter import Greeter
from user_pb2 import GetUserRequest
from user_pb2_grpc import UserServiceServicer, UserServiceStub

USERS = {"a": 1}


def look_up(name):
    return {"id": USERS[name]}


def test_the_client_hides_it(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).answers(lambda call: look_up("b"))
    Greeter(grpcmock.target).greeting(1)


def test_the_client_fails(grpcmock):
    @grpcmock.on(UserServiceServicer.GetUser).answers
    async def get_user(call):
        return look_up("b")

    with pytest.raises(grpc.RpcError):
        grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=1))
    assert grpcmock.calls.one().status == "OK"
