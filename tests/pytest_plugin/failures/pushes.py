import pytest
from user_pb2 import ListUsersRequest
from user_pb2_grpc import UserServiceServicer, UserServiceStub


@pytest.fixture
def users(grpcmock):
    return grpcmock.client(UserServiceStub)


def test_no_call(grpcmock):
    grpcmock.on(UserServiceServicer.ListUsers).pushes().wait_call(page=1, timeout=0.01)


def test_another_request(grpcmock, users):
    stream = grpcmock.on(UserServiceServicer.ListUsers).pushes()
    answers = users.ListUsers(ListUsersRequest(page=1))
    stream.wait_request(page=2, timeout=600)
    answers.cancel()


def test_a_call_under_way(grpcmock, users):
    stream = grpcmock.on(UserServiceServicer.ListUsers).pushes()
    stream.send(id=1)
    answers = users.ListUsers(ListUsersRequest(page=1))
    assert next(answers).id == 1
    stream.wait_called(page=1, timeout=0.01)
    answers.cancel()


def test_too_late(grpcmock, users):
    stream = grpcmock.on(UserServiceServicer.ListUsers).pushes()
    stream.fails("ABORTED")
    call = users.ListUsers(ListUsersRequest(page=1))
    assert call.code().name == "ABORTED"
    stream.send(id=1)


def test_wrong_field(grpcmock):
    grpcmock.on(UserServiceServicer.ListUsers).pushes().send(nmae="Alice")


def test_no_answer(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=1)
    grpcmock.on(UserServiceServicer.ListUsers).when(page=1).delay(2)
