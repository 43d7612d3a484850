"""Tests of a contract as users write them: one item for each method, driven by Hypothesis, against real servers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Outside = Callable[..., Any]

HEAD = """
import pytest
from grpcmock import Contract
from servicers import Buggy, Plain, PlainBuggy, Users
from user_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server

contract = Contract.from_servicers(UserServiceServicer)

@pytest.fixture
def target(grpcmock_serve):
    return grpcmock_serve(Users())

@pytest.fixture(scope="module")
def plain(grpcmock_serve_session):
    return grpcmock_serve_session(Plain())

@pytest.fixture(scope="module")
def buggy(grpcmock_serve_session):
    return grpcmock_serve_session(Buggy())
"""
QUICK = ("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:anyio", "-p", "no:faker")
ASYNCIO = ("-p", "no:randomly", "-p", "no:anyio", "-p", "no:faker", "-o", "asyncio_mode=auto")


@pytest.fixture
def run_inside(inside: pytest.Pytester) -> Callable[..., tuple[dict[str, int], str]]:
    """Runs a test file in this process, which takes a fraction of the time; gives the outcomes and what was said."""

    def run(text: str, *arguments: str) -> tuple[dict[str, int], str]:
        inside.makepyfile(test_users=text)
        result = inside.runpytest(*arguments)
        return result.parseoutcomes(), str(result.stdout)

    return run


def test_servers_that_are_right_pass_for_all_four_kinds(run_inside: Any) -> None:
    text = """
@contract.parametrize(max_examples=20)
def test_users(case, target):
    answer = case.call_and_check(target)
    assert answer.code in ("OK", "NOT_FOUND", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "CANCELLED")

@contract.exclude("CreateUsers", "LookupUsers").parametrize(max_examples=20)
def test_synchronous(case, plain):
    case.call_and_check(plain)
"""
    outcomes, said = run_inside(HEAD + text, "-W", "error", "-v")
    assert outcomes == {"passed": 6}, said
    for name in ("CreateUsers", "GetUser", "ListUsers", "LookupUsers"):
        assert f"test_users.py::test_users[user.UserService/{name}] PASSED" in said


def test_bugs_are_found_in_all_four_kinds_and_shown_small(run_inside: Any, inside: pytest.Pytester) -> None:
    text = """
@contract.parametrize(max_examples=200, phases=["random"], seed=1)
def test_users(case, buggy):
    case.call_and_check(buggy)
"""
    outcomes, said = run_inside(HEAD + text)
    assert outcomes == {"failed": 4}, said
    assert "   grpcmock.ContractError: G102 unhandled_error (critical)  user.UserService/GetUser  G102-" in said
    assert re.search(r'request   GetUser: {"id": [12]\d\d\d}\n', said)
    assert "request   ListUsers: {}\n" in said
    assert "request   CreateUsers: {}\n" in said
    assert re.search(r'request   LookupUsers: {"id": -\d{1,3}}\n', said)
    assert "actual    UNKNOWN: Unexpected <class 'RuntimeError'>: boom" in said
    assert re.search(r"grpcurl -plaintext -d '{\"id\": \d+}' 127\.0\.0\.1:\d+ user\.UserService/GetUser\n", said)
    for internals in ("Failing test case", "_raise_to_user", "examiner.py", "errors_to_report", "Explanation"):
        assert internals not in said
    # What was found is kept for grpcmock replay and export.
    failure = re.search(r"G102-\w+", said)
    assert failure
    kept = json.loads((inside.path / ".grpcmock" / "failures" / f"{failure[0]}.json").read_text())
    assert kept["check"] == "unhandled_error"


REPLAY = """
from pathlib import Path
from click.testing import CliRunner
from grpcmock.cli import app

@contract.include("GetUser").parametrize(max_examples=200, phases=["random"], seed=1)
def test_found(case, buggy):
    case.call_and_check(buggy)

@pytest.mark.parametrize(("servicer", "code", "said"), [(Buggy, 1, "failed"), (Users, 0, "passed")])
def test_again(grpcmock_serve, servicer, code, said):
    (kept,) = Path(".grpcmock/failures").glob("G102-*.json")
    result = CliRunner().invoke(app.cli, ["replay", kept.stem, "--target", grpcmock_serve(servicer())])
    assert (result.exit_code, result.output.split()[0]) == (code, said), result.output
"""


def test_a_failure_is_made_again_on_a_server_without_reflection(run_inside: Any) -> None:
    outcomes, said = run_inside(HEAD + REPLAY)
    assert outcomes == {"failed": 1, "passed": 2}, said


def test_the_fixed_cases_are_shown_small_and_all_at_once(run_inside: Any) -> None:
    text = """
@contract.include("GetUser").parametrize(phases=["boundary"])
def test_users(case, buggy):
    case.call_and_check(buggy)

@contract.include("ListUsers").parametrize(phases=["boundary"])
def test_own_assertion(case, buggy):
    if case.request and case.request.page == -1:
        assert case.call(buggy).code == "OK", case.why
"""
    outcomes, said = run_inside(HEAD + text)
    assert outcomes == {"failed": 2}, said
    assert "phase     boundary: boundary/user.UserService/GetUser/id=max" in said
    assert "why       id is the greatest int32" in said
    (number,) = re.findall(r'request   GetUser: {"id": (\d+)}', said)
    assert 1000 < int(number) < 2048
    assert "AssertionError: page is -1" in said


ASYNC = """
import grpc

@pytest.fixture(params=[Users, Buggy])
async def own_loop(request):
    server = grpc.aio.server()
    add_UserServiceServicer_to_server(request.param(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)

@contract.include("GetUser").parametrize(max_examples=20, exclude_checks=["slow_input"])
async def test_users(case, own_loop):
    answer = await case.acall_and_check(own_loop)
    if case.is_valid and answer.code == "OK":
        assert all(user.name for user in answer.responses)

@contract.include("GetUser").parametrize(max_examples=1)
async def test_blocking(case, target):
    with pytest.raises(Exception, match="await case.acall"):
        case.call(target)
"""


def test_asyncio(outside: Outside) -> None:
    run = outside(*ASYNCIO, test_users=HEAD + ASYNC)
    assert run.outcomes == {"passed": 2, "failed": 1}, run.text
    assert re.search(r'request   GetUser: {"id": (1\d\d\d|20[0-4]\d)}', run.text)


def test_trio_by_anyio(outside: Outside) -> None:
    pytest.importorskip("trio")
    conftest = "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'trio'\n"
    text = """
@pytest.mark.anyio
@contract.include("GetUser").parametrize(phases=["random"], max_examples=20)
async def test_users(case, target):
    await case.acall_and_check(target)

@pytest.mark.anyio
@contract.include("GetUser").parametrize(max_examples=20)
async def test_buggy(case, buggy):
    await case.acall_and_check(buggy)
"""
    run = outside("-p", "no:asyncio", "-p", "no:randomly", "-p", "no:faker", conftest=conftest, test_users=HEAD + text)
    assert run.outcomes == {"passed": 1, "failed": 1}, run.text
    assert "G102 unhandled_error" in run.text


def test_ordinary_options_work_as_ever(outside: Outside, tmp_path: Path) -> None:
    """-n, --lf, -k, -x: items are items. --hypothesis-seed, profiles: examples are examples."""
    conftest = """
from hypothesis import settings

settings.register_profile("few", max_examples=5, database=None, phases=["explicit", "generate"])
"""
    text = """
@contract.parametrize(phases=["random"])
def test_users(case, request):
    with open("drawn.txt", "a") as drawn:
        drawn.write(f"{case!r}\\n")
    assert case.method.name in ("CreateUsers", "LookupUsers")
"""
    quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning", "-o", "cache_dir=cache", "-p", "cacheprovider")
    given = (*QUICK, *quiet, "--hypothesis-profile=few", "--hypothesis-seed=7")
    run = outside("-n", "2", *given, test_users=HEAD + text, conftest=conftest)
    assert run.outcomes == {"failed": 2, "passed": 2}, run.text
    assert "test_users[user.UserService/GetUser] - Assertion" in run.text
    concurrent = set((tmp_path / "drawn.txt").read_text().splitlines())
    (tmp_path / "drawn.txt").unlink()
    run = outside(*given, "--lf", "-x", "-k", "ListUsers")
    assert run.outcomes == {"failed": 1, "deselected": 1}, run.text
    drawn = (tmp_path / "drawn.txt").read_text().splitlines()
    assert drawn
    assert set(drawn) <= concurrent


def test_seeds_make_the_same_cases_and_others_do_not(run_inside: Any, inside: pytest.Pytester) -> None:
    text = """
from hypothesis import settings
from collections import defaultdict

drawn = defaultdict(list)

def trying(seed, name):
    few = settings(database=None, max_examples=8)

    @contract.include("LookupUsers").parametrize(phases=["random"], seed=seed, settings=few)
    def test(case):
        drawn[name].append(repr(case))
    return test

test_first, test_again, test_other = trying(7, "first"), trying(7, "again"), trying(8, "other")

def test_drawn():
    assert len(drawn["first"]) == 8
    assert drawn["first"] == drawn["again"] != drawn["other"]
"""
    outcomes, said = run_inside(HEAD + text)
    assert outcomes == {"passed": 4}, said


STUBS = """
from pathlib import Path
from grpcmock import MockServer

STUBS = '''
- name: alice
  method: user.UserService/GetUser
  given: user 1 is Alice
  request: {id: 1}
  response: {id: 1, name: Alice}
- name: nobody
  method: user.UserService/GetUser
  request: {id: {$gt: 100}}
  error: {code: NOT_FOUND}
- name: known not to hold
  method: user.UserService/GetUser
  request: {id: 2}
  response: {id: 2, name: Bob}
- name: a fault
  method: user.UserService/GetUser
  request: {id: 3}
  fault: {abort: UNAVAILABLE}
- name: pages
  method: user.UserService/ListUsers
  request: {page: 1}
  responses: [{id: 1}, {id: 2}, {id: 3}]
- name: created
  method: user.UserService/CreateUsers
  requests: {$size: 2}
  response: {created: 2}
'''
Path("users.yaml").write_text(STUBS)
Path("pending.txt").write_text("known not to hold\\n")
stubs = contract.stubs("users.yaml")
told = []
"""


def test_stubs_are_items_that_hold_a_server(run_inside: Any) -> None:
    text = """
def setup(words):
    told.append(words)
    yield
    told.append("undone")

@stubs.parametrize(setup=setup, baseline="pending.txt")
def test_stubs(case, target):
    case.verify(target)

def test_setup_was_told():
    assert told == ["user 1 is Alice", "undone"]

@stubs.parametrize(names=["a*ice"])
def test_unknown_state(case, target):
    with pytest.raises(AssertionError, match="doesn't know the state 'user 1 is Alice'"):
        case.verify(target, setup={"user 2 is Bob": print})
"""
    outcomes, said = run_inside(HEAD + STUBS + text, "-v", "-W", "error")
    assert outcomes == {"passed": 6, "xfailed": 1, "skipped": 1}, said
    assert "test_users.py::test_stubs[nobody] PASSED" in said


def test_a_stub_that_does_not_hold_says_where(run_inside: Any) -> None:
    text = """
import asyncio

@stubs.parametrize(names=["*hold", "pages"])
def test_stubs(case, target):
    asyncio.run(case.averify(target))

@contract.include("ListUsers").stubs("users.yaml").parametrize()
def test_few(case, target):
    assert case.method.name == "ListUsers"
"""
    outcomes, said = run_inside(HEAD + STUBS + text)
    assert outcomes == {"passed": 2, "failed": 1}, said
    assert '   response.name  expected "Bob"  actual "Alice"' in said


MISTAKES = """
import pytest
from grpcmock import ConfigError, Contract, SchemaError
from user_pb2_grpc import UserServiceServicer

contract = Contract.from_servicers(UserServiceServicer)

@pytest.mark.parametrize(("make", "said"), [
    (lambda: contract.include("GetUsr"), "Did you mean"),
    (lambda: contract.exclude("*"), "is left"),
    (lambda: contract.include(), "at least one pattern"),
    (lambda: Contract.from_servicers(int), "no generated servicer"),
    (lambda: Contract.from_servicers(), "needs a servicer class"),
    (lambda: contract.parametrize(phases=["bondary"]), "Did you mean 'boundary'"),
    (lambda: contract.parametrize(phases=["stateful"]), "state_machine"),
    (lambda: contract.parametrize(checks=["G999"]), "There is no check"),
    (lambda: contract.parametrize(allowed={"GetUsr": ["OK"]}), "Did you mean"),
    (lambda: contract.parametrize(allowed={"GetUser": ["NOTFOUND"]}), "NOT_FOUND"),
    (lambda: contract.parametrize()(lambda target: None), "has no argument 'case'"),
    (lambda: contract.stubs(), "at least one file"),
])
def test_mistakes_are_said_at_once(make, said):
    with pytest.raises((ConfigError, SchemaError), match=said):
        make()

@contract.include("GetUser").parametrize(phases=["random"], max_examples=1)
def test_out_of_reach(case):
    with pytest.raises(Exception, match="Nothing is listening on 127.0.0.1:9"):
        case.call("127.0.0.1:9")

@contract.include("GetUser").parametrize(phases=["random"], max_examples=1)
def test_no_address(case):
    with pytest.raises(ConfigError, match="is no server"):
        case.call(5)
"""


def test_mistakes(run_inside: Any) -> None:
    outcomes, said = run_inside(MISTAKES)
    assert outcomes == {"passed": 14}, said
