"""Each check checks from what was tried and seen alone: no network, a table of what it must say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2
from support import registry

from benchmarks.mutants.schema import registry as directory
from grpcmock.client.raw import RawRequest
from grpcmock.errors import ConfigError
from grpcmock.fuzz.checks.registry import all_checks, chosen_checks, find_check
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.status import DETAILS_KEY, Code

PROTOS = registry("user.proto")
GET = PROTOS.method("user.UserService/GetUser")
LIST = PROTOS.method("user.UserService/ListUsers")
CHAT = PROTOS.method("user.UserService/LookupUsers")
CREATE = PROTOS.method("user.UserService/CreateUsers")
LEND = next(one for one in registry("library.proto").methods.values() if one.name == "LendBook")
LOAD = registry("gauges.proto").method("gauges.Gauges/GetLoad")
DEEP = b"\x7b" * 101 + b"\x7c" * 101
TERMS = Expectations(registry=PROTOS)
USER = GET.response_class(id=1, name="Ann").SerializeToString()


SENT_RAW = Call(
    path=GET.path,
    method=GET,
    actions=(),
    raw=RawRequest(headers=(), chunks=(b"\0\0\0\0\x1a\x12", b"\x18/var/lib/app/users.db")),
)


def case(*calls: Any, method: Any = GET, **more: Any) -> Case:
    return Case(id="t", phase=Phase.BOUNDARY, method=method, calls=calls or (call_of(method, b""),), why="", **more)


def reply(code: Code = Code.OK, message: str = "", *, method: Any = GET, call: Any = None, **more: Any) -> Reply:
    given = {
        "termination": Termination.SERVER,
        "responses": (USER,) if code is Code.OK else (),
        "seconds": 0.01,
        **more,
    }
    return Reply(call=call or call_of(method, b""), code=code, message=message, **given)


def details(code: int, message: str, *packed: Any) -> tuple[tuple[str, bytes], ...]:
    status = status_pb2.Status(code=code, message=message)
    for one in packed:
        status.details.add().Pack(one)
    return ((DETAILS_KEY, status.SerializeToString()),)


def bad_request(field: str) -> Any:
    wrong = error_details_pb2.BadRequest()
    wrong.field_violations.add(field=field, description="is wrong")
    return wrong


def found(tried: Case, *replies: Reply, expectations: Expectations = TERMS, **health: Any) -> dict[str, str]:
    suite = CheckSuite(all_checks(), expectations)
    result = CaseResult(replies=replies, health=Health(**health))
    return {finding.code: finding.actual for finding in suite.evaluate(tried, result) if not finding.is_warning}


def numbered(number: int, name: str = "Ann") -> Reply:
    return reply(responses=(GET.response_class(id=number, name=name).SerializeToString(),))


def load(**values: int) -> Reply:
    answer = LOAD.response_class(server="a", **values)
    return reply(method=LOAD, call=call_of(LOAD, b""), responses=(answer.SerializeToString(),))


INVALID = reply(Code.INVALID_ARGUMENT, "id is wrong")
THREE = reply(responses=(USER,) * 3, method=LIST)
UNREAD = replace(call_of(LIST, b""), unread=0.3)
SLOW_READING = case(method=LIST, targets=frozenset({"long_stream"}))
CASES: dict[str, tuple[set[str], Case, list[Reply], dict[str, Any]]] = {
    "all is well": (set(), case(), [reply()], {}),
    "a refusal is no fault": (set(), case(), [INVALID], {}),
    "UNKNOWN": ({"G102"}, case(), [reply(Code.UNKNOWN, "KeyError: 'x'")], {}),
    "INTERNAL": ({"G102"}, case(), [reply(Code.INTERNAL, "oops")], {}),
    "a reset stream": ({"G102"}, case(), [reply(Code.INTERNAL, "RST_STREAM", termination=Termination.RESET)], {}),
    "UNKNOWN for bytes that are none": (set(), case(expect=Expect.UNDECODABLE), [reply(Code.INTERNAL)], {}),
    "a lost connection": (
        {"G101"},
        case(),
        [reply(Code.UNAVAILABLE, "Socket closed", termination=Termination.LOST)],
        {},
    ),
    "a dead server": ({"G101"}, case(), [reply()], {"alive": False}),
    "an exit code": ({"G101"}, case(), [reply()], {"exit_code": -11}),
    "the empty request": ({"G112"}, case(targets=frozenset({"empty_request"})), [reply(Code.UNKNOWN)], {}),
    "an absent part": ({"G113"}, case(targets=frozenset({"empty_parts"})), [reply(Code.UNKNOWN)], {}),
    "an undeclared number": ({"G114"}, case(targets=frozenset({"open_enum"})), [reply(Code.INTERNAL)], {}),
    "a traceback": ({"G103"}, case(), [reply(Code.NOT_FOUND, 'Traceback (most recent call last):\n File "a.py"')], {}),
    "SQL": ({"G103"}, case(), [reply(Code.NOT_FOUND, "SELECT id FROM users WHERE id = 1")], {}),
    "a file": ({"G103"}, case(), [reply(Code.NOT_FOUND, "no file /var/lib/app/users.db")], {}),
    "a file that a raw request names": (
        set(),
        case(),
        [reply(Code.NOT_FOUND, "no file /var/lib/app/users.db", call=SENT_RAW)],
        {},
    ),
    "a panic": ({"G103"}, case(), [reply(Code.ABORTED, "panicked at 'index out of bounds'")], {}),
    "a pointer": ({"G103"}, case(), [reply(Code.NOT_FOUND, "<User object at 0x7f00deadbeef>")], {}),
    "a trailer": ({"G103"}, case(), [reply(trailers=(("x-debug", "goroutine 12 [running]"),))], {}),
    "a mock's miss": (
        set(),
        case(),
        [reply(Code.UNIMPLEMENTED, "No stub: /home/x/stubs/a.yaml:3", trailers=(("grpcmock-miss", "1"),))],
        {},
    ),
    "a resource name": (set(), case(), [reply(Code.NOT_FOUND, "There is no users/ann/notes/x.")], {}),
    "a name that begins with a slash": (set(), case(), [reply(Code.NOT_FOUND, "There is no /users/ann.")], {}),
    "two responses": ({"G110"}, case(), [reply(responses=(USER, USER))], {}),
    "no response": ({"G110"}, case(), [reply(responses=())], {}),
    "none from a stream": (set(), case(method=LIST), [reply(responses=(), method=LIST)], {}),
    "bytes that are none": ({"G122"}, case(), [reply(responses=(b"\x0a\xff",))], {}),
    "text that is no UTF-8": ({"G122"}, case(), [reply(responses=(b"\x12\x02\xff\xfe",))], {}),
    "an unknown field": ({"G122"}, case(), [reply(responses=(USER + b"\x78\x01",))], {}),
    "an unknown field that was sent": (
        set(),
        case(),
        [reply(call=call_of(GET, b"\x78\x01"), responses=(USER + b"\x78\x01",))],
        {},
    ),
    "bytes that are none, as they were sent": (
        set(),
        case(expect=Expect.UNDECODABLE),
        [reply(call=call_of(GET, DEEP + b"\x08\x01"), responses=(USER + DEEP,))],
        {},
    ),
    "a broken rule, taken": ({"G125"}, case(expect=Expect.REFUSED, rule="int32.gt"), [reply()], {}),
    "a broken rule, refused": (set(), case(expect=Expect.REFUSED, rule="int32.gt"), [INVALID], {}),
    "a broken rule, refused for another reason": (set(), case(expect=Expect.REFUSED), [reply(Code.NOT_FOUND)], {}),
    "valid without rules, refused: warning": (set(), case(expect=Expect.ACCEPTED), [INVALID], {}),
    "slow": ({"G108"}, case(), [reply(seconds=1.5)], {}),
    "slow, but asked to wait": (
        set(),
        case(call_of(GET, b"", deadline=9)),
        [reply(call=call_of(GET, b"", deadline=9), seconds=1.5)],
        {},
    ),
    "slow, as the request says": (
        set(),
        case(method=LEND),
        [reply(call=call_of(LEND, b"\x1a\x02\x08\x02"), responses=(b"",), seconds=2.1)],
        {},
    ),
    "details that agree": (
        set(),
        case(),
        [reply(Code.INVALID_ARGUMENT, "m", trailers=details(3, "m", bad_request("id")))],
        {},
    ),
    "details that say another code": (
        {"G105"},
        case(),
        [reply(Code.INVALID_ARGUMENT, "m", trailers=details(13, "m"))],
        {},
    ),
    "details that say other words": (
        {"G105"},
        case(),
        [reply(Code.INVALID_ARGUMENT, "m", trailers=details(3, "n"))],
        {},
    ),
    "details about no field": (
        {"G105"},
        case(),
        [reply(Code.INVALID_ARGUMENT, "m", trailers=details(3, "m", bad_request("idd")))],
        {},
    ),
    "details that are none": ({"G105"}, case(), [reply(Code.ABORTED, trailers=((DETAILS_KEY, b"\x0a\xff"),))], {}),
    "an empty stream that hangs": (
        {"G137"},
        case(method=CHAT, targets=frozenset({"empty_stream"})),
        [reply(Code.DEADLINE_EXCEEDED, method=CHAT, termination=Termination.DEADLINE)],
        {},
    ),
    "half-close without end": (
        {"G139"},
        case(call_of(CHAT, b"", deadline=1.0), method=CHAT, targets=frozenset({"half_close"})),
        [reply(Code.DEADLINE_EXCEEDED, call=call_of(CHAT, b"", deadline=1.0), termination=Termination.DEADLINE)],
        {},
    ),
    "other answers at once": (
        {"G149"},
        case(targets=frozenset({"concurrency"}), repeat=3, concurrent=True),
        [reply(), reply(responses=(b"",)), reply()],
        {},
    ),
    "another number at once": (
        {"G149"},
        case(targets=frozenset({"concurrency"}), repeat=3, concurrent=True),
        [numbered(1), numbered(2), numbered(1)],
        {},
    ),
    "a number that goes up": (
        set(),
        case(targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [numbered(1), numbered(2), numbered(3), numbered(4)],
        {},
    ),
    "a number that goes up, and another text at once": (
        {"G149"},
        case(targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [numbered(1), numbered(2), numbered(3, "Bob"), numbered(4)],
        {},
    ),
    "a text that is new each time": (
        set(),
        case(targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [numbered(1, "a"), numbered(1, "b"), numbered(1, "c"), numbered(1, "d")],
        {},
    ),
    "an error where all changes by itself": (
        {"G149"},
        case(targets=frozenset({"concurrency"}), repeat=3, concurrent=True),
        [numbered(1, "a"), reply(Code.NOT_FOUND), numbered(2, "b")],
        {},
    ),
    "what counts what is going on": (
        set(),
        case(call_of(LOAD, b""), method=LOAD, targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [load(calls_started=1), load(calls_started=3), load(calls_started=2), load(calls_started=1)],
        {},
    ),
    "a number that counts nothing": (
        {"G149"},
        case(call_of(LOAD, b""), method=LOAD, targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [load(capacity=1), load(capacity=3), load(capacity=2), load(capacity=1)],
        {},
    ),
    "a call that the machine had no time for": (
        set(),
        case(call_of(CHAT, b"", deadline=1.0), method=CHAT, targets=frozenset({"half_close", "empty_stream"})),
        [reply(Code.DEADLINE_EXCEEDED, call=call_of(CHAT, b"", deadline=1.0), termination=Termination.STARVED)],
        {},
    ),
    "the same answers at once": (
        set(),
        case(targets=frozenset({"concurrency"}), repeat=4, concurrent=True),
        [reply(), reply(), reply(Code.RESOURCE_EXHAUSTED), reply()],
        {},
    ),
    "files that stay open": (
        {"G147"},
        case(targets=frozenset({"memory_growth"}), repeat=100),
        [reply()],
        {"descriptors": (10, 30, 50, 70, 90, 110)},
    ),
    "files that are closed": (
        set(),
        case(targets=frozenset({"memory_growth"}), repeat=100),
        [reply()],
        {"descriptors": (10, 30, 30, 31, 30, 30)},
    ),
    "a slow reader that gets less": (
        {"G138"},
        SLOW_READING,
        [
            THREE,
            reply(responses=(USER,), call=UNREAD),
            THREE,
        ],
        {},
    ),
    "readers that each get what there is by now": (
        set(),
        SLOW_READING,
        [
            THREE,
            reply(responses=(USER,), call=UNREAD),
            replace(THREE, responses=(USER,) * 2),
        ],
        {},
    ),
    "a slow reader that is left without a status": (
        {"G138"},
        SLOW_READING,
        [reply(method=LIST), reply(Code.UNKNOWN, "queue.Full", call=UNREAD), reply(method=LIST)],
        {},
    ),
    "a slow reader that is refused": (
        set(),
        SLOW_READING,
        [reply(method=LIST), reply(Code.RESOURCE_EXHAUSTED, "too slow", call=UNREAD), reply(method=LIST)],
        {},
    ),
    "what waits for a slow reader": (
        {"G138"},
        SLOW_READING,
        [reply(method=LIST), reply(Code.CANCELLED, termination=Termination.CANCELLED, call=UNREAD), reply(method=LIST)],
        {"memory": (50 << 20, 150 << 20)},
    ),
    "a cancel after which nothing works": (
        {"G109"},
        case(targets=frozenset({"cancellation_honored"})),
        [
            reply(),
            reply(Code.CANCELLED, termination=Termination.CANCELLED),
            reply(Code.DEADLINE_EXCEEDED, termination=Termination.DEADLINE, call=call_of(GET, b"", deadline=1.0)),
        ],
        {},
    ),
    "work that went on past its deadline": (
        {"G107"},
        case(targets=frozenset({"deadline_honored"})),
        [
            reply(responses=(b"",)),
            reply(
                Code.DEADLINE_EXCEEDED, termination=Termination.DEADLINE, call=call_of(GET, b"\x08\x01", deadline=0.03)
            ),
            reply(),
        ],
        {},
    ),
    "what changes by itself while reads are cut short": (
        set(),
        case(targets=frozenset({"deadline_honored"})),
        [
            reply(responses=(b"",)),
            reply(Code.DEADLINE_EXCEEDED, termination=Termination.DEADLINE, call=call_of(GET, b"", deadline=0.03)),
            reply(),
        ],
        {},
    ),
    "a bound on the wrong side": (
        {"G127"},
        case(call_of(GET, b""), call_of(GET, b"\x08\x01"), targets=frozenset({"boundary_pair"}), expect=Expect.REFUSED),
        [reply(), reply(call=call_of(GET, b"\x08\x01"))],
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_checks_say(name: str) -> None:
    codes, tried, replies, health = CASES[name]
    assert set(found(tried, *replies, **health)) == codes


def test_a_message_with_an_error_of_a_single_response_method() -> None:
    failed = reply(Code.NOT_FOUND, responses=(USER,), method=CREATE)
    assert "G140" in found(case(method=CREATE), failed)


@pytest.mark.parametrize(
    ("sent", "said"),
    [("/etc/passwd/x", "There is no /etc/passwd/x."), ("C:\\x", 'There is no {"name": "C:\\\\x"}.')],
)
def test_what_was_sent_is_no_leak(sent: str, said: str) -> None:
    call = call_of(GET, GET.response_class(name=sent).SerializeToString())
    assert found(case(call), reply(Code.NOT_FOUND, said, call=call)) == {}


@pytest.mark.parametrize(
    ("allowed", "documented", "expected"),
    [
        ({"user.UserService/GetUser": frozenset({5})}, {}, {"G104"}),
        ({"*": frozenset({15})}, {}, set()),
        ({}, {"user.UserService/GetUser": frozenset({5})}, {"G104"}),
        ({}, {"user.UserService/GetUser": frozenset({15})}, set()),
        ({}, {}, set()),  # nothing is said of the method: warning at most
    ],
)
def test_statuses_that_the_contract_allows(allowed: Any, documented: Any, expected: set[str]) -> None:
    expectations = replace(TERMS, allowed=allowed, documented=documented)
    assert set(found(case(), reply(Code.DATA_LOSS, "gone"), expectations=expectations)) == expected


def test_an_error_in_the_body_counts_like_a_status() -> None:
    expectations = replace(TERMS, status_fields={GET.full_name: "id"})
    unknown = GET.response_class(id=2).SerializeToString()
    refused = GET.response_class(id=3).SerializeToString()
    assert set(found(case(), reply(responses=(unknown,)), expectations=expectations)) == {"G150"}
    assert found(case(expect=Expect.REFUSED), reply(responses=(refused,)), expectations=expectations) == {}


def test_a_stream_without_an_end_is_one_fault_however_it_is_seen() -> None:
    suite = CheckSuite(all_checks(), TERMS)
    ended = reply(method=CREATE, seconds=3.0, termination=Termination.DEADLINE, responses=(), call=call_of(CREATE))
    causes = set()
    for targets in (frozenset({"empty_stream"}), frozenset({"malformed_wire"})):
        tried = case(ended.call, method=CREATE, targets=targets, expect=Expect.ANY)
        (finding,) = suite.evaluate(tried, CaseResult(replies=(ended,)))
        causes.add((finding.code, *finding.causes[-1:]))
    assert causes == {(code, f"{CREATE.path} doesn't end") for code in ("G108", "G137")}


def test_time_that_explodes_with_the_input() -> None:
    calls = [call_of(GET, b"x" * size) for size in (100, 200, 400, 800)]

    def seen(*seconds: float) -> set[str]:
        replies = [reply(call=call, seconds=taken) for call, taken in zip(calls, seconds, strict=True)]
        return set(found(case(*calls, targets=frozenset({"slow_input"}), expect=Expect.ANY), *replies))

    assert seen(0.01, 0.04, 0.16, 0.64) == {"G108"}
    assert seen(0.01, 0.02, 0.04, 0.08) == set()
    assert seen(0.0001, 0.0004, 0.0016, 0.0064) == set()  # too fast to tell


def test_checks_are_chosen_by_code_name_and_pattern() -> None:
    assert [check.code for check in chosen_checks(["g102", "info_leak"])] == ["G102", "G103"]
    assert {check.name for check in chosen_checks(["*_stream"])} == {"empty_stream", "long_stream"}
    assert "G102" not in {check.code for check in chosen_checks((), ["unhandled_error"])}
    with pytest.raises(ConfigError, match="Did you mean 'unhandled_error'"):
        find_check("unhandled_eror")
    with pytest.raises(ConfigError, match="No check fits"):
        chosen_checks(["X*"])


def test_every_check_has_its_words() -> None:
    codes = [check.code for check in all_checks()]
    assert len(codes) == len(set(codes))
    assert all(check.title.endswith(".") and check.name.isidentifier() for check in all_checks())


@pytest.mark.parametrize(
    ("message", "limit", "expected"),
    [
        ("SERVER: Received message larger than max (17008 vs. 16384)", 4 << 20, {"G119"}),
        ("grpc: received message larger than max (17008 vs. 16384)", 4 << 20, {"G119"}),
        ("gRPC message exceeds maximum size 16384: 17008", 4 << 20, {"G119"}),
        ("SERVER: Received message larger than max (17008 vs. 16384)", 16_384, set()),  # as the server was said to do
        ("CLIENT: Received message larger than max (17008 vs. 16384)", 4 << 20, set()),  # that is our own limit
        ("SERVER: Sent message larger than max (17008 vs. 16384)", 4 << 20, set()),
        ("grpc: received message larger than max (99999 vs. 16384)", 4 << 20, set()),  # what a server behind it says
        ("A batch of 1000 is larger than max 100.", 4 << 20, set()),
        ("no quota", 4 << 20, set()),
    ],
)
def test_what_is_within_the_limit_is_not_too_large(message: str, limit: int, expected: set[str]) -> None:
    method = directory().method("directory.v1.NoteService/CreateNote")
    call = call_of(method, method.request_class(note={"attachment": b"a" * 17_000}).SerializeToString())
    assert len(call.messages[0]) == 17_008
    expectations = Expectations(registry=directory(), max_message_bytes=limit)
    refused = reply(Code.RESOURCE_EXHAUSTED, message, method=method, call=call)
    for expect in (Expect.ACCEPTED, Expect.ANY):
        assert set(found(case(call, method=method, expect=expect), refused, expectations=expectations)) == expected
