"""A seeded bug from end to end: found, reported, replayed, handed on in all forms, and each form shows it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Run = Callable[..., Any]

SECRET = "Bearer hush-hush-42"

SERVER = """
import asyncio, sys, grpc
class Handlers(grpc.GenericRpcHandler):
    def service(self, call):
        self.known = dict(call.invocation_metadata).get("authorization") == "Bearer hush-hush-42"
        answer = get if self.known else refuse
        return grpc.unary_unary_rpc_method_handler(answer) if call.method.endswith("/GetUser") else None
async def refuse(data, context):
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
async def get(data, context):
    if len(data) > 2 and "--fixed" not in sys.argv:
        raise KeyError(dict(context.invocation_metadata())["authorization"])
    return b""
async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()
asyncio.run(main())
"""


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """Run the server; give its address."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@contextmanager
def mocking(stubs: Path) -> Iterator[str]:
    """Serve a stub as a mock; give its address."""
    from grpcmock.concurrency.loop_thread import LoopThread
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.host import Files, Host

    async def start() -> Host:
        host = Host(Files((Path("protos"),), (stubs,)))
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    loop = LoopThread()
    host = loop.run(start())
    try:
        yield str(host.addresses[0])
    finally:
        loop.run(host.stop(0))
        loop.close()


def program(*words: Any, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout + done.stderr


def fuzz(grpcmock: Run, target: str) -> str:
    """Find the bug; give its id."""
    reports = ",".join(f"{kind}=reports/run.{kind}" for kind in ("junit", "json", "ndjson", "html"))
    found = grpcmock(
        *("fuzz", target, "protos", "-H", f"authorization: {SECRET}", "--include", "GetUser", "--seed", "7"),
        *("--phases", "boundary", "--checks", "unhandled_error", "--report", reports),
    )
    assert found.code == 1, found.err
    (failure,) = json.loads(Path("reports/run.json").read_text())["failures"]
    assert f"again     grpcmock replay {failure['id']}" in found.out
    assert "-protoset .grpcmock/failures/contract-" in found.out  # the server has no reflection
    assert "hush" not in found.out + found.err
    return str(failure["id"])


def test_a_bug_goes_from_hand_to_hand(grpcmock: Run, project: Path) -> None:
    given = ("-H", f"authorization: {SECRET}")
    with serving() as target:
        name = fuzz(grpcmock, target)
        again = grpcmock("replay", name, *given)
        anonymous = grpcmock("replay", name)
        for form in ("pytest", "stub", "python", "grpcurl", "bash", "go"):
            done = grpcmock("export", name, "--as", form, "-o", f"out/test_{form}.py", *given)
            assert (done.code, done.out) == (0, ""), done.err
        python = program("out/test_python.py", AUTHORIZATION=SECRET)
        tested = program("-m", "pytest", "-q", "-p", "no:cacheprovider", "out/test_pytest.py", AUTHORIZATION=SECRET)
    with serving("--fixed") as target:
        fixed = grpcmock("replay", name, "--target", target, *given)
        passed = program(
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "out/test_pytest.py"),
            AUTHORIZATION=SECRET,
            GRPCMOCK_TARGET=target,
        )
    with mocking(Path("out/test_stub.py").rename("broken.yaml")) as target:
        mocked = grpcmock("replay", name, "--target", target, *given)
    assert (again.code, again.out.splitlines()[0]) == (1, f"failed  {name}  user.UserService/GetUser")
    assert "status    UNKNOWN: Unexpected <class 'KeyError'>: '${AUTHORIZATION}'" in again.out
    assert (anonymous.code, "give -H 'authorization: ${AUTHORIZATION}'" in anonymous.err) == (3, True)
    assert "not seen  GetUser is answered with UNAUTHENTICATED now" in anonymous.out
    assert (python[0], "status UNKNOWN" in python[1]) == (0, True), python[1]
    assert (tested[0], "1 failed" in tested[1]) == (1, True), tested[1]
    assert (fixed.code, fixed.out.splitlines()[0]) == (0, f"passed  {name}  user.UserService/GetUser")
    assert (passed[0], "1 passed" in passed[1]) == (0, True), passed[1]
    assert (mocked.code, "status    UNKNOWN" in mocked.out) == (1, True), mocked.err
    assert Path("out/test_grpcurl.py").read_text().startswith("grpcurl -plaintext -protoset ")
    assert "options=(-emit-defaults -plaintext -protoset .grpcmock/failures/" in Path("out/test_bash.py").read_text()
    assert 'DescriptorSourceFromProtoSets(".grpcmock/failures/' in Path("out/test_go.py").read_text()


def test_the_reports_are_whole_and_hold_no_secret(grpcmock: Run, project: Path) -> None:
    with serving() as target:
        name = fuzz(grpcmock, target)
    assert ET.parse("reports/run.junit").getroot().get("failures") == "1"
    lines = [json.loads(line) for line in Path("reports/run.ndjson").read_text().splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("started", "finished")
    assert [line["failure"]["id"] for line in lines if line["event"] == "failure_found"] == [name]
    assert name in Path("reports/run.html").read_text()
    written = [*Path("reports").iterdir(), *Path(".grpcmock/failures").iterdir()]
    assert len(written) == 6
    for path in written:
        assert b"hush" not in path.read_bytes(), path


def test_without_the_server_all_forms_but_the_stub_are_there(grpcmock: Run, project: Path) -> None:
    with serving() as target:
        name = fuzz(grpcmock, target)
    for path in Path("protos").iterdir():  # the descriptors were kept
        path.unlink()
    Path("protos").rmdir()
    assert grpcmock("export", name, "--as", "python").code == 0
    stub = grpcmock("export", name[:6], "--as", "stub")
    assert stub.code == 2
    assert "A stub holds the server's answers, so the server is asked again." in stub.err
    replayed = grpcmock("replay", f".grpcmock/failures/{name}.json", "--startup-timeout", "1s")
    assert replayed.code == 2
    assert "Nothing is listening" in replayed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay", "G102-000000"], ".grpcmock/failures holds none"),
        (["replay", "none.json"], "There is no file none.json."),
        (["replay", "bad.json"], "bad.json is not JSON"),
        (["export", "G102-000000"], "Missing option '--as'"),
        (["export", "G102-000000", "--as", "curl"], "'curl' is not one of"),
        (["explain", "info_leek"], "There is no check 'info_leek'. Did you mean 'info_leak'?"),
    ],
)
def test_wrong_usage_is_named(grpcmock: Run, words: list[str], said: str) -> None:
    Path("bad.json").write_text("{")
    result = grpcmock(*words)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_checks_are_explained(grpcmock: Run) -> None:
    from grpcmock.fuzz.checks.registry import all_checks

    by_name, by_code, listed = grpcmock("explain", "info_leak"), grpcmock("explain", "g103"), grpcmock("explain")
    assert by_name.out == by_code.out
    assert by_name.out.startswith("# G103 info_leak\n")
    assert len(listed.out.splitlines()) == len(all_checks())
