"""What a server tells a stranger about its inside: stack traces, paths, SQL, pointers, panics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.engine.error_replies import MISS_KEY
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.status import DETAILS_KEY

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "a stack trace",
        re.compile(
            r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|goroutine \d+ \["
            r"|^\s+at [\w.$<>]+\([\w.]+:\d+\)|\.java:\d+\)|\.go:\d+ \+0x|stack backtrace:|^\s*#\d+ 0x[0-9a-f]+ in ",
            re.MULTILINE,
        ),
    ),
    (
        "the text of a panic",
        re.compile(r"panicked at|runtime error: |panic: |Segmentation fault|nil pointer dereference|SIGSEGV"),
    ),
    (
        "SQL",
        re.compile(
            r"\bSELECT\s.+\sFROM\s|\bINSERT\s+INTO\s|\bUPDATE\s+\S+\s+SET\s|\bDELETE\s+FROM\s|SQLSTATE|sqlite3?\.\w*Error"
            r"|no such (table|column)|psycopg2?\.|syntax error at or near|ORA-\d{5}|duplicate key value violates"
            r"|(UNIQUE|NOT NULL|FOREIGN KEY) constraint failed|pq: ",
            re.IGNORECASE,
        ),
    ),
    (
        "a file path",
        re.compile(
            r"(?<![\w.:/-])/(?:usr|home|var|etc|opt|srv|app|tmp|root|go|src|build|workspace|site-packages|proc|run|mnt|data"
            r"|Users|private)/[\w.@+-]+(?:/[\w.@+-]+)*|\b[A-Za-z]:\\[\w\\.-]+|\b[\w/-]+\.(?:py|go|rs|java|cc|cpp|rb|cs|kt):\d+"
        ),
    ),
    ("a pointer", re.compile(r"\b(?:object|instance) at 0x[0-9a-f]{6,}|\b0x[0-9a-f]{8,16}\b")),
)

_OFTEN = 4096


def _info_leak(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        if _is_miss(reply):
            continue
        for place, text in _texts(reply, expectations):
            for what, sign in _signs_in(text):
                if _was_sent(sign, reply):
                    continue
                yield Finding(
                    check="info_leak",
                    expected="words for the caller, and nothing of the server's inside",
                    actual=f"{what} in {place}: {_around(text, sign)}",
                    path=place,
                    key=f"{what} in {place}",
                    method=reply.call.method,
                )
                return


def _is_miss(reply: Reply) -> bool:
    """Whether a mock says that it has no stub for the call: it names the files of stubs, and means to."""
    return any(key == MISS_KEY for key, _ in reply.trailers)


def _texts(reply: Reply, expectations: Expectations) -> Iterator[tuple[str, str]]:
    if reply.code and reply.message and not reply.debug:
        yield "the status message", reply.message
    elif (told := with_meant_status(reply)) is not reply:
        yield "the error in the response", told.message
    for key, value in reply.trailers:
        if key == DETAILS_KEY:
            yield from _details(reply, expectations)
        elif isinstance(value, str):
            yield f"the trailer {key}", value
        else:
            yield f"the trailer {key}", value.decode("utf-8", "replace")


def _details(reply: Reply, expectations: Expectations) -> Iterator[tuple[str, str]]:
    rich = decode_details(reply.trailers, expectations.registry)
    if rich is None:
        return
    yield "the status details", rich.message
    for detail in rich.details:
        tree = detail.tree()
        if detail.type_name == "google.rpc.DebugInfo" and tree.get("stackEntries", tree.get("stack_entries")):
            yield (
                "the DebugInfo",
                'File "…", line 0: ' + " ".join(map(str, tree.get("stackEntries") or tree["stack_entries"])),
            )
        yield f"the {detail.type_name.rpartition('.')[2]}", "\n".join(_strings(tree))


def _strings(tree: object) -> Iterator[str]:
    match tree:
        case str():
            yield tree
        case dict():
            for key, value in tree.items():
                if key != "@type":
                    yield from _strings(value)
        case list():
            for value in tree:
                yield from _strings(value)


@lru_cache(_OFTEN)
def _signs_in(text: str) -> tuple[tuple[str, str], ...]:
    """Give what is wrong with a text, and the sign of it. Servers say the same few things over and over."""
    return tuple((what, found[0]) for what, pattern in _SIGNS if (found := pattern.search(text)))


def _was_sent(sign: str, reply: Reply) -> bool:
    """Whether the sign was in the request: an echo gives nothing away, even in JSON or as a literal."""
    sign = sign.strip(" \n.,:;'\"")
    call = reply.call
    sent = [*call.messages, *(v if isinstance(v, bytes) else v.encode() for _, v in call.metadata)]
    if call.raw is not None:
        sent += [b"".join(call.raw.chunks), *(value.encode() for _, value in call.raw.headers)]
    for written in (sign, sign.replace("\\\\", "\\")):
        needle = written.encode("utf-8", "replace")
        if any(needle in data for data in sent):
            return True
    return False


def _around(text: str, sign: str) -> str:
    start = max(text.find(sign) - 30, 0)
    return repr(text[start : start + 160])


CHECKS = (
    Check(
        code="G103",
        name="info_leak",
        severity=Severity.HIGH,
        title="No status, detail or trailer shows a stack trace, file path, SQL, pointer or panic.",
        concerns_security=True,
        evaluate=_info_leak,
    ),
)
