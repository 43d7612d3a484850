"""The judges of the wire level, each on replies that are right, wrong, or say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support import registry

from grpcmock.client.raw import RawEnd, RawOutcome
from grpcmock.fuzz.checks import parsing
from grpcmock.fuzz.checks import protocol as wire
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.wire.malformed import ELSEWHERE, MARK
from grpcmock.status import Code

CHECKS = (*wire.CHECKS, *parsing.CHECKS)
USERS = registry("user.proto")
GET, CREATE, LIST = (USERS.method(f"UserService/{name}") for name in ("GetUser", "CreateUsers", "ListUsers"))
JUDGES = {check.code: check.evaluate for check in CHECKS}
BAD = MARK + b"\x80"
WELL, GONE = Health(), Health(alive=False)


def user(**fields: Any) -> bytes:
    return GET.response_class(**fields).SerializeToString()


def judged(
    code: str,
    *ends: Any,
    method: Any = GET,
    rule: str = "",
    expect: Expect = Expect.ANY,
    health: Health = WELL,
    sent: bytes = b"",
    targeted: bool = True,
    limit: int = 4 << 20,
) -> list[Finding]:
    """Judge a case of as many calls as there are *ends*: a code, (code, responses), or (code, responses, more)."""
    call = call_of(method, sent)
    case = Case(
        id="wire/x",
        phase=Phase.WIRE,
        method=method,
        calls=(call,) * len(ends),
        why="a reason",
        rule=rule,
        expect=expect,
        targets=frozenset({code} if targeted else ()),
    )
    replies = []
    for end in ends:
        status, responses, *more = end if isinstance(end, tuple) else (end, ())
        fields: dict[str, Any] = {"termination": Termination.SERVER, **(more[0] if more else {})}
        replies.append(Reply(call=call, code=status, responses=tuple(responses), **fields))
    expectations = Expectations(registry=USERS, max_message_bytes=limit)
    return list(JUDGES[code](case, CaseResult(replies=tuple(replies), health=health), expectations))


def keys(findings: Sequence[Finding]) -> list[str]:
    return [f"{finding.key}?" if finding.is_warning else finding.key for finding in findings]


OK = (0, [user(id=1)])
BROKEN = {"expect": Expect.UNDECODABLE}
ELSEWHERE_TOO = {**BROKEN, "rule": ELSEWHERE}
UNKNOWN_AIO = (2, [], {"message": "Unexpected <class 'google.protobuf.message.DecodeError'>: x"})


@pytest.mark.parametrize(
    ("code", "ends", "more", "expected"),
    [
        # G106
        ("G106", [17], {}, ["code"]),
        ("G106", [-1], {}, ["code"]),
        ("G106", [(2, [], {"message": 'Server sent unknown code 99 and details ""'})], {}, ["code"]),
        ("G106", [16], {}, []),
        # G111
        ("G111", [OK, 12, OK], {"rule": "requests.two"}, ["requests.two"]),
        ("G111", [12, 12, OK], {"rule": "requests.two"}, ["requests.two?"]),  # the other one tells nothing
        ("G111", [5, 5, OK], {"rule": "requests.two"}, ["requests.two?"]),  # as lenient elsewhere: the library's doing
        ("G111", [OK], {"rule": "requests.two"}, ["requests.two?"]),
        ("G111", [OK], {"rule": "requests.none"}, ["requests.none"]),
        ("G111", [12], {"rule": "requests.two"}, []),
        ("G111", [(4, [], {"termination": Termination.DEADLINE})], {"rule": "requests.none"}, []),
        ("G111", [OK, 12, (1, [b""], {"termination": Termination.ENOUGH})], {"rule": "requests.two"}, ["requests.two"]),
        # G115
        ("G115", [13], BROKEN, []),
        ("G115", [3], BROKEN, []),
        ("G115", [16], BROKEN, []),
        ("G115", [OK], BROKEN, ["accepted"]),
        ("G115", [5], BROKEN, ["accepted"]),
        ("G115", [2], BROKEN, ["unknown"]),
        ("G115", [UNKNOWN_AIO], BROKEN, ["unknown?"]),
        ("G115", [OK], {**BROKEN, "rule": "framing.length"}, ["framing.length?"]),
        ("G115", [2], {**BROKEN, "rule": "framing.length"}, []),
        ("G115", [(14, [], {"termination": Termination.LOST})], {**BROKEN, "health": GONE}, ["crash"]),
        ("G115", [(13, [], {"termination": Termination.RESET})], BROKEN, []),
        # the first call is another method's: if that one is refused as it should be, no library says UNKNOWN
        ("G115", [3, UNKNOWN_AIO], ELSEWHERE_TOO, ["unknown"]),
        ("G115", [13, 2], ELSEWHERE_TOO, ["unknown"]),
        ("G115", [UNKNOWN_AIO, UNKNOWN_AIO], ELSEWHERE_TOO, []),
        ("G115", [UNKNOWN_AIO, 13], ELSEWHERE_TOO, []),
        ("G115", [16, UNKNOWN_AIO], ELSEWHERE_TOO, []),
        # on a stream: OK only counts where the calls before show that the message is read
        ("G115", [OK, OK, OK], {**BROKEN, "method": CREATE}, []),
        ("G115", [(0, [b""]), OK, (0, [b""])], {**BROKEN, "method": CREATE}, ["accepted"]),
        ("G115", [OK, 5, 5], {**BROKEN, "method": CREATE}, []),
        # G116: the order is odd, canonical, canonical, odd, odd
        ("G116", [OK] * 5, {}, []),
        ("G116", [3, OK, OK, 3, 3], {}, [""]),
        ("G116", [OK, 5, 5, OK, 5], {}, []),
        ("G116", [OK, 5, OK, OK, OK], {}, []),
        ("G116", [OK, (0, [user(id=2)]), (0, [user(id=2)]), OK, OK], {}, [""]),
        ("G116", [(0, [user(id=n)]) for n in range(5)], {}, []),
        ("G116", [(0, [user(id=n // 2 % 2, name="a")]) for n in range(5)], {}, []),
        ("G116", [3, OK, OK, 3, 3], {"rule": "wire.wrong_type"}, ["wire.wrong_type?"]),
        ("G116", [(0, [user(id=1) + b"\x78\1"]), OK, OK, OK, OK], {}, []),
        # G117
        ("G117", [13], {"rule": "nesting.101"}, []),
        ("G117", [OK], {"rule": "nesting.1000"}, []),
        ("G117", [OK], {"rule": "nesting.20000"}, ["accepted"]),
        ("G117", [2], {"rule": "nesting.101"}, ["unknown"]),
        ("G117", [(14, [], {"termination": Termination.LOST})], {"rule": "nesting.101", "health": GONE}, ["crash"]),
        # G118
        ("G118", [OK], {**BROKEN, "sent": b"\x0a\x09" + BAD}, ["accepted"]),
        ("G118", [(3, [b"\x12\x09" + BAD])], {**BROKEN, "sent": b"\x0a\x09" + BAD}, ["echoed"]),
        ("G118", [3], {**BROKEN, "sent": b"\x0a\x09" + BAD}, []),
        # G119
        ("G119", [OK, 8], {"rule": "size.over"}, []),
        ("G119", [OK, OK], {"rule": "size.over"}, ["accepted"]),
        ("G119", [OK, 13], {"rule": "size.over"}, ["code"]),
        ("G119", [5, 5], {"rule": "size.over"}, ["accepted"]),
        ("G119", [16, 16], {"rule": "size.over"}, []),
        ("G119", [OK, OK], {"rule": "size.under"}, []),
        ("G119", [OK, 8], {"rule": "size.under"}, ["under"]),
        ("G119", [8, 8], {"rule": "size.under"}, []),
        # G120
        ("G120", [OK, OK], {}, []),
        ("G120", [OK, 13], {"rule": "compression.gzip"}, ["compression.gzip"]),
        ("G120", [13, 13], {}, []),
        ("G120", [OK], {**BROKEN, "rule": "compression.bomb"}, ["compression.bomb"]),
        ("G120", [5], {**BROKEN, "rule": "compression.bomb"}, ["compression.bomb"]),
        ("G120", [8], {**BROKEN, "rule": "compression.bomb"}, []),
        ("G120", [13], {**BROKEN, "rule": "compression.garbage-gzip"}, []),
        ("G120", [(14, [], {"termination": Termination.LOST})], {**BROKEN, "health": GONE}, ["crash"]),
        # G121
        ("G121", [OK, OK], {}, []),
        ("G121", [OK, 16], {}, []),
        ("G121", [OK, 2], {}, ["unhandled"]),
        ("G121", [2, 2], {}, []),
        ("G121", [13], BROKEN, []),
        ("G121", [13], {**BROKEN, "health": GONE}, ["crash"]),
        # G144
        ("G144", [12], {"rule": "unknown.case"}, []),
        ("G144", [OK], {"rule": "unknown.case"}, ["unknown.case"]),
        ("G144", [5], {"rule": "unknown.case"}, ["unknown.case"]),
        ("G144", [16], {"rule": "unknown.case"}, []),
        ("G144", [12], {"aimed": False}, ["declared?"]),
        ("G144", [12], {"aimed": False, **BROKEN}, []),
        ("G144", [OK], {"aimed": False}, []),
    ],
)
def test_verdicts(code: str, ends: list[Any], more: dict[str, Any], expected: list[str]) -> None:
    assert keys(judged(code, *ends, **more)) == expected


def _wire(**fields: Any) -> dict[str, Any]:
    return {"wire": RawOutcome(end=RawEnd.SERVER, seconds=0, **fields)}


def test_what_only_http2_shows() -> None:
    silent = _wire(headers=((":status", "200"),))
    assert keys(judged("G106", (13, [], silent))) == ["none"]
    both = _wire(headers=((":status", "200"),), trailers=(("grpc-status", "5"),))
    assert keys(judged("G106", (5, [user()], both))) == ["message"]
    assert keys(judged("G106", (5, [user()], both), method=LIST)) == []
    fitting = _wire(headers=((":status", "200"), ("grpc-status", "12"), ("grpc-accept-encoding", "gzip")))
    assert keys(judged("G120", OK, (Code.UNIMPLEMENTED, [], fitting))) == []
    silent = _wire(headers=((":status", "200"), ("grpc-status", "12")))
    assert keys(judged("G120", OK, (Code.UNIMPLEMENTED, [], silent))) == ["silent?"]


def test_every_check_has_its_page() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS) == 11
    assert all(check.page and check.title.endswith(".") for check in CHECKS)
