"""The checks of the wire level, each on replies that are right, wrong, or say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support import registry

from grpcmock.client.raw import RawEnd, RawOutcome
from grpcmock.fuzz.checks import parsing
from grpcmock.fuzz.checks import protocol as wire
from grpcmock.fuzz.checks.explain import body
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.wire.malformed import ELSEWHERE, MARK
from grpcmock.status import Code

CHECKS = (*wire.CHECKS, *parsing.CHECKS)
USERS = registry("user.proto")
GET, CREATE, LIST = (USERS.method(f"UserService/{name}") for name in ("GetUser", "CreateUsers", "ListUsers"))
CHECK_FUNCTIONS = {check.name: check.evaluate for check in CHECKS}
BAD = MARK + b"\x80"
WELL, GONE = Health(), Health(alive=False)


def user(**fields: Any) -> bytes:
    return GET.response_class(**fields).SerializeToString()


def judged(
    check: str,
    *ends: Any,
    method: Any = GET,
    rule: str = "",
    expect: Expect = Expect.ANY,
    health: Health = WELL,
    sent: bytes = b"",
    count: int = 1,
    targeted: bool = True,
    limit: int = 4 << 20,
) -> list[Finding]:
    """Judge a case of as many calls as there are *ends*: a code, (code, responses), or (code, responses, more). Each
    has *count* messages."""
    call = call_of(method, *[sent] * count)
    case = Case(
        id="wire/x",
        phase=Phase.WIRE,
        method=method,
        calls=(call,) * len(ends),
        why="a reason",
        rule=rule,
        expect=expect,
        targets=frozenset({check} if targeted else ()),
    )
    replies = []
    for end in ends:
        status, responses, *more = end if isinstance(end, tuple) else (end, ())
        fields: dict[str, Any] = {"termination": Termination.SERVER, **(more[0] if more else {})}
        replies.append(Reply(call=call, code=status, responses=tuple(responses), **fields))
    expectations = Expectations(registry=USERS, max_message_bytes=limit)
    return list(CHECK_FUNCTIONS[check](case, CaseResult(replies=tuple(replies), health=health), expectations))


def keys(findings: Sequence[Finding]) -> list[str]:
    return [f"{finding.key}?" if finding.is_warning else finding.key for finding in findings]


OK = (0, [user(id=1)])
TWO = {"rule": "requests.two", "count": 2}
NONE = {"rule": "requests.none", "count": 0}
BROKEN = {"expect": Expect.UNDECODABLE}
ELSEWHERE_TOO = {**BROKEN, "rule": ELSEWHERE}
UNKNOWN_AIO = (2, [], {"message": "Unexpected <class 'google.protobuf.message.DecodeError'>: x"})


@pytest.mark.parametrize(
    ("code", "ends", "more", "expected"),
    [
        # G106
        ("reserved_code", [17], {}, ["code"]),
        ("reserved_code", [-1], {}, ["code"]),
        ("reserved_code", [(2001, [], {"message": "chosen, with words"})], {}, ["code?"]),
        ("reserved_code", [(2, [], {"message": 'Server sent unknown code 99 and details ""'})], {}, ["code"]),
        ("reserved_code", [16], {}, []),
        # G111
        ("request_count", [OK, 12, OK], TWO, ["requests.two"]),
        ("request_count", [12, 12, OK], TWO, ["requests.two?"]),  # the other one tells nothing
        (
            "request_count",
            [5, 5, OK],
            TWO,
            ["requests.two?"],
        ),  # as lenient elsewhere: the library's doing
        ("request_count", [OK], TWO, ["requests.two?"]),
        ("request_count", [OK], NONE, ["requests.none"]),
        ("request_count", [12], TWO, []),
        ("request_count", [(4, [], {"termination": Termination.DEADLINE})], NONE, []),
        (
            "request_count",
            [OK, 12, (1, [b""], {"termination": Termination.ENOUGH})],
            TWO,
            ["requests.two"],
        ),
        ("request_count", [OK, 12, OK], {**TWO, "count": 1}, []),  # after the last call was made smaller
        # G115
        ("malformed_wire", [13], BROKEN, []),
        ("malformed_wire", [3], BROKEN, []),
        ("malformed_wire", [16], BROKEN, []),
        ("malformed_wire", [OK], BROKEN, ["accepted?"]),  # which a library may do
        ("malformed_wire", [5], BROKEN, ["accepted?"]),
        ("malformed_wire", [2], BROKEN, []),  # it may be what any request gets
        ("malformed_wire", [2, 2], BROKEN, []),
        ("malformed_wire", [OK, 2], BROKEN, ["unknown"]),
        ("malformed_wire", [OK, UNKNOWN_AIO], BROKEN, ["unknown?"]),
        ("malformed_wire", [OK], {**BROKEN, "rule": "framing.length"}, ["framing.length?"]),
        ("malformed_wire", [2], {**BROKEN, "rule": "framing.length"}, []),
        ("malformed_wire", [(14, [], {"termination": Termination.LOST})], {**BROKEN, "health": GONE}, ["crash"]),
        ("malformed_wire", [(13, [], {"termination": Termination.RESET})], BROKEN, []),
        # the first call is another method's: if that one is refused as it should be, no library says UNKNOWN
        ("malformed_wire", [3, UNKNOWN_AIO], ELSEWHERE_TOO, ["unknown"]),
        ("malformed_wire", [13, 2], ELSEWHERE_TOO, ["unknown"]),
        ("malformed_wire", [UNKNOWN_AIO], ELSEWHERE_TOO, []),  # with the other call left out
        ("malformed_wire", [UNKNOWN_AIO, UNKNOWN_AIO], ELSEWHERE_TOO, []),
        ("malformed_wire", [UNKNOWN_AIO, 13], ELSEWHERE_TOO, []),
        ("malformed_wire", [16, UNKNOWN_AIO], ELSEWHERE_TOO, []),
        # between them, a stream gets a good message: where it fails all the same, it wasn't for the bytes
        ("malformed_wire", [13, OK, 2], {**ELSEWHERE_TOO, "method": CREATE}, ["unknown"]),
        ("malformed_wire", [13, 2, 2], {**ELSEWHERE_TOO, "method": CREATE}, []),
        # on a stream: OK only counts where the calls before show that the message is read
        ("malformed_wire", [OK, OK, OK], {**BROKEN, "method": CREATE}, []),
        ("malformed_wire", [(0, [b""]), OK, (0, [b""])], {**BROKEN, "method": CREATE}, ["accepted?"]),
        ("malformed_wire", [OK, 5, 5], {**BROKEN, "method": CREATE}, []),
        # G116: the order is unusual, canonical, canonical, unusual, unusual
        ("tolerated_wire", [OK] * 5, {}, []),
        ("tolerated_wire", [3, OK, OK, 3, 3], {}, [""]),
        ("tolerated_wire", [OK, 5, 5, OK, 5], {}, []),
        ("tolerated_wire", [OK, 5, OK, OK, OK], {}, []),
        ("tolerated_wire", [OK, (0, [user(id=2)]), (0, [user(id=2)]), OK, OK], {}, [""]),
        ("tolerated_wire", [(0, [user(id=n)]) for n in range(5)], {}, []),
        ("tolerated_wire", [(0, [user(id=n // 2 % 2, name="a")]) for n in range(5)], {}, []),
        ("tolerated_wire", [3, OK, OK, 3, 3], {"rule": "wire.wrong_type"}, ["wire.wrong_type?"]),
        ("tolerated_wire", [(0, [user(id=1) + b"\x78\1"]), OK, OK, OK, OK], {}, []),
        # G117
        ("recursion_limit", [13], {"rule": "nesting.101"}, []),
        ("recursion_limit", [OK], {"rule": "nesting.1000"}, []),
        ("recursion_limit", [OK], {"rule": "nesting.20000"}, ["accepted?"]),
        ("recursion_limit", [2], {"rule": "nesting.101"}, []),
        ("recursion_limit", [OK, 2], {"rule": "nesting.101"}, ["unknown"]),
        (
            "recursion_limit",
            [(14, [], {"termination": Termination.LOST})],
            {"rule": "nesting.101", "health": GONE},
            ["crash"],
        ),
        # G118
        ("utf8", [OK], {**BROKEN, "sent": b"\x0a\x09" + BAD}, ["accepted?"]),
        ("utf8", [(3, [b"\x12\x09" + BAD])], {**BROKEN, "sent": b"\x0a\x09" + BAD}, ["echoed"]),
        ("utf8", [3], {**BROKEN, "sent": b"\x0a\x09" + BAD}, []),
        # G119
        ("size_limit", [OK, 8], {"rule": "size.over"}, []),
        ("size_limit", [OK, OK], {"rule": "size.over"}, ["accepted?"]),
        ("size_limit", [OK, 13], {"rule": "size.over"}, ["code"]),
        ("size_limit", [5, 5], {"rule": "size.over"}, ["accepted?"]),
        ("size_limit", [16, 16], {"rule": "size.over"}, []),
        ("size_limit", [OK, OK], {"rule": "size.under"}, []),
        ("size_limit", [OK, 8], {"rule": "size.under"}, ["under"]),
        ("size_limit", [8, 8], {"rule": "size.under"}, []),
        # G120
        ("compression", [OK, OK], {}, []),
        ("compression", [OK, 13], {"rule": "compression.gzip"}, ["compression.gzip"]),
        ("compression", [13, 13], {}, []),
        ("compression", [OK], {**BROKEN, "rule": "compression.bomb"}, ["compression.bomb"]),
        ("compression", [5], {**BROKEN, "rule": "compression.bomb"}, ["compression.bomb"]),
        ("compression", [8], {**BROKEN, "rule": "compression.bomb"}, []),
        ("compression", [13], {**BROKEN, "rule": "compression.garbage-gzip"}, []),
        ("compression", [(14, [], {"termination": Termination.LOST})], {**BROKEN, "health": GONE}, ["crash"]),
        # G121
        ("metadata", [OK, OK], {}, []),
        ("metadata", [OK, 16], {}, []),
        ("metadata", [OK, 2], {}, ["unhandled"]),
        ("metadata", [2, 2], {}, []),
        ("metadata", [13], BROKEN, []),
        ("metadata", [13], {**BROKEN, "health": GONE}, ["crash"]),
        # G144
        ("unimplemented", [12], {"rule": "unknown.case"}, []),
        ("unimplemented", [OK], {"rule": "unknown.case"}, ["unknown.case"]),
        ("unimplemented", [5], {"rule": "unknown.case"}, ["unknown.case"]),
        ("unimplemented", [16], {"rule": "unknown.case"}, []),
        ("unimplemented", [12], {"targeted": False}, ["declared?"]),
        ("unimplemented", [12], {"targeted": False, **BROKEN}, []),
        ("unimplemented", [OK], {"targeted": False}, []),
    ],
)
def test_verdicts(code: str, ends: list[Any], more: dict[str, Any], expected: list[str]) -> None:
    assert keys(judged(code, *ends, **more)) == expected


def _wire(**fields: Any) -> dict[str, Any]:
    return {"wire": RawOutcome(end=RawEnd.SERVER, seconds=0, **fields)}


def test_what_only_http2_shows() -> None:
    silent = _wire(headers=((":status", "200"),))
    assert keys(judged("reserved_code", (13, [], silent))) == ["none"]
    both = _wire(headers=((":status", "200"),), trailers=(("grpc-status", "5"),))
    assert keys(judged("reserved_code", (5, [user(id=1)], both))) == ["message"]
    assert keys(judged("reserved_code", (5, [b""], both))) == []
    assert keys(judged("reserved_code", (5, [user()], both), method=LIST)) == []
    fitting = _wire(headers=((":status", "200"), ("grpc-status", "12"), ("grpc-accept-encoding", "gzip")))
    assert keys(judged("compression", OK, (Code.UNIMPLEMENTED, [], fitting))) == []
    silent = _wire(headers=((":status", "200"), ("grpc-status", "12")))
    assert keys(judged("compression", OK, (Code.UNIMPLEMENTED, [], silent))) == ["silent?"]


def test_every_check_has_its_page() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS) == 11
    assert all(body(check) and check.title.endswith(".") for check in CHECKS)


def test_a_case_may_make_what_its_stream_names_before() -> None:
    """Only calls of its own method tell whether the server reads on."""
    setup, own = call_of(GET, b""), call_of(CREATE, b"\x80")
    case = Case(
        id="wire/x",
        phase=Phase.WIRE,
        method=CREATE,
        calls=(setup, setup, own),
        why="a reason",
        rule="utf8",
        expect=Expect.UNDECODABLE,
        targets=frozenset({"utf8"}),
    )
    replies = tuple(Reply(call=call, code=0, responses=(b"",), termination=Termination.SERVER) for call in case.calls)
    found = CHECK_FUNCTIONS["utf8"](case, CaseResult(replies=replies), Expectations(registry=USERS))
    assert keys(list(found)) == ["accepted?"]
