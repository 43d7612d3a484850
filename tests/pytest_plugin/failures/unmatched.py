from greeter import Greeter


def test_greets(grpcmock):
    grpcmock.on("user.UserService/GetUser").when(id=42).returns(name="Alice").optional()
    # The tested code swallows the error.
    assert Greeter(grpcmock.target).greeting(7) == "Hello, stranger"
