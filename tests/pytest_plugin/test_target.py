"""The tests of a suite use a mock server that runs elsewhere (``--grpcmock-target``), alone or with other suites."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pytest_plugin.conftest import INI
from shared_server import Shared, shared_server

GET = "user.UserService/GetUser"

OWN = """
import pytest
import user_pb2
import user_pb2_grpc

GET = "user.UserService/GetUser"

@pytest.fixture
def users(grpcmock):
    return grpcmock.client(user_pb2_grpc.UserServiceStub)

def name(users, number):
    return users.GetUser(user_pb2.GetUserRequest(id=number)).name

@pytest.mark.parametrize("number", range({tests}))
def test_own(grpcmock, users, number):
    own = f"{{grpcmock.session}} {{number}}"
    handle = grpcmock.on(GET).when(id=5).returns(name=own)
    grpcmock.on(GET).when(id=6).to_state(door=own).once().returns(name="once")
    assert [name(users, 5), name(users, 6)] == [own, "once"]
    assert [name(users, 1) for _ in range(3)] == ["one", "two", "one"]
    assert grpcmock.state["door"] == own
    assert handle.count == 1
    grpcmock.on(GET).assert_called(times=5)
    grpcmock.on(GET).when(id=1).assert_called(times=3)
    grpcmock.assert_not_called(id=77)
    assert len(grpcmock.wait_called(5)) == 5
"""


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with shared_server(tmp_path_factory.mktemp("shared")) as server:
        yield server


def test_a_suite(inside: pytest.Pytester, shared: Shared) -> None:
    inside.makepyfile(OWN.format(tests=3))
    result = inside.runpytest(f"--grpcmock-target={shared.target}")
    result.assert_outcomes(passed=3)
    assert f"target {shared.target}" in str(result.stdout)
    assert shared.sessions() == [], "the session ends with the suite"


def test_a_contract_is_written_of_what_it_used(inside: pytest.Pytester, shared: Shared) -> None:
    inside.makepyfile(OWN.format(tests=2))
    result = inside.runpytest(f"--grpcmock-target={shared.target}", "--grpcmock-contract=used.yaml")
    result.assert_outcomes(passed=2)
    text = (inside.path / "used.yaml").read_text()
    assert text.count("name: once") == 2, "those that the tests have declared"
    assert "name: sequence" in text, "and a common one"
    assert "name: nobody" not in text


def test_what_is_wrong_fails_as_with_a_server_of_its_own(inside: pytest.Pytester, shared: Shared) -> None:
    inside.makepyfile(
        """
        import pytest
        import user_pb2
        import user_pb2_grpc

        def test_unmatched(grpcmock):
            users = grpcmock.client(user_pb2_grpc.UserServiceStub)
            with pytest.raises(Exception):
                users.GetUser(user_pb2.GetUserRequest(id=7))

        def test_unused(grpcmock):
            grpcmock.on("user.UserService/GetUser").returns(name="nobody asks")

        @pytest.mark.grpcmock(stubs=["- {method: user.UserService/GetUser, response: {name: marked}}\\n"])
        def test_marked(grpcmock):
            users = grpcmock.client(user_pb2_grpc.UserServiceStub)
            assert users.GetUser(user_pb2.GetUserRequest(id=7)).name == "marked"
        """
    )
    result = inside.runpytest(f"--grpcmock-target={shared.target}")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*No stub matches this call*", "*A stub was never used*"])


NAMED = """
def test_named(grpcmock):
    assert (grpcmock.session, grpcmock.metadata) == ("suite", (("x-grpcmock-session", "suite"),))
"""


@pytest.mark.parametrize("how", ["options", "ini", "environment", "fixture"])
def test_where_it_is_said(how: str, inside: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shared_server(tmp_path, token="secret") as shared:
        monkeypatch.setenv("GRPCMOCK_PYTEST_ADMIN_TOKEN", "secret")
        arguments: list[str] = []
        match how:
            case "options":
                arguments = [f"--grpcmock-target={shared.target}", "--grpcmock-session=suite"]
                arguments.append("--grpcmock-admin-token=secret")
                monkeypatch.setenv("GRPCMOCK_PYTEST_ADMIN_TOKEN", "another")
            case "ini":
                inside.makeini(f"{INI}grpcmock_target = {shared.target}\ngrpcmock_session = suite\n")
            case "environment":
                monkeypatch.setenv("GRPCMOCK_PYTEST_TARGET", shared.target)
                monkeypatch.setenv("GRPCMOCK_PYTEST_SESSION", "suite")
            case "fixture":
                inside.makeconftest(
                    f"""
                    import pytest

                    @pytest.fixture(scope="session")
                    def grpcmock_config(grpcmock_config):
                        return grpcmock_config.replace(target="{shared.target}", session="suite")
                    """
                )
        inside.makepyfile(NAMED)
        inside.runpytest(*arguments).assert_outcomes(passed=1)


def test_what_cannot_be_used_is_told_without_a_traceback(inside: pytest.Pytester) -> None:
    inside.makepyfile(NAMED)
    result = inside.runpytest("--grpcmock-target=127.0.0.1:1")
    result.assert_outcomes(errors=1)
    assert "can't be started: Nothing is listening on 127.0.0.1:1" in str(result.stdout)
    assert "Traceback" not in str(result.stdout)
    wrong = inside.runpytest("--grpcmock-target=127.0.0.1:1", "--grpcmock-record=127.0.0.1:2")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    assert "--grpcmock-record needs a mock server in the process of the tests" in str(wrong.stderr)


# Suites side by side ----------------------------------------------------------------------------------

TESTS, TIMES = (int(number) for number in os.environ.get("GRPCMOCK_SHARED_TESTS", "60x1").split("x"))
"""How many tests share one server, in both suites together, and how often: ``GRPCMOCK_SHARED_TESTS=500x10``."""


@pytest.fixture(scope="module")
def go_suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of ``suite.go``, compiled."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    folder = tmp_path_factory.mktemp("go")
    shutil.copy(Path(__file__).with_name("suite.go"), folder / "suite_test.go")
    offline = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    for words in (("mod", "init", "suite"), ("test", "-c", "-o", "suite.test")):
        done = subprocess.run(["go", *words], cwd=folder, env=offline, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "suite.test"


def _go_tests(suite: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [suite, "-test.v", "-test.parallel=8"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_suites_in_python_and_go_share_one_server(go_suite: Path, outside: Any, tmp_path: Path) -> None:
    """Each test of both has a session, or its worker has: they answer, count and verify as if each were alone."""
    pytest.importorskip("xdist")
    from grpcmock.protocols.interface import FaceOptions

    half = TESTS // 2
    with shared_server(tmp_path, face=FaceOptions()) as shared, ThreadPoolExecutor(2) as pool:
        for _ in range(TIMES):
            options = ["-n", "2", f"--grpcmock-target={shared.target}"]
            python = pool.submit(outside, *options, test_own=OWN.format(tests=TESTS - half))
            go = pool.submit(_go_tests, go_suite, {"MOCK_URL": shared.url, "TESTS": str(half)})
            assert python.result().outcomes == {"passed": TESTS - half}, python.result().text
            assert go.result().returncode == 0, go.result().stdout
            assert len(re.findall(r"--- PASS: TestSessions/\d+", go.result().stdout)) == half
            assert shared.sessions() == []
            assert shared.thread.call(lambda: len(shared.host.engine.journal)) == 0
