"""Injection: what a client sends as text isn't run as SQL, as a command, as a path, as a template, as a line.

The checks look at cases of the injection phase alone: the first call says what is harmless, the others the same with
more to it. What that would do if it were run, they read from the request itself: the product of two numbers, a delay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

DATABASE_ERRORS: Mapping[str, re.Pattern[bytes]] = {
    engine: re.compile(pattern, re.IGNORECASE)
    for engine, pattern in {
        "SQLite": rb"near \"[^\"]*\": syntax error|unrecognized token: \"|sqlite3?\W.{0,40}incomplete input",
        "PostgreSQL": rb"syntax error at (?:or near|end of input)|unterminated quoted \w+ at or near"
        rb"|SQLSTATE:? ?\(?42601|psycopg2?\.errors\.SyntaxError|zero-length delimited identifier",
        "MySQL or MariaDB": rb"You have an error in your SQL syntax|\b1064 \(42000\)|\(1064, ",
        "SQL Server": rb"Unclosed quotation mark after the character string|Incorrect syntax near '",
        "Oracle": rb"ORA-(?:00907|00911|00921|00933|00936|01740|01756)|quoted string not properly terminated",
        "Db2": rb"SQL0(?:007|010|104)N|SQLCODE ?[=:] ?-(?:10|104)\b",
        "CockroachDB": rb"at or near \"[^\"]*\": syntax error|lexical error: unterminated string",
        "H2 or HSQLDB": rb"Syntax error in SQL statement|unexpected token: .{0,40} in statement",
        "ClickHouse": rb"DB::Exception: (?:Syntax error|Cannot parse)",
        "Cassandra": rb"Syntax error in CQL query|SyntaxException: line \d+:\d+",
        "Snowflake or BigQuery": rb"SQL compilation error|Syntax error: Unclosed string literal",
    }.items()
}
"""What a database says to SQL that it can't parse. Its other errors don't show that a text was part of a statement: a
value may well be no number, and parsers of filters have complaints of their own."""

_FILE = re.compile(rb"root:[^:\n]{0,64}:0:0:|; for 16-bit app support")
_PRODUCT = re.compile(rb"(\d{4}) ?\\?\*\s?(\d{4})")
_DELAY = re.compile(rb"sleep[ (](\d+\.\d+)|DELAY '0:0:(\d+\.\d+)'", re.IGNORECASE)
_MARK = re.compile(rb"x-grpcmock-[0-9a-f]{8}")

_EVEN = 0.1
_SLACK = 0.12
"""A delay may differ from what was asked for by such a part of it, and by so many seconds."""

Evidence = Callable[["Case", "CaseResult"], "tuple[str, Reply] | None"]
"""Returns what shows that a text was run, and the reply that shows it; None if nothing does."""


def _words_of_a_database(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    control, *others = result.replies
    before = _seen(control)
    for reply in others:
        for engine, words in DATABASE_ERRORS.items():
            found = words.search(_seen(reply))
            if found and not words.search(before):
                return f"the words of {engine}: {_shown(found[0])}", reply
    return None


def _condition(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    """See whether a condition that holds changes the answer, and one that doesn't leaves it, each time.

    A search for words can't do that: the second condition has all the words of the first one, and one more.
    """
    if len(result.replies) != 6:
        return None
    rounds = (result.replies[:3], result.replies[3:])
    if not all(b"=" in reply.call.messages[0] for replies in rounds for reply in replies[1:]):
        return None
    answers = {(_answer(none), _answer(false), _answer(true)) for none, false, true in rounds}
    if len(answers) != 1:
        return None
    ((none, false, true),) = answers
    if none != false or true == none or not rounds[0][2].is_ok:
        return None
    return "another answer where the condition holds, and none where it doesn't, twice", rounds[0][2]


def _delayed(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    """See whether the time that calls take is in proportion to what they ask for."""
    asked = [_delay_of(reply) for reply in result.replies]
    if len(asked) < 5 or not any(asked):
        return None
    if any(reply.termination is not Termination.SERVER for reply in result.replies):
        return None
    controls = [reply.seconds for reply, seconds in zip(result.replies, asked, strict=True) if not seconds]
    if not controls:
        return None
    usual = sum(controls) / len(controls)
    waited = [
        (reply, seconds, reply.seconds - usual) for reply, seconds in zip(result.replies, asked, strict=True) if seconds
    ]
    if len({seconds for _, seconds, _ in waited}) < 2 or max(controls) > min(seconds for _, seconds, _ in waited) / 2:
        return None
    times = max(round(min(extra / seconds for _, seconds, extra in waited)), 1)  # a text may be used more than once
    if any(abs(extra - times * seconds) > _SLACK + _EVEN * times * seconds for _, seconds, extra in waited):
        return None
    told = ", ".join(f"{reply.seconds:.2f} s for {seconds:g} s" for reply, seconds, _ in waited)
    return f"{told}, and {usual:.2f} s for none", waited[0][0]


def _delay_of(reply: Reply) -> float:
    found = _DELAY.search(reply.call.messages[0]) if reply.call.messages else None
    return float(found[1] or found[2]) if found else 0.0


def _file_content(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    control, *others = result.replies
    if _FILE.search(_seen(control)):
        return None
    for reply in others:
        if found := _FILE.search(_seen(reply)):
            return f"the content of a file: {_shown(found[0])}", reply
    return None


def _product(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    """See whether the product of two numbers came back, where only the numbers were sent, and of no others."""
    asked = [(reply, _product_of(reply)) for reply in result.replies]
    products = [(reply, number) for reply, number in asked if number]
    if len(products) < 2 or len(products) == len(asked):
        return None
    for reply, own in asked:
        seen = _seen(reply)
        if any((number.encode() in seen) != (number == own) for _, number in products):
            return None
    reply, number = products[0]
    return f"{number} in the answer, the product of the two numbers in the request", reply


def _product_of(reply: Reply) -> str:
    found = _PRODUCT.search(reply.call.messages[0]) if reply.call.messages else None
    return str(int(found[1]) * int(found[2])) if found else ""


def _own_line(case: Case, result: CaseResult) -> tuple[str, Reply] | None:
    for reply in result.replies:
        found = _MARK.search(reply.call.messages[0]) if reply.call.messages else None
        if found is None:
            continue
        mark = found[0].decode()
        if any(key.lower() == mark for key, _ in (*reply.headers, *reply.trailers)):
            return f"the key {mark} in the metadata of the answer", reply
        if any(line.startswith(mark) for line in re.split(r"\r?\n|\r", result.output)):
            return f"a line of its own in the server's log, which begins with {mark}", reply
    return None


def _seen(reply: Reply) -> bytes:
    """Return all that the server said."""
    values = [value if isinstance(value, bytes) else value.encode() for _, value in (*reply.headers, *reply.trailers)]
    return b"\n".join((reply.message.encode("utf-8", "replace"), *values, *reply.responses))


def _answer(reply: Reply) -> tuple[int, tuple[bytes, ...]]:
    return reply.code, reply.responses


def _shown(found: bytes) -> str:
    return repr(found.decode("utf-8", "replace"))[:100]


def _check(
    code: str, name: str, severity: Severity, title: str, expected: str, evidence: Sequence[Evidence], *also: str
) -> Check:
    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        del expectations
        if len(result.replies) < 2:
            return
        for see in evidence:
            if (found := see(case, result)) is not None:
                actual, reply = found
                yield Finding(
                    check=name,
                    expected=expected,
                    actual=f"{actual} ({said(reply)})",
                    path=case.path,
                    key=case.path,
                    timing_based=see is _delayed,
                )
                return

    return Check(
        code=code,
        name=name,
        severity=severity,
        title=title,
        evaluate=evaluate,
        targeted=True,
        tells_all=True,
        concerns_security=True,
        supersedes=frozenset({"unhandled_error", "info_leak", "slow_input", *also}),
    )


CHECKS = (
    _check(
        "G170",
        "sql_injection",
        Severity.CRITICAL,
        "What a client sends as text is never part of a statement of SQL.",
        "a text that is but a value to the database",
        (_words_of_a_database, _condition, _delayed),
    ),
    _check(
        "G171",
        "command_injection",
        Severity.CRITICAL,
        "What a client sends as text is never run by a shell.",
        "a text that no shell gets to see",
        (_product, _delayed),
    ),
    _check(
        "G172",
        "path_traversal",
        Severity.CRITICAL,
        "What a client sends as text leads to no file outside of those that it may have.",
        "NOT_FOUND or INVALID_ARGUMENT for a path that leads elsewhere",
        (_file_content,),
    ),
    _check(
        "G173",
        "template_injection",
        Severity.CRITICAL,
        "What a client sends as text is never evaluated as a template or expression.",
        "a text that is repeated as it is, or not at all",
        (_product,),
    ),
    _check(
        "G174",
        "line_injection",
        Severity.HIGH,
        "A line break in what a client sends begins no line of a log, and no header.",
        "line breaks that are escaped, or refused",
        (_own_line,),
    ),
)
