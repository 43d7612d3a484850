"""Tests with the fixture against the same tests with a hand-written server: ``python -m benchmarks.pytest_overhead``.

Measures how long a server takes to come up once gRPC is imported, what the fixture adds to a test that does nothing,
and how long tests with a stub and a call each take.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from benchmarks.load import ROOT, table

CONFTEST = """
    import asyncio
    import threading

    import grpc
    import pytest
    import user_pb2
    import user_pb2_grpc


    class Users(user_pb2_grpc.UserServiceServicer):
        name = ""

        async def GetUser(self, request, context):
            return user_pb2.UserResponse(id=request.id, name=self.name)


    @pytest.fixture(scope="session")
    def bare_server():
        users = Users()
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()

        async def start():
            server = grpc.aio.server()
            user_pb2_grpc.add_UserServiceServicer_to_server(users, server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            return server, port

        server, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
        yield users, f"127.0.0.1:{port}"
        asyncio.run_coroutine_threadsafe(server.stop(None), loop).result()
        loop.call_soon_threadsafe(loop.stop)


    @pytest.fixture(scope="session")
    def clients():
        made = {}

        def client(target):
            if target not in made:
                made[target] = user_pb2_grpc.UserServiceStub(grpc.insecure_channel(target))
            return made[target]

        return client
"""

SUITES = {
    "nothing, no fixture": """
        @pytest.mark.parametrize("number", range({tests}))
        def test_nothing(number):
            pass
    """,
    "nothing, fixture grpcmock": """
        @pytest.mark.parametrize("number", range({tests}))
        def test_nothing(grpcmock, number):
            pass
    """,
    "a call, bare grpc.aio server": """
        @pytest.mark.parametrize("number", range({tests}))
        def test_call(bare_server, clients, number):
            users, target = bare_server
            users.name = f"User {{number}}"
            answer = clients(target).GetUser(user_pb2.GetUserRequest(id=number))
            assert answer.name == f"User {{number}}"
    """,
    "a stub and a call, grpcmock": """
        @pytest.mark.parametrize("number", range({tests}))
        def test_call(grpcmock, clients, number):
            grpcmock.on(user_pb2_grpc.UserServiceServicer.GetUser).when(id=number).returns(name=f"User {{number}}")
            answer = clients(grpcmock.target).GetUser(user_pb2.GetUserRequest(id=number))
            assert answer.name == f"User {{number}}"
    """,
}

STARTUP = """
    import time

    import grpc.aio
    import user_pb2_grpc
    from grpcmock.mock.server import MockServer

    times = []
    for _ in range({rounds}):
        began = time.perf_counter()
        with MockServer(user_pb2_grpc.UserServiceServicer):
            times.append(time.perf_counter() - began)
    print(times[0], sorted(times)[len(times) // 2])
"""


def _generate(folder: Path) -> None:
    arguments = [f"-I{ROOT / 'protos'}", f"--python_out={folder}", f"--grpc_python_out={folder}", "user.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
    (folder / "conftest.py").write_text(textwrap.dedent(CONFTEST))
    (folder / "pytest.ini").write_text("[pytest]\n")


def _run(folder: Path, *arguments: str) -> str:
    # Compiled modules are kept, as those of an installed package are, whatever is set here.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    result = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    return result.stdout


def _suite(folder: Path, text: str, tests: int) -> float:
    """Run a suite, and give the seconds that pytest says it took."""
    head = "import pytest\nimport user_pb2\nimport user_pb2_grpc\n\n"
    (folder / "test_suite.py").write_text(head + textwrap.dedent(text).format(tests=tests))
    others = ("cacheprovider", "hypothesispytest", "anyio", "asyncio", "faker", "xdist", "randomly")
    from importlib.metadata import entry_points

    own = (
        []
        if any(entry.name == "grpcmock" for entry in entry_points(group="pytest11"))
        else ["-pgrpcmock.pytest_plugin"]
    )
    output = _run(folder, "-m", "pytest", "-q", *(f"-pno:{name}" for name in others), *own, "test_suite.py")
    found = re.search(rf"{tests} passed in ([\d.]+)s", output)
    if found is None:
        sys.exit(output)
    return float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in SUITES}
    starts: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _generate(folder)
        _run(folder, "-c", textwrap.dedent(STARTUP).format(rounds=1))  # compiles
        first, median = map(float, _run(folder, "-c", textwrap.dedent(STARTUP).format(rounds=11)).split())
        for number in range(options.rounds):
            for suite in list(SUITES) if number % 2 else reversed(list(SUITES)):
                seconds[suite].append(_suite(folder, SUITES[suite], options.tests))
            starts.append(_suite(folder, SUITES["nothing, fixture grpcmock"], 1))
    least = {suite: min(times) for suite, times in seconds.items()}
    start = min(starts)
    table(
        "A server comes up (gRPC is imported), milliseconds",
        ("", "first", "median", "limit"),
        [("MockServer(UserServiceServicer)", first * 1e3, median * 1e3, 50.0)],
    )
    table(
        f"{options.tests} tests, {options.rounds} rounds",
        ("suite", "least s", "median s", "ms a test"),
        [
            (suite, least[suite], statistics.median(times), least[suite] / options.tests * 1e3)
            for suite, times in seconds.items()
        ],
    )
    nothing, fixture, bare, mocked = (least[suite] for suite in SUITES)
    table(
        "Against the limits",
        ("", "measured", "limit"),
        [
            (
                "overhead of the fixture, ms a test, the session's start shared out",
                (fixture - nothing) / options.tests * 1e3,
                1.0,
            ),
            ("… without that start", (fixture - nothing - start) / options.tests * 1e3, ""),
            ("the start: imports, and the server, ms once", start * 1e3, ""),
            ("a stub and a call, times the bare server", mocked / bare, 2.0),
        ],
    )


if __name__ == "__main__":
    main()
