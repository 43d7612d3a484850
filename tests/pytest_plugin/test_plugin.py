"""The fixtures, the marker and the settings: what each does to the tests of a user."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.pytest_plugin import config as settings

STUB = """
- name: {name}
  method: user.UserService/GetUser
  request: {{id: {id}}}
  response: {{name: {name}}}
"""


def passes(inside: pytest.Pytester, text: str, *arguments: str, **outcomes: int) -> str:
    """Run one file of tests, and give what was printed; all must pass, unless *outcomes* says otherwise."""
    inside.makepyfile(text)
    result = inside.runpytest(*arguments)
    expected = outcomes or {"passed": text.count("def test_")}
    assert result.parseoutcomes() == expected, str(result.stdout)
    return str(result.stdout)


# Verification -------------------------------------------------------------------------------------


def test_a_failed_verification_is_an_expected_failure(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import pytest
        from greeter import Greeter

        @pytest.mark.xfail(strict=True)
        def test_unmatched(grpcmock):
            grpcmock.on("user.UserService/GetUser").when(id=1).returns().optional()
            Greeter(grpcmock.target).greeting(7)

        @pytest.mark.xfail(strict=True, raises=AssertionError)
        def test_unused(grpcmock):
            import user_pb2_grpc
            grpcmock.on("user.UserService/GetUser").returns()

        @pytest.mark.xfail(strict=True)
        def test_nothing_wrong(grpcmock):
            pass

        @pytest.mark.xfail(strict=True, raises=ZeroDivisionError)
        def test_another_error(grpcmock):
            grpcmock.on("user.UserService/GetUser").returns()
        """,
        xfailed=2,
        failed=2,
    )


def test_what_ends_a_test_early_is_not_verified(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import pytest
        import user_pb2_grpc

        def test_skipped(grpcmock):
            grpcmock.on("user.UserService/GetUser").returns()
            pytest.skip("not today")

        def test_xfailed(grpcmock):
            grpcmock.on("user.UserService/GetUser").returns()
            pytest.xfail("not yet")
        """,
        skipped=1,
        xfailed=1,
    )


def test_a_mock_that_is_asked_for_late_is_verified(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import user_pb2_grpc

        def test_late(request):
            request.getfixturevalue("grpcmock").on("user.UserService/GetUser").returns()
        """,
        failed=1,
    )


def test_a_test_that_fails_is_not_failed_twice(inside: pytest.Pytester) -> None:
    text = passes(
        inside,
        """
        import user_pb2_grpc

        def test_wrong(grpcmock):
            grpcmock.on("user.UserService/GetUser").returns()
            assert 1 == 2
        """,
        failed=1,
    )
    assert "never used" not in text


# Isolation ----------------------------------------------------------------------------------------


def test_nothing_of_a_test_is_left_to_the_next(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import pytest
        from greeter import Greeter
        from user_pb2_grpc import UserServiceServicer

        PORTS = set()

        @pytest.mark.parametrize("number", range(3))
        def test_alone(grpcmock, number):
            PORTS.add(grpcmock.target)
            assert len(PORTS) == 1
            assert len(grpcmock.calls) == 0
            assert grpcmock.state["login"] == "started"
            grpcmock.state["login"] = "done"
            get_user = grpcmock.on(UserServiceServicer.GetUser)
            get_user.returns(name=f"{number}")
            assert Greeter(grpcmock.target).greeting(1) == f"Hello, {number}"
            get_user.assert_called_once()
        """,
        passed=3,
    )


def test_stubs_of_the_session_are_there_for_every_test(inside: pytest.Pytester) -> None:
    inside.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def everybody(grpcmock_server):
            from user_pb2_grpc import UserServiceServicer
            grpcmock_server.on(UserServiceServicer.GetUser).returns(name="Everybody")
        """
    )
    passes(
        inside,
        """
        import pytest
        from greeter import Greeter

        def test_one(grpcmock):
            assert Greeter(grpcmock.target).greeting(1) == "Hello, Everybody"

        def test_special(grpcmock):
            grpcmock.on("user.UserService/GetUser").when(id=1).returns(name="Alice")
            assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"

        def test_unused(grpcmock):
            pass
        """,
    )


def test_a_late_call_does_not_enter_the_next_test(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import grpc
        import pytest
        from user_pb2 import GetUserRequest
        from user_pb2_grpc import UserServiceServicer, UserServiceStub

        LATE = []

        def test_first(grpcmock):
            # Waits for a second message, and so goes on after the test.
            lookup = grpcmock.on(UserServiceServicer.LookupUsers)
            lookup.script({"expect": {"id": 1}}, {"send": {"id": 1}}, {"expect": {"id": 2}}).optional()
            channel = grpc.insecure_channel(grpcmock.target)
            import queue
            requests = queue.Queue()
            stream = UserServiceStub(channel).LookupUsers(iter(requests.get, None))
            requests.put(GetUserRequest(id=1))
            assert next(stream).id == 1
            LATE.append((channel, requests, stream))

        def test_second(grpcmock):
            (channel, requests, stream), = LATE
            requests.put(GetUserRequest(id=3))  # no match
            with pytest.raises(grpc.RpcError):
                next(stream)
            channel.close()
            assert len(grpcmock.calls) == 0
        """,
        "-p",
        "no:randomly",
    )


def test_more_servers(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import grpc
        import pytest
        from greeter import Greeter
        from user_pb2_grpc import UserServiceServicer

        STARTED = []

        def test_isolated(grpcmock, grpcmock_factory):
            one, other = grpcmock_factory(), grpcmock_factory(auto=True, seed=3)
            STARTED.extend([one, other])
            assert len({grpcmock.target, one.target, other.target}) == 3
            one.on(UserServiceServicer.GetUser).returns(name="One")
            other.on(UserServiceServicer.GetUser)
            assert Greeter(one.target).greeting(1) == "Hello, One"
            assert Greeter(other.target).greeting(1).startswith("Hello, ")
            assert (len(grpcmock.calls), len(one.calls), len(other.calls)) == (0, 1, 1)

        def test_stopped():
            assert [server.is_running for server in STARTED] == [False, False]
        """,
    )


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_channels_go_past_proxies(inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    passes(
        inside,
        """
        import os
        from greeter import Greeter
        from user_pb2 import GetUserRequest
        from user_pb2_grpc import UserServiceServicer, UserServiceStub

        def test_own_and_tested_channels(grpcmock):
            grpcmock.on(UserServiceServicer.GetUser).returns(name="Alice")
            assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"
            assert grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=1)).name == "Alice"
        """,
    )
    assert "no_grpc_proxy" not in os.environ


# The marker ---------------------------------------------------------------------------------------


def test_markers_add_up(inside: pytest.Pytester) -> None:
    (inside.path / "module.yaml").write_text(STUB.format(name="module", id=1))
    (inside.path / "stubs").mkdir()
    (inside.path / "stubs" / "inner.yaml").write_text(STUB.format(name="inner", id=2))
    inside.makeini("[pytest]\ngrpcmock_protos = protos\n")
    (inside.path / "protos").symlink_to(Path(__file__).parents[2] / "protos")
    passes(
        inside,
        """
        import pytest
        from greeter import Greeter

        pytestmark = pytest.mark.grpcmock(stubs=["module.yaml"], state={"a": "1", "b": "1"}, unmatched="ignore")

        @pytest.mark.grpcmock(state={"b": "2", "c": "2"})
        class TestNested:
            @pytest.mark.grpcmock(stubs=["stubs"], state={"c": "3"})
            def test_all(self, grpcmock):
                assert dict(grpcmock.state) == {"a": "1", "b": "2", "c": "3"}
                greeter = Greeter(grpcmock.target)
                names = [greeter.greeting(id).removeprefix("Hello, ") for id in (1, 2, 3)]
                assert names == ["module", "inner", "stranger"]

        def test_outer(grpcmock):
            assert Greeter(grpcmock.target).greeting(2) == "Hello, stranger"
            assert dict(grpcmock.state) == {"a": "1", "b": "1"}

        @pytest.mark.grpcmock(unmatched="fail")
        @pytest.mark.xfail(strict=True)
        def test_strict_again(grpcmock):
            Greeter(grpcmock.target).greeting(2)

        @pytest.mark.grpcmock(unused="all")
        @pytest.mark.xfail(strict=True)
        def test_all_must_be_used(grpcmock):
            pass
        """,
        passed=2,
        xfailed=2,
    )


def test_the_marker_is_enough(inside: pytest.Pytester) -> None:
    passes(
        inside,
        """
        import pytest
        from greeter import Greeter

        @pytest.fixture
        def target(grpcmock_server):
            return grpcmock_server.target

        @pytest.mark.grpcmock(unmatched="ignore")
        def test_marked(target, request):
            import user_pb2_grpc
            request.getfixturevalue("grpcmock_server").on("user.UserService/GetUser")
            assert Greeter(target).greeting(1) == "Hello, stranger"
            assert "grpcmock" in request.fixturenames
        """,
    )


def test_the_marker_is_registered(inside: pytest.Pytester) -> None:
    result = inside.runpytest("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.grpcmock(stubs=*): give a test a gRPC mock*"])
    passes(inside, "import pytest\n\n@pytest.mark.grpcmock(unused='none')\ndef test_a(): pass", "--strict-markers")


def test_a_wrong_marker_is_told_even_without_a_mock(inside: pytest.Pytester) -> None:
    inside.makepyfile("import pytest\n\n@pytest.mark.grpcmock(unusd='none')\nclass TestA:\n    def test_a(self): pass")
    result = inside.runpytest()
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["@pytest.mark.grpcmock has no 'unusd'. Did you mean 'unused'?"])


# Settings -----------------------------------------------------------------------------------------

LENIENT = """
import user_pb2_grpc
from greeter import Greeter

def test_unmatched(grpcmock):
    grpcmock.on("user.UserService/GetUser").when(id=2).returns().optional()
    Greeter(grpcmock.target).greeting(1)

def test_unused(grpcmock):
    grpcmock.on("user.UserService/GetUser").returns()
"""


@pytest.mark.parametrize(
    ("ini", "arguments", "outcomes"),
    [
        ("", (), {"failed": 2}),
        ("grpcmock_unmatched = ignore\n", (), {"passed": 1, "failed": 1}),
        ("grpcmock_unused = none\n", (), {"passed": 1, "failed": 1}),
        ("grpcmock_unmatched = ignore\ngrpcmock_unused = none\n", (), {"passed": 2}),
        (
            "grpcmock_unmatched = ignore\n",
            ("--grpcmock-unmatched=fail", "--grpcmock-unused=none"),
            {"passed": 1, "failed": 1},
        ),
        ("", ("--grpcmock-unmatched", "ignore", "--grpcmock-unused", "none"), {"passed": 2}),
    ],
)
def test_how_strict(inside: pytest.Pytester, ini: str, arguments: tuple[str, ...], outcomes: dict[str, int]) -> None:
    inside.makeini(f"[pytest]\n{ini}")
    passes(inside, LENIENT, *arguments, **outcomes)


def test_the_header_tells_the_settings(inside: pytest.Pytester) -> None:
    (inside.path / "protos").symlink_to(Path(__file__).parents[2] / "protos")
    (inside.path / "mocks").mkdir()
    (inside.path / "mocks" / "a.yaml").write_text(STUB.format(name="Alice", id=1))
    inside.makeini("[pytest]\ngrpcmock_protos = protos\ngrpcmock_stubs = mocks\ngrpcmock_unused = all\n")
    text = passes(
        inside,
        """
        from greeter import Greeter

        def test_files(grpcmock):
            assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"
        """,
    )
    header = "grpcmock: protos protos, stubs mocks, listen 127.0.0.1:0, unmatched fail, unused all"
    assert header in text.splitlines()


def test_parts_of_a_tree_may_be_left_out(inside: pytest.Pytester) -> None:
    for folder, field in (("new", 1), ("old", 2)):
        inside.mkdir(folder).joinpath("app.proto").write_text(
            f'syntax = "proto3"; package app; message App {{ string of_{folder} = {field}; }}'
        )
    text = """
        def test_one(grpcmock, grpcmock_factory):
            for server in (grpcmock, grpcmock_factory()):
                assert server.registry.message("app.App").DESCRIPTOR.fields_by_name.keys() == ["of_new"]
        """
    inside.makeini("[pytest]\ngrpcmock_protos = .\ngrpcmock_exclude = old\n")
    passes(inside, text)
    inside.makeini("[pytest]\ngrpcmock_protos = .\n")
    said = passes(inside, text, errors=1)
    assert "old/app.proto:1:41: app.App is defined in new/app.proto, too. Load only one of the two files" in said
    assert "grpcmock/" not in said, "none of our frames is shown"


@pytest.mark.parametrize(
    ("ini", "arguments", "said"),
    [
        (
            "grpcmock_unmatched = ignored\n",
            (),
            "grpcmock: ini key grpcmock_unmatched: 'ignored' is not one of fail, ignore. Did you mean 'ignore'?",
        ),
        (
            "",
            ("--grpcmock-unused=x",),
            "grpcmock: --grpcmock-unused: 'x' is not one of declared, all, none. The words are: all, declared, none.",
        ),
    ],
)
def test_wrong_words_are_told_at_once(inside: pytest.Pytester, ini: str, arguments: tuple[str, ...], said: str) -> None:
    inside.makeini(f"[pytest]\n{ini}")
    result = inside.runpytest(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {said}" in str(result.stderr).splitlines()


def test_the_settings_can_be_overridden(inside: pytest.Pytester) -> None:
    inside.makeconftest(
        """
        import pytest
        from user_pb2_grpc import UserServiceServicer

        @pytest.fixture(scope="session")
        def grpcmock_config(grpcmock_config):
            return grpcmock_config.replace(protos=[UserServiceServicer], unmatched="ignore", options={"auto": True})
        """
    )
    passes(
        inside,
        """
        from greeter import Greeter

        def test_generated(grpcmock):
            assert Greeter(grpcmock.target).greeting(1) != "Hello, stranger"
            assert grpcmock.calls.one().generated
        """,
    )


def test_a_setting_that_there_is_not() -> None:
    config = settings.Config()
    assert config.replace(unused="none").unused == "none"
    with pytest.raises(pytest.UsageError, match=r"there is no setting 'unuse'. Did you mean 'unused'\?"):
        config.replace(unuse="none")
    with pytest.raises(pytest.UsageError, match=r"Config\(unmatched=…\): 'no' is not one of fail, ignore"):
        config.replace(unmatched="no")


@pytest.mark.parametrize(
    ("listen", "worker", "expected"),
    [
        ("127.0.0.1:0", "gw3", "127.0.0.1:0"),
        ("127.0.0.1:6000", "gw3", "127.0.0.1:6003"),
        ("[::1]:6000", "gw0", "[::1]:6000"),
        ("127.0.0.1:6000", "", "127.0.0.1:6000"),
        ("unix:/tmp/x", "gw1", "unix:/tmp/x"),
    ],
)
def test_workers_count_up_from_a_fixed_port(
    monkeypatch: pytest.MonkeyPatch, listen: str, worker: str, expected: str
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    assert settings._for_worker(listen) == expected


# Reports ------------------------------------------------------------------------------------------


def test_the_calls_of_passed_tests_are_shown_if_asked_for(inside: pytest.Pytester) -> None:
    text = """
        from greeter import Greeter
        from user_pb2_grpc import UserServiceServicer

        def test_greets(grpcmock):
            grpcmock.on(UserServiceServicer.GetUser).named("alice").returns(name="Alice")
            Greeter(grpcmock.target).greeting(42)

        def test_nothing(grpcmock):
            pass
        """
    assert "GetUser" not in passes(inside, text)
    shown = passes(inside, text, "--grpcmock-show-calls")
    lines = shown[shown.index("calls of the tests that passed") :].splitlines()[1:3]
    assert lines[0].endswith("::test_greets")
    assert lines[1].startswith('  1. user.UserService/GetUser {"id": 42} → OK {"name": "Alice"}  [alice, test_')


def test_comparisons_of_other_things_are_left_alone() -> None:
    from grpcmock.pytest_plugin.comparison import pytest_assertrepr_compare as explain

    assert explain("==", 1, 2) is None
    assert explain("==", [1], [2]) is None
    assert explain("==", {}, {}) is None
    assert explain("==", "a", "b") is None
    assert explain("==", [], [1]) is None


# Laziness -----------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported_before_a_test_asks(outside: Callable[..., Any]) -> None:
    others = ("hypothesispytest", "anyio", "faker", "randomly")  # they import what they like
    run = outside(
        *(f"-pno:{name}" for name in others),
        test_light="""
import sys

def test_light(pytestconfig):
    assert "grpcmock.pytest_plugin" in sys.modules
    heavy = {"grpc", "google.protobuf", "hypothesis", "yaml", "jinja2", "grpc_tools", "re2", "rich", "grpcmock.errors"}
    assert not heavy & set(sys.modules)
""",
    )
    assert run.outcomes == {"passed": 1}, run.text


def test_stubs_of_a_marker_find_the_methods_of_imported_code(inside: pytest.Pytester) -> None:
    passes(
        inside,
        '''
        import pytest
        from greeter import Greeter

        @pytest.mark.grpcmock(stubs=["""
        - {method: user.UserService/GetUser, response: {name: Alice}}
        """])
        def test_marked(grpcmock):
            assert Greeter(grpcmock.target).greeting(1) == "Hello, Alice"
        ''',
    )
