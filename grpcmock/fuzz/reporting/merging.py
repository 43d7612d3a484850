"""The JSON documents of several runs, such as the shards of one, made into one document of the same shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from grpcmock.fuzz.coverage.totals import WHAT
from grpcmock.fuzz.reporting.json_report import VERSION
from grpcmock.reports.junit import Case, Suite, Trouble

Document = dict[str, Any]


def is_document(read: Any) -> bool:
    """Whether what was read from a file is such a document."""
    return isinstance(read, dict) and "coverage" in read and "failures" in read and "summary" in read


def merged(documents: Sequence[Document]) -> Document:
    """Return one document for all: each failure once, the coverage of all. Raises ``ValueError`` for other versions."""
    for document in documents:
        if document.get("version") != VERSION:
            raise ValueError(f"it is of version {document.get('version')}; this version of grpcmock knows {VERSION}")
    failures = _each_once(documents, "failures")
    told = {failure["id"] for failure in failures}
    remarks = [one for one in _each_once(documents, "remarks") if one["id"] not in told]
    coverage = _coverage(documents)
    accepted = _each_once(documents, "accepted")
    return {
        "version": VERSION,
        "summary": _summary(documents, failures, remarks, accepted, coverage),
        "failures": failures,
        "remarks": remarks,
        "accepted": accepted,
        "warnings": _without_repeats(documents, "warnings", ("code", "method", "path")),
        "phases": [span for document in documents for span in document["phases"]],
        "notices": _without_repeats(documents, "notices", ("method", "message")),
        "coverage": coverage,
    }


def _each_once(documents: Iterable[Document], key: str) -> list[Document]:
    found: dict[str, Document] = {}
    for one in (one for document in documents for one in document[key]):
        known = found.setdefault(one["id"], one)
        if known is not one:
            known["seen"] += one["seen"]
    order = ("critical", "high", "medium", "low")
    return sorted(found.values(), key=lambda one: order.index(one["severity"]))


def _without_repeats(documents: Iterable[Document], key: str, of: tuple[str, ...]) -> list[Document]:
    found = {tuple(one[part] for part in of): one for document in documents for one in reversed(document[key])}
    return list(reversed(found.values()))


def _summary(
    documents: Sequence[Document],
    failures: Sequence[Document],
    remarks: Sequence[Document],
    accepted: Sequence[Document],
    coverage: Document,
) -> Document:
    summaries = [document["summary"] for document in documents]

    def one_of(key: str) -> Any:
        return next((summary[key] for summary in summaries if summary[key] is not None), None)

    return {
        "target": ", ".join(dict.fromkeys(summary["target"] for summary in summaries)),
        "seed": one_of("seed"),
        "started": min(summary["started"] for summary in summaries),
        "seconds": max(summary["seconds"] for summary in summaries),
        "cases": sum(summary["cases"] for summary in summaries),
        "calls": sum(summary["calls"] for summary in summaries),
        "methods": max(summary["methods"] for summary in summaries),
        "checks": list(dict.fromkeys(check for summary in summaries for check in summary["checks"])),
        "failures": len(failures),
        "remarks": len(remarks),
        "by_severity": dict(Counter(failure["severity"] for failure in failures)),
        "accepted": len(accepted),
        "answered": {
            "done": sum(method["ok"] for method in coverage["methods"]),
            "total": len(coverage["methods"]),
        },
        # What no shard got through is untested; what one of them did isn't.
        "untested": one_of("untested") if all(summary["untested"] for summary in summaries) else None,
        "interrupted": one_of("interrupted"),
        "not_begun": one_of("not_begun"),
    }


def _coverage(documents: Sequence[Document]) -> Document:
    methods: dict[str, Document] = {}
    for method in (method for document in documents for method in document["coverage"]["methods"]):
        known = methods.setdefault(method["method"], method)
        if known is not method:
            _add(known, method)
    totals = {
        key: {part: sum(method["shares"][key][part] for method in methods.values()) for part in ("done", "total")}
        for key in WHAT
    }
    answered = {"done": sum(method["ok"] for method in methods.values()), "total": len(methods)}
    return {"totals": {"methods": answered, **totals}, "methods": list(methods.values())}


def _add(method: Document, other: Document) -> None:
    """Add to what a run saw of a method what another one saw of it."""
    method["cases"] += other["cases"]
    method["calls"] += other["calls"]
    method["ok"] = method["ok"] or other["ok"]
    method["why_never_ok"] = None if method["ok"] else method["why_never_ok"] or other["why_never_ok"]
    method["stopped"] = method["stopped"] or other["stopped"]
    method["statuses"] = dict((Counter(method["statuses"]) + Counter(other["statuses"])).most_common())
    for key in ("sent_lengths", "received_lengths"):
        method[key] = sorted({*method[key], *other[key]})
    _add_each(method["fields"], other["fields"])
    _add_each(method["rules"], other["rules"])
    _or(method["oneofs"], other["oneofs"])
    shares = _shares(method)
    # How many lengths there are to try isn't told: the better of the two then.
    shares["lengths"] = max(method["shares"]["lengths"], other["shares"]["lengths"], key=lambda share: share["done"])
    method["shares"] = shares


def _add_each(known: list[Document], others: Sequence[Document]) -> None:
    """Add what another run saw of fields, or of rules: each run learns rules of its own from what a server says."""
    by_name = {_name(one): one for one in known}
    for other in others:
        one = by_name.setdefault(_name(other), other)
        if one is other:
            known.append(other)
        else:
            _or(one, other)


def _name(of: Document) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in of.items() if isinstance(value, str))


def _or(one: Document, its: Document) -> None:
    for key, value in its.items():
        if isinstance(value, bool):
            one[key] = one[key] or value
        elif isinstance(value, dict):
            _or(one[key], value)


def _shares(method: Document) -> Document:
    """Count again what was exercised, as the run itself does (``fuzz/coverage/totals.py``)."""
    fields, rules = method["fields"], method["rules"]
    flags: dict[str, list[Any]] = {
        "fields": [field[side] for field in fields for side in ("set", "unset")],
        "boundaries": [field["boundary"] for field in fields],
        "enum_values": [done for field in fields for done in field.get("enum", {}).values()],
        "oneof_arms": [done for arms in method["oneofs"].values() for done in arms.values()],
        "rules": [rule[side] for rule in rules for side in ("inside", "outside")],
    }
    return {key: {"done": sum(map(bool, done)), "total": len(done)} for key, done in flags.items()}


def suites(document: Document) -> list[Suite]:
    """Return a document as suites: one for each service, with a case for each method that holds, and each failure."""
    failures: dict[str, list[Document]] = {}
    for failure in document["failures"]:
        failures.setdefault(failure["method"], []).append(failure)
    found: dict[str, list[Case]] = {}
    for method in document["coverage"]["methods"]:
        service, _, name = method["method"].rpartition("/")
        cases = found.setdefault(service, [])
        for failure in failures.get(method["method"], []):
            text = "\n".join(f"{key}: {failure[key]}" for key in ("why", "path", "expected", "actual") if failure[key])
            lines = failure.get("reproducers", {})
            text += "".join(f"\n{lines[key]}" for key in ("grpcurl", "replay") if lines.get(key))
            trouble = Trouble(f"{failure['actual']}; expected: {failure['expected']}", text, failure["code"])
            label = f"{name}: {failure['code']} {failure['name']} {failure['id']}"
            cases.append(Case(name=label, classname=service, failure=trouble))
        if method["method"] not in failures:
            skipped = None if method["cases"] else "no case of it was made"
            cases.append(Case(name=name, classname=service, skipped=skipped))
    return [Suite(name=service, cases=cases) for service, cases in sorted(found.items())]
