"""What a run has covered of the contract, as sections of its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.fuzz.coverage.collector import LEFT
from grpcmock.fuzz.coverage.totals import WHAT, shares, totals
from grpcmock.reports.html import Badge, Block, Fold, Inline, Meter, Mono, Section, Table, Text

if TYPE_CHECKING:
    from grpcmock.fuzz.coverage.collector import MethodCoverage
    from grpcmock.fuzz.reporting.history import History

_DETAILED = 300
"""So many methods are shown field by field."""

_YES, _NO = Badge("✓", "good"), Badge("–", "plain")


def never_ok(history: History) -> Iterator[Section]:
    """Yield the methods that never answered OK, if there are any, and what they answered."""
    never = list(history.coverage.never_ok())
    if not never or not history.cases:
        return
    note = Text(["What lies behind these answers wasn't exercised: credentials, data or a rule may be missing."])
    rows: list[list[Inline]] = [
        [Mono(str(one.method)), history.secrets.hide(one.why_never_ok), one.stopped] for one in never
    ]
    table = Table(["method", "most frequent answer", "left alone"], rows)
    yield Section("Methods that never answered OK", [note, table], [Badge(str(len(never)), "warn")])


def coverage(history: History) -> Iterator[Section]:
    """Yield what was exercised of each method, field by field of the first ones."""
    methods = list(history.coverage.methods.values())
    if not methods:
        return
    total = totals(history.coverage)
    what = [key for key in WHAT if total[key].total]
    columns = ["method", "calls", "statuses", *(WHAT[key] for key in what)]
    rows = [_method_row(method, what) for method in methods]
    if len(rows) > 1:
        rows.append(["all", "", "", *(Meter(total[key].done, total[key].total) for key in what)])
    folds = [_method_fold(method, history) for method in methods[:_DETAILED]]
    words = (
        f"{LEFT.capitalize()}: we cancelled, or stopped reading, before the server gave a status. Of requests, only"
        " those count that got past UNAUTHENTICATED, PERMISSION_DENIED and UNIMPLEMENTED."
    )
    yield Section("Coverage of the contract", [Text([words]), Table(columns, rows, frozenset({1})), *folds])


def _method_row(method: MethodCoverage, what: Sequence[str]) -> list[Inline]:
    statuses = ", ".join(f"{code} {count:,}" for code, count in method.statuses.most_common(2))
    more = len(method.statuses) - 2
    found = shares(method)
    return [
        Mono(str(method.method).rpartition(".")[2]),
        f"{method.calls:,}",
        statuses + (f", {more} more" if more > 0 else ""),
        *(Meter(found[key].done, found[key].total) for key in what),
    ]


def _method_fold(method: MethodCoverage, history: History) -> Fold:
    badge = Badge("answered", "plain") if method.is_ok else Badge("never OK", "warn")
    found = sum(failure.method is method.method for failure in history.failures)
    badges = [badge, *([Badge(counted(found, "failure"), "bad")] if found else [])]
    note = f"{method.method.kind.value}, {counted(method.cases, 'case')}"
    return Fold(str(method.method), list(_method_blocks(method)), badges, note=note)


def _method_blocks(method: MethodCoverage) -> Iterator[Block]:
    statuses: list[list[Inline]] = [[code, f"{count:,}"] for code, count in method.statuses.most_common()]
    if statuses:
        yield Table(["status", "calls"], statuses, frozenset({1}))
    fields: list[list[Inline]] = [
        [
            Mono(field.path),
            _mark(field.present > 0),
            _mark(field.absent > 0),
            _mark(field.path.replace("[]", "") in method.boundaries),
            _enum(field.declared, undeclared=field.undeclared) if field.enum is not None else "",
        ]
        for field in method.seen.all_fields()
    ]
    if fields:
        yield Table(["field", "set", "unset", "boundary", "enum values not sent"], fields)
    oneofs: list[list[Inline]] = [
        [Mono(path), ", ".join(arm for arm, done in arms.items() if done), _missing(arms)]
        for path, arms in method.seen.all_oneofs()
    ]
    if oneofs:
        yield Table(["oneof", "arms taken", "not taken"], oneofs)
    rules: list[list[Inline]] = [
        [Mono(rule.path or "(the whole)"), Mono(rule.rule), rule.bound, _mark(rule.inside), _mark(rule.outside)]
        for rule in method.rules
    ]
    if rules:
        yield Table(["field", "rule", "bound", "kept (at the bound)", "broken"], rules)
    for label, all_lengths, done in zip(
        ("sent", "received"), method.lengths, (method.sent, method.received), strict=True
    ):
        if all_lengths:
            parts: list[Inline] = [f"Lengths of streams {label}: "]
            parts += [Badge(length, "good" if length in done else "plain") for length in all_lengths]
            yield Text(parts)


def _mark(done: object) -> Badge:
    return _YES if done else _NO


def _enum(declared: dict[str, bool], *, undeclared: bool) -> Inline:
    return _missing(declared | {"(an undeclared number)": undeclared})


def _missing(seen: dict[str, bool]) -> Inline:
    left = [name for name, done in seen.items() if not done]
    if not left:
        return Badge("all sent", "good")
    return ", ".join(left[:12]) + (f" and {len(left) - 12} more" if len(left) > 12 else "")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 case``, ``2,000 cases``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
