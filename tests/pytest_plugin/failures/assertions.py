import pytest
from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


@pytest.fixture
def get_user(grpcmock):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.returns(name="Alice")
    Greeter(grpcmock.target).greeting(1)
    Greeter(grpcmock.target).greeting(2)
    return get_user


def test_times(get_user):
    get_user.assert_called(times=3)


def test_fields(get_user):
    get_user.assert_called(id=3)


def test_once(get_user):
    get_user.assert_called_once()


def test_never(get_user):
    get_user.assert_not_called()


def test_one(get_user):
    get_user.calls.where(id=3).one()


def test_order(get_user, grpcmock):
    grpcmock.calls.assert_order(get_user.calls.where(id=2), get_user.calls.where(id=1))


def test_waiting(get_user):
    get_user.wait_called(3, timeout=0.05)
