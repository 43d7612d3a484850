"""What a project says of its mock, rightly or wrongly, and what is left of it when a test has ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytest_plugin.conftest import INI, ROOT, Outside

GREETS = """
from greeter import Greeter

def test_greets(grpcmock):
    grpcmock.on("user.UserService/GetUser").returns(name="Alice")
    assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"
"""


def config(returned: str) -> str:
    return f'import pytest\n\n@pytest.fixture(scope="session")\ndef grpcmock_config():\n    return {returned}\n'


@pytest.mark.parametrize(
    "returned",
    [
        "{}",
        "{'protos': 'protos'}",
        "{'protos': ['protos'], 'http': '127.0.0.1:0', 'options': {'seed': 7}}",
        "{'options': {'transport': 'aio'}}",
    ],
)
def test_settings_may_be_a_mapping(inside: pytest.Pytester, returned: str) -> None:
    shutil.copytree(ROOT / "protos", inside.path / "protos")
    inside.makeconftest(config(returned))
    inside.makepyfile(GREETS)
    inside.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("3", "it gives grpcmock_config.replace(…), or a mapping such as {'protos': ['protos']}; not 3."),
        ("{'protoss': []}", "there is no setting 'protoss'. Did you mean 'protos'?"),
        ("{'unused': 'some'}", "Config(unused=…): 'some' is not one of declared, all, none. The words are: *"),
    ],
)
def test_wrong_settings_are_told_without_the_frames_of_the_inside(
    inside: pytest.Pytester, returned: str, said: str
) -> None:
    inside.makeconftest(config(returned))
    inside.makepyfile(GREETS)
    result = inside.runpytest()
    result.assert_outcomes(errors=1)
    lines = [line.replace("[", "[[]") for line in [f"The fixture grpcmock_config is wrong: {said}"]]
    result.stdout.fnmatch_lines(lines)
    assert "fixtures.py" not in str(result.stdout)


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("grpcmock_protos = nowhere", "*nowhere: there is no such file or directory."),
        ("grpcmock_protos = bad.proto", "bad.proto:1:*"),
        ("grpcmock_stubs = bad.yaml", "*bad.yaml:1:*no method 'x.Y/Z'*"),
    ],
)
def test_wrong_files_are_told_without_the_frames_of_the_inside(inside: pytest.Pytester, ini: str, said: str) -> None:
    (inside.path / "bad.proto").write_text("nonsense")
    (inside.path / "bad.yaml").write_text("- method: x.Y/Z\n")
    inside.makeini(INI + ini)
    inside.makepyfile(GREETS)
    result = inside.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["The mock server of the session can't be made:", said, "Its settings: protos *"])
    assert "fixtures.py" not in str(result.stdout)


def test_a_factory_takes_the_words_of_the_server(inside: pytest.Pytester) -> None:
    shutil.copytree(ROOT / "protos", inside.path / "protos")
    (inside.path / "stubs.yaml").write_text("- {method: user.UserService/GetUser, response: {name: Alice}}")
    inside.makepyfile(
        """
        from greeter import Greeter
        from grpcmock import MockServer

        def test_files(grpcmock_factory):
            mocks = [grpcmock_factory(protos="protos", stubs="stubs.yaml"),
                     grpcmock_factory("protos", stubs=["stubs.yaml"]),
                     grpcmock_factory("protos/user.proto", protos=["protos/user.proto"], stubs=["stubs.yaml"])]
            for mock in mocks:
                assert Greeter(mock.target).greeting(1) == "Hello, Alice"

        def test_the_same_without_pytest():
            with MockServer(protos="protos", stubs="stubs.yaml") as mock:
                assert Greeter(mock.target).greeting(1) == "Hello, Alice"
        """
    )
    inside.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_a_path_that_nothing_declares_is_told_the_same_in_any_order(
    inside: pytest.Pytester, order: tuple[str, str]
) -> None:
    tests = {
        "first": "def test_first(grpcmock):\n    grpcmock.on(UserServiceServicer.GetUser)\n",
        "second": (
            "def test_second(grpcmock):\n    with pytest.raises(grpc.RpcError) as caught:\n"
            "        grpcmock.channel().unary_unary('/x.Y/Z')(b'')\n"
            "    assert caught.value.details() == 'No method /x.Y/Z is declared by the protos of this mock.'\n"
        ),
    }
    head = "import grpc\nimport pytest\nfrom user_pb2_grpc import UserServiceServicer\n\n"
    inside.makepyfile(head + "\n".join(tests[name] for name in order))
    result = inside.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["Give the mock the protos of its service (grpcmock_protos), or import its *"])


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_a_call_without_stubs_is_told_the_same_in_any_order(inside: pytest.Pytester, order: tuple[str, str]) -> None:
    tests = {
        "first": "def test_first(grpcmock):\n    grpcmock.on(UserServiceServicer.GetUser)\n",
        "second": (
            "def test_second(grpcmock):\n    assert Greeter(grpcmock.target).greeting(1) == 'Hello, stranger'\n"
            "    assert grpcmock.calls.one().request == GetUserRequest(id=1)\n"
        ),
    }
    head = "from greeter import Greeter\nfrom user_pb2 import GetUserRequest\n"
    head += "from user_pb2_grpc import UserServiceServicer\n\n"
    inside.makepyfile(head + "\n".join(tests[name] for name in order))
    result = inside.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["There are no stubs at all, so none for user.UserService/GetUser.", 'Request: {"id": 1}', "*no stub matched"],
        consecutive=False,
    )


def test_generated_code_that_was_not_imported_is_found(inside: pytest.Pytester, app: Path) -> None:
    folder = inside.path / "src" / "shop_gen"
    folder.mkdir(parents=True)
    for file in app.glob("user_pb2*.py"):
        text = file.read_text().replace("user.UserService", "shop.UserService")
        (folder / file.name.replace("user_", "shop_")).write_text(text)
    inside.makeini(f"{INI}pythonpath = src")
    inside.makepyfile("def test_a(grpcmock):\n    grpcmock.on('shop.UserService/GetUser')")
    result = inside.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*There is no method 'shop.UserService/GetUser': the mock knows no service 'shop.UserService'.*",
            "*(under pytest, the setting grpcmock_protos)*import shop_gen.shop_pb2_grpc (*shop_pb2_grpc.py).",
        ]
    )


CHANNELS = """
import grpc
from user_pb2 import GetUserRequest, ListUsersRequest
from user_pb2_grpc import UserServiceServicer, UserServiceStub

KEPT = []


async def test_the_channel_of_the_mock(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns(name="Alice")
    KEPT.append(users := UserServiceStub(grpcmock.aio_channel()))
    await users.GetUser(GetUserRequest())


async def test_its_client_in_a_call(grpcmock):
    stream = grpcmock.on(UserServiceServicer.ListUsers).pushes()
    KEPT.append(answers := grpcmock.aio_client(UserServiceStub).ListUsers(ListUsersRequest()))
    stream.send(id=1)
    assert (await answers.read()).id == 1


async def test_a_channel_of_the_test(grpcmock_factory):
    mock = grpcmock_factory()
    mock.on(UserServiceServicer.GetUser).returns(name="Alice")
    KEPT.append(channel := grpc.aio.insecure_channel(mock.target))
    await UserServiceStub(channel).GetUser(GetUserRequest())


def test_a_blocking_one(grpcmock_factory):
    mock = grpcmock_factory()
    mock.on(UserServiceServicer.GetUser).returns(name="Alice")
    KEPT.append(mock.client(UserServiceStub))
    KEPT[-1].GetUser(GetUserRequest())
"""


def test_channels_left_open_make_no_noise(outside: Outside) -> None:
    run = outside("-s", "-o", "asyncio_mode=auto", "-W", "error", test_channels=CHANNELS)
    assert (run.code, run.outcomes) == (0, {"passed": 4}), run.text
    said = [line for line in run.text.splitlines() if line.strip(".")]
    assert len(said) == 1, run.text  # the summary alone
