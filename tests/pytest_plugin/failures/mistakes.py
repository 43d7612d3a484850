import pytest
from user_pb2_grpc import UserServiceServicer


@pytest.fixture
def know_users(grpcmock_server):
    grpcmock_server.on(UserServiceServicer.GetUser)


def test_wrong_field(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(idd=42).returns(name="Alice")


def test_wrong_type(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns(id="forty-two", nmae="Alice")


def test_wrong_method(grpcmock):
    grpcmock.on("user.UserService/GetUsr")


@pytest.mark.grpcmock(stub=["x.yaml"], unmatched="ignored")
def test_wrong_marker(grpcmock):
    pass


@pytest.mark.grpcmock("x.yaml", state="done")
def test_wrong_values(grpcmock):
    pass


@pytest.mark.grpcmock(stubs=["nowhere.yaml"])
def test_wrong_file(grpcmock):
    pass


@pytest.mark.grpcmock(stubs=["- method: user.UserService/GetUser\n  request: {idd: 1}\n"])
def test_wrong_text(know_users, grpcmock):
    pass
