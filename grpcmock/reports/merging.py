"""Reports of several runs made into one: those of shards, of the workers of a test run, of the jobs of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.reports import html

if TYPE_CHECKING:
    from grpcmock.reports.junit import Case, Suite


def merged_suites(reports: Iterable[Sequence[Suite]]) -> list[Suite]:
    """Put the suites of one name together, and in them the cases of one name.

    Such a case is told once: as it failed, if it did anywhere, else as it couldn't be run, else as it passed. The
    seconds add up.
    """
    suites: dict[str, Suite] = {}
    cases: dict[str, dict[tuple[str, str], Case]] = {}
    for suite in (suite for report in reports for suite in report):
        before = suites.setdefault(suite.name, replace(suite, seconds=0.0, properties=()))
        known = cases.setdefault(suite.name, {})
        for case in suite.cases:
            key = case.classname, case.name
            known[key] = _merged_case(known[key], case) if key in known else case
        took = sum(case.seconds for case in suite.cases) if suite.seconds is None else suite.seconds
        suites[suite.name] = replace(
            before,
            seconds=(before.seconds or 0.0) + took,
            started=min(filter(None, (before.started, suite.started)), default=None),
            properties=tuple(dict.fromkeys((*before.properties, *suite.properties))),
        )
    return [replace(suite, cases=list(cases[name].values())) for name, suite in suites.items()]


def _merged_case(one: Case, other: Case) -> Case:
    told = min(one, other, key=_seriousness)
    return replace(told, seconds=one.seconds + other.seconds)


def _seriousness(case: Case) -> int:
    if case.failure is not None:
        return 0
    if case.error is not None:
        return 1
    return 2 if case.skipped is None else 3


def failed(suites: Iterable[Suite]) -> int:
    """Count the cases that failed, or couldn't be run."""
    return sum(_seriousness(case) < 2 for suite in suites for case in suite.cases)


def merged_sarif(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the runs of SARIF documents together: one run for each tool, each result of one fingerprint told once."""
    runs: dict[str, dict[str, Any]] = {}
    for run in (run for report in reports for run in report["runs"]):
        name = run["tool"]["driver"]["name"]
        if name not in runs:
            runs[name] = run
            continue
        known = runs[name]
        driver, other = known["tool"]["driver"], run["tool"]["driver"]
        numbers = {rule["id"]: index for index, rule in enumerate(driver.setdefault("rules", []))}
        for rule in other.get("rules", []):
            if rule["id"] not in numbers:
                numbers[rule["id"]] = len(driver["rules"])
                driver["rules"].append(rule)
        seen = {_identity(result) for result in known.setdefault("results", [])}
        for result in run.get("results", []):
            if _identity(result) not in seen:
                seen.add(_identity(result))
                known["results"].append(result | {"ruleIndex": numbers[result["ruleId"]]})
    return {**reports[0], "runs": list(runs.values())}


def _identity(result: dict[str, Any]) -> str:
    """Give what tells a result from others: its fingerprints if it has some, else all of it but the rule's number."""
    told = result.get("partialFingerprints") or {key: value for key, value in result.items() if key != "ruleIndex"}
    return repr((result.get("ruleId"), told))


def page(suites: Sequence[Suite], *, reports: int) -> html.Page:
    """Give the page that tells of suites: figures, what failed with all that is known of it, and a table."""
    cases = [case for suite in suites for case in suite.cases]
    bad = [case for case in cases if _seriousness(case) < 2]
    skipped = sum(case.skipped is not None for case in cases)
    started = min(filter(None, (suite.started for suite in suites)), default=None)
    return html.Page(
        title="Merged report",
        verdict=html.Badge("failed", "bad") if bad else html.Badge("passed", "good"),
        facts=[("reports", str(reports)), *([("started", started.isoformat(" ", "seconds"))] if started else [])],
        figures=[
            html.Figure(f"{len(bad):,}", "failed", "bad" if bad else "good"),
            html.Figure(f"{len(cases) - len(bad) - skipped:,}", "passed"),
            html.Figure(f"{skipped:,}", "skipped"),
        ],
        sections=[
            *([html.Section("Failed", [_fold(case) for case in bad])] if bad else []),
            html.Section("All", [_table(suites)]),
        ],
    )


def _fold(case: Case) -> html.Fold:
    trouble = case.failure or case.error
    assert trouble is not None
    blocks: list[html.Block] = [html.Code(text) for text in (trouble.text or trouble.message, case.output) if text]
    badge = html.Badge(trouble.type or ("failure" if case.failure else "error"), "bad")
    return html.Fold(f"{case.classname} {case.name}".strip(), blocks, [badge], gist=trouble.message)


def _table(suites: Sequence[Suite]) -> html.Table:
    return html.Table(
        ("suite", "cases", "failed", "skipped", "seconds"),
        [
            (
                suite.name,
                str(len(suite.cases)),
                str(failed([suite])),
                str(sum(case.skipped is not None for case in suite.cases)),
                f"{suite.seconds or 0:.1f}",
            )
            for suite in suites
        ],
        numbers=frozenset({1, 2, 3, 4}),
    )
