"""SARIF 2.1.0 (OASIS): what services that look after code read of a run, such as GitHub's code scanning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from grpcmock._version import __version__

if TYPE_CHECKING:
    from grpcmock.errors import Location

Level = Literal["error", "warning", "note"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What results are about."""

    id: str
    name: str = ""
    text: str = ""
    """One sentence."""

    markdown: str = ""
    """All that helps."""

    level: Level = "error"
    tags: Sequence[str] = ()
    security_severity: float | None = None
    """From 0 to 10, as of CVSS; None where security isn't concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One thing that was found."""

    rule: str
    """The id of its rule."""

    message: str
    level: Level = "error"
    place: Location | None = None
    symbol: str = ""
    """The full name of what it is about."""

    related: Sequence[tuple[Location, str]] = ()
    """More places, each with what is there."""

    fingerprint: str = ""
    """What stays the same from run to run."""

    accepted: str | None = None
    """Why it doesn't count; None if it does."""

    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that a run of a tool has found."""

    tool: str
    rules: Sequence[Rule]
    results: Sequence[Result]
    started: datetime | None = None
    seconds: float = 0.0
    trouble: str = ""
    """Why it ended before its time; empty if it didn't."""

    properties: Mapping[str, Any] = field(default_factory=dict)


def to_sarif(run: Run) -> str:
    """Return a run as a document."""
    rules = {rule.id: number for number, rule in enumerate(run.rules)}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": run.tool,
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in run.rules],
                    }
                },
                "invocations": [_invocation(run)],
                "columnKind": "utf16CodeUnits",
                "results": [_result(result, rules[result.rule]) for result in run.results],
                **({"properties": dict(run.properties)} if run.properties else {}),
            }
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {"id": rule.id, "defaultConfiguration": {"level": rule.level}}
    if rule.name:
        found["name"] = rule.name
    if rule.text:
        found["shortDescription"] = {"text": rule.text}
        found["fullDescription"] = {"text": rule.text}
    if rule.markdown:
        found["help"] = {"text": rule.markdown, "markdown": rule.markdown}
    properties: dict[str, Any] = {"tags": list(rule.tags)} if rule.tags else {}
    if rule.security_severity is not None:
        properties["security-severity"] = f"{rule.security_severity:.1f}"
    return found | ({"properties": properties} if properties else {})


def _invocation(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {"executionSuccessful": not run.trouble}
    if run.started is not None:
        found["startTimeUtc"] = _moment(run.started)
        found["endTimeUtc"] = _moment(run.started + timedelta(seconds=run.seconds))
    if run.trouble:
        found["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": run.trouble}}]
    return found


def _moment(moment: datetime) -> str:
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"


def _result(result: Result, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": number,
        "level": result.level,
        "message": {"text": result.message},
    }
    location = _location(result.place) if result.place is not None else {}
    if result.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": result.symbol}]
    if location:
        found["locations"] = [location]
    if result.related:
        found["relatedLocations"] = [
            {"id": number, **_location(place), "message": {"text": text}}
            for number, (place, text) in enumerate(result.related)
        ]
    if result.fingerprint:
        found["partialFingerprints"] = {"grpcmock/v1": result.fingerprint}
    if result.accepted is not None:
        found["suppressions"] = [{"kind": "external", "justification": result.accepted}]
    return found | ({"properties": dict(result.properties)} if result.properties else {})


def _location(place: Location) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line:
        physical["region"] = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
    return {"physicalLocation": physical}


def _uri(file: str) -> str:
    """Return the address of a file: relative where it is below the current directory, as of a checkout."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
