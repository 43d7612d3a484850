"""A run as SARIF: each failure at its method in the protos, each rule with the page of its check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location
from grpcmock.fuzz.checks import explain
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.model.findings import Severity
from grpcmock.fuzz.reporting.reproduction import told
from grpcmock.reports import sarif
from grpcmock.schema.locations import location_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.replay.case_file import Origin
    from grpcmock.fuzz.reporting.history import History, SeenWarning
    from grpcmock.schema import Registry

_LEVELS: dict[Severity, sarif.Level] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}

_SECURITY = {Severity.CRITICAL: 9.5, Severity.HIGH: 8.0, Severity.MEDIUM: 5.5, Severity.LOW: 2.0}
"""Within the bands that GitHub shows by these words (docs.github.com, "SARIF support for code scanning")."""

_STEP = re.compile(r"[A-Za-z_]\w*")


def write(history: History) -> str:
    """Write the document."""
    started = history.started
    places = _Places(history.registry, history.origin)
    results = [_failure(failure, history, places) for failure in (*history.failures, *history.known, *history.remarks)]
    results += [_warning(one, history, places) for one in history.warnings]
    found = {result.rule for result in results}
    checks = {check.code: check for check in (*history.checks, *map(find_check, found))}
    return sarif.to_sarif(
        sarif.Run(
            tool="grpcmock fuzz",
            rules=[_rule(checks[code]) for code in sorted(checks)],
            results=results,
            started=history.began,
            seconds=history.seconds,
            trouble=history.interrupted,
            properties={"target": history.target.address, "seed": started.seed if started is not None else None},
        )
    )


def _rule(check: Check) -> sarif.Rule:
    return sarif.Rule(
        id=check.code,
        name=check.name,
        text=check.title,
        markdown=explain.page(check),
        level=_LEVELS[check.severity],
        tags=["grpc", "security"] if check.concerns_security else ["grpc"],
        security_severity=_SECURITY[check.severity] if check.concerns_security else None,
    )


def _failure(failure: Failure, history: History, places: _Places) -> sarif.Result:
    finding, method = failure.finding, failure.method
    check = find_check(finding.check)
    heading = f"{method}: expected {finding.expected}; actual {finding.actual}"
    return sarif.Result(
        rule=check.code,
        message=history.secrets.hide("\n".join((" ".join(heading.split()), "", *told(failure, history)))),
        level="note" if failure.is_remark else _LEVELS[check.severity],
        place=places.of_symbol(method.full_name.replace("/", ".")),
        symbol=method.full_name,
        related=list(places.of_field(method.input, method.descriptor.output_type, finding.path or failure.case.path)),
        fingerprint=failure.id,
        accepted=(history.accepted[failure.id] or "no reason is given") if failure.id in history.accepted else None,
        properties={"hits": failure.hits, "tries": failure.tries},
    )


def _warning(one: SeenWarning, history: History, places: _Places) -> sarif.Result:
    finding = one.finding
    text = f"{one.method}: better {finding.expected}; actual {finding.actual}"
    return sarif.Result(
        rule=finding.code,
        message=history.secrets.hide(" ".join(text.split())),
        level="note",
        place=places.of_symbol(one.method.replace("/", ".")),
        symbol=one.method,
        fingerprint=f"{finding.code} {one.method} {finding.key}",
    )


class _Places:
    """Where the protos say what a run speaks of."""

    def __init__(self, registry: Registry | None, origin: Origin) -> None:
        self._registry = registry
        self._roots = [Path(root) for root in (*origin.imports, *origin.protos)]
        self._files: dict[str, str] = {}

    def of_symbol(self, name: str) -> Location | None:
        """Give the place of a symbol by its full name; None if there is no such symbol."""
        found = location_of(self._registry, name) if self._registry is not None else None
        if found is None:
            return None
        file = self._files.get(found.file)
        if file is None:
            file = self._files[found.file] = self._on_disk(found.file)
        return Location(file, found.line, found.column)

    def of_field(self, request: Descriptor, response: Descriptor, path: str) -> Iterator[tuple[Location, str]]:
        """Give the place of the field at a path: of the request, or else of the response."""
        for descriptor in (request, response):
            field = _field(descriptor, _STEP.findall(re.sub(r"\[[^\]]*\]|\{\w*\}", "", path)))
            place = self.of_symbol(field.full_name) if field is not None else None
            if place is not None:
                yield place, path
                return

    def _on_disk(self, name: str) -> str:
        """Give the path of a file that protos name: below a root, or the root itself; the name if it isn't there."""
        for root in self._roots:
            if root.is_file() and root.as_posix().endswith(name):
                return str(root)
            if (root / name).is_file():
                return str(root / name)
        nested: Iterable[Path] = (path for root in self._roots for path in sorted(root.rglob(Path(name).name)))
        return next((str(path) for path in nested if path.as_posix().endswith(f"/{name}")), name)


def _field(descriptor: Descriptor, names: list[str]) -> FieldDescriptor | None:
    field: Any = None
    current: Any = descriptor
    for name in names:
        field = current.fields_by_name.get(name) if current is not None else None
        if field is None:
            return None
        current = field.message_type
    return field  # type: ignore[no-any-return]
