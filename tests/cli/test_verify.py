"""``grpcmock verify`` and ``grpcmock contract``: what they print, write, and exit with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from handmade import serve

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

SERVED = """
- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- {name: bob, method: user.UserService/GetUser, request: {id: 2}, response: {id: 2, name: Bob}}
"""

GOOD = SERVED
BAD = SERVED.replace("name: Alice", "name: Alicia")


@pytest.fixture
def address(project: Path) -> Iterator[str]:
    """A mock server with two users, and an admin service."""
    (project / "served.yaml").write_text(SERVED)
    thread = LoopThread()

    async def start() -> Host:
        host = Host(Files((project / "protos",), (project / "served.yaml",)), HostOptions(admin=AdminOptions()))
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    host = thread.run(start())
    yield str(host.addresses[0])
    thread.run(host.stop())
    thread.close()


@pytest.fixture
def stubs(project: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        (project / "stubs").mkdir(exist_ok=True)
        (project / "stubs" / "users.yaml").write_text(text)

    return write


def test_all_is_well(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs(GOOD)
    for protos in ([], ["protos"]):
        ran = grpcmock("verify", address, *protos)
        assert ran.code == 0, ran.err
        assert re.fullmatch(rf"2 passed of 2 stubs at {address}, in [\d.]+ s\.\n", ran.out)


def test_a_difference_is_shown_and_exits_with_1(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs(BAD)
    ran = grpcmock("verify", address)
    assert ran.code == 1
    assert ran.out.splitlines()[:6] == [
        "failed  alice  stubs/users.yaml:2",
        "  user.UserService/GetUser, unary",
        '  sent      {"id": 1}',
        '  received  {"id": 1, "name": "Alice"}',
        "            OK",
        '     response.name  expected "Alicia"  actual "Alice"',
    ]
    assert "1 passed, 1 failed of 2 stubs" in ran.out


def test_every_stub_is_told_of_when_asked_for(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs(GOOD + "- {name: mock, method: user.UserService/GetUser, verify: false, request: {id: 9}}")
    ran = grpcmock("verify", address, "-v")
    assert "passed  alice  stubs/users.yaml:2\n" in ran.out
    assert "skipped  mock  stubs/users.yaml:4\n  user.UserService/GetUser, unary\n  it says verify: false." in ran.out


def test_reports_are_written(grpcmock: Any, address: str, stubs: Any, project: Path) -> None:
    stubs(BAD + "- {name: mock, method: user.UserService/GetUser, verify: false, request: {id: 9}}")
    ran = grpcmock("verify", address, "--report", "junit=out/r.xml,json=out/r.json", "--report", "html=out/r.html")
    assert ran.code == 1
    suite = ET.fromstring((project / "out" / "r.xml").read_text()).find("testsuite")
    assert suite is not None
    assert [suite.get(key) for key in ("name", "tests", "failures", "skipped")] == ["stubs/users.yaml", "3", "1", "1"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == 'response.name: expected "Alicia", actual "Alice"'
    document = json.loads((project / "out" / "r.json").read_text())
    assert document["passed"] is False
    assert document["counts"]["failed"] == 1
    [alice] = [result for result in document["results"] if result["name"] == "alice"]
    assert alice["calls"][0]["findings"] == [{"path": "response.name", "expected": '"Alicia"', "actual": '"Alice"'}]
    page = (project / "out" / "r.html").read_text()
    for text in ("Verification", "failed", "response.name", "&#34;Alicia&#34;", "Passed"):
        assert text in page


def test_a_baseline_is_written_kept_and_settled(grpcmock: Any, address: str, stubs: Any, project: Path) -> None:
    stubs(BAD)
    assert "There is no baseline known.txt" in grpcmock("verify", address, "--baseline", "known.txt").err
    written = grpcmock("verify", address, "--baseline", "known.txt", "--write-baseline")
    assert written.code == 0
    assert "known.txt names 1 stub now." in written.out
    assert (project / "known.txt").read_text().splitlines()[-1] == "alice"
    ran = grpcmock("verify", address, "--baseline", "known.txt")
    assert ran.code == 0
    assert "pending  alice" in ran.out
    assert "1 passed, 1 pending of 2 stubs" in ran.out
    stubs(GOOD)
    assert "baseline: alice: it passes by now." in grpcmock("verify", address, "--baseline", "known.txt").err
    assert grpcmock("verify", address, "--write-baseline").code == 2


def test_a_hook_is_told(grpcmock: Any, address: str, stubs: Any, project: Path) -> None:
    stubs(GOOD.replace("request: {id: 1}", "request: {id: 1}, given: user 1 is Alice"))
    (project / "set_up.py").write_text("import sys\nopen('log', 'a').write(' '.join(sys.argv[1:]) + '\\n')\n")
    ran = grpcmock("verify", address, "--setup", f"{sys.executable} set_up.py")
    assert (ran.code, ran.err) == (0, "")
    assert (project / "log").read_text() == "setup user 1 is Alice\nteardown user 1 is Alice\n"
    (project / "states_of_cli_test.py").write_text("setup = {'user 2 is Bob': lambda: None}\n")
    ran = grpcmock("verify", address, "--setup", "states_of_cli_test:setup")
    assert ran.code == 1
    assert "error  alice" in ran.out
    assert "doesn't know the state 'user 1 is Alice'" in ran.out
    assert "1 could not be verified" in ran.out
    assert grpcmock("verify", address, "--setup", "a", "--setup-url", "http://x").code == 2


def test_stubs_can_be_chosen(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs(BAD)
    assert grpcmock("verify", address, "--only", "b*").code == 0
    assert "1 failed of 1 stub at" in grpcmock("verify", address, "--only", "alice").out
    ran = grpcmock("verify", address, "--only", "alic")
    assert (ran.code, ran.err) == (2, "error: There is no stub 'alic' to verify. Did you mean 'alice'?\n")


def test_metadata_is_sent_with_each_call(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs(GOOD)
    ran = grpcmock("verify", address, "-H", "authorization: Bearer s3cr3t", "-H", "x-a: b", "--report", "json=r.json")
    assert ran.code == 0
    text = Path("r.json").read_text()
    assert '"x-a"' in text
    assert "s3cr3t" not in text


# --- What bad input gets ----------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there(grpcmock: Any, stubs: Any) -> None:
    stubs(GOOD)
    for protos in ([], ["protos"]):
        ran = grpcmock("verify", "127.0.0.1:9", *protos)
        assert ran.code == 2
        assert "Nothing is listening on 127.0.0.1:9" in ran.err


DYING = """
import os, grpc
from concurrent import futures

def handle(data, context):
    if data == bytes([8, 2]):
        os._exit(1)
    return data

server = grpc.server(futures.ThreadPoolExecutor(1))
method = grpc.unary_unary_rpc_method_handler(handle)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("user.UserService", {"GetUser": method}),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


def test_a_server_that_goes_away_exits_with_2_and_writes_no_baseline(grpcmock: Any, stubs: Any, project: Path) -> None:
    stubs(
        "".join(
            f"- {{name: n{user}, method: user.UserService/GetUser, request: {{id: {user}}}}}\n" for user in (1, 2, 3)
        )
    )
    with subprocess.Popen([sys.executable, "-c", DYING], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        address = f"127.0.0.1:{server.stdout.readline().strip()}"
        options = "--concurrency", "1", "--baseline", "b.txt", "--write-baseline", "--report", "json=r.json"
        ran = grpcmock("verify", address, "protos", *options)
    assert ran.code == 2
    assert ran.err.startswith(f"error: {address} went away: ")
    assert ran.out.startswith(f"1 passed, 2 not run of 3 stubs at {address}, in ")
    assert not (project / "b.txt").exists()
    assert json.loads((project / "r.json").read_text())["passed"] is False


def test_a_server_without_reflection(grpcmock: Any, stubs: Any) -> None:
    stubs(GOOD)
    with serve(reflect=False) as server:
        ran = grpcmock("verify", server.address)
        assert ran.code == 2
        assert ran.err.endswith("Name the protos, then reflection isn't needed: grpcmock verify TARGET PROTOS.\n")
        assert grpcmock("verify", server.address, "protos").code == 1


def test_what_is_wrong_with_stubs_is_said_even_if_the_server_is_not_there(grpcmock: Any, stubs: Any) -> None:
    stubs("- {name: never, method: user.UserService/GetUser, request: {id: {$gt: 5, $lt: 6}}}")
    ran = grpcmock("verify", "127.0.0.1:9", "protos")
    assert ran.code == 1
    assert ran.err.startswith(
        "stubs/users.yaml:1:65: request.id: no request was found that satisfies the stub 'never': expected > 5 and < 6."
    )
    assert "1 problem" in ran.err


def test_a_method_that_the_server_does_not_have(grpcmock: Any, address: str, stubs: Any) -> None:
    stubs("- {method: user.UserService/GetUsr}")
    ran = grpcmock("verify", address)
    assert ran.code == 1
    assert "There is no method 'user.UserService/GetUsr'. Did you mean 'user.UserService/GetUser'?" in ran.err


def test_there_must_be_something_to_verify(grpcmock: Any, address: str, stubs: Any) -> None:
    ran = grpcmock("verify", address)
    assert (ran.code, "There is no directory stubs/ here" in ran.err) == (2, True)
    stubs("[]")
    ran = grpcmock("verify", address)
    assert (ran.code, "There is nothing to verify: stubs hold no stub." in ran.err) == (2, True)


# --- Contracts --------------------------------------------------------------------------------------------------------


def test_a_contract_is_exported_verified_and_imported(grpcmock: Any, address: str, project: Path) -> None:
    empty = grpcmock("contract", "export", address, "--consumer", "web")
    assert empty.code == 0
    assert empty.out.endswith("stubs:\n[]\n")
    call = ["call", address, "user.UserService/GetUser", "-d"]
    grpcmock(*call, '{"id": 1}')
    grpcmock(*call, '{"id": 9}')
    ran = grpcmock(
        "contract", "export", address, "protos", "--consumer", "web", "--provider", "users", "-o", "c/web.yaml"
    )
    assert ran.code == 0, ran.err
    assert ran.out == "c/web.yaml: 1 stub of web.\n"
    assert ran.err == "warning: left out: user.UserService/GetUser: no stub answered.\n"
    text = (project / "c" / "web.yaml").read_text()
    assert "name: alice" in text
    assert "bob" not in text
    (project / "app.yaml").write_text(text.replace("consumer: web", "consumer: app").replace("Alice", "Alicia"))
    ran = grpcmock("verify", address, "--contract", "c/web.yaml", "--contract", "app.yaml")
    assert ran.code == 1
    assert "the contract of web passed: 1 of 1\nthe contract of app failed: 1 of 1\n" in ran.out
    assert "failed  app: alice" in ran.out
    ran = grpcmock("contract", "import", "c/web.yaml", "app.yaml", "-o", "imported.yaml")
    assert ran.out == "imported.yaml: 2 stubs.\n"
    assert grpcmock("check", "--stubs", "imported.yaml").code == 0
    assert "app: alice" in (project / "imported.yaml").read_text()


def test_what_is_no_contract_is_said(grpcmock: Any, project: Path) -> None:
    (project / "x.yaml").write_text("stubs: []")
    ran = grpcmock("contract", "import", "x.yaml", "gone.yaml")
    assert ran.code == 1
    assert "A contract begins with `grpcmock-contract: 1`." in ran.err
    assert "gone.yaml" in ran.err
    assert "2 problems" in ran.err


def test_a_server_without_an_admin_service_exports_nothing(grpcmock: Any) -> None:
    ran = grpcmock("contract", "export", "127.0.0.1:9", "--consumer", "web")
    assert (ran.code, "Nothing is listening" in ran.err) == (2, True)
    assert grpcmock("contract", "export", "127.0.0.1:9").code == 2
    assert "--consumer" in grpcmock("contract", "export", "127.0.0.1:9").err
