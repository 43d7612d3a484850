"""A run as JUnit XML: a suite for each service, a case for each method that holds, and one for each failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.reporting.reproduction import told
from grpcmock.reports.junit import Case, Suite, Trouble, to_xml

if TYPE_CHECKING:
    from grpcmock.fuzz.coverage.collector import MethodCoverage
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.reporting.history import History


NAME = "grpcmock fuzz"


def write(history: History) -> str:
    """Write the document."""
    return to_xml(suites(history), NAME)


def suites(history: History) -> list[Suite]:
    """Give the suites, which other reports have, too."""
    failures: dict[str, list[Failure]] = {}
    for failure in (*history.failures, *history.known, *history.remarks):
        failures.setdefault(failure.case.method.full_name, []).append(failure)
    methods = sorted(history.coverage.methods.values(), key=lambda one: one.method.full_name)
    by_service = groupby(methods, key=lambda one: one.method.service)
    properties = _properties(history)
    made = [
        Suite(
            name=service,
            cases=[case for one in methods_of for case in _cases(one, failures, history)],
            seconds=sum(one.seconds for one in methods_of),
            started=history.began,
            properties=properties,
        )
        for service, methods_of in ((service, list(of_service)) for service, of_service in by_service)
    ]
    if untested := history.reach.too_little:
        trouble = Trouble(f"{untested}.", f"{untested}. To get further: {history.reach.hint}", "untested")
        made.insert(0, Suite(name=NAME, cases=[Case(name="methods answered OK", error=trouble)]))
    return made


def _properties(history: History) -> Sequence[tuple[str, str]]:
    started = history.started
    found = [("target", history.target.address)]
    if started is not None:
        found.append(("seed", str(started.seed)))
        found.append(("checks", " ".join(started.checks)))
    if history.interrupted:
        found.append(("interrupted", history.interrupted))
    return found


def _cases(method: MethodCoverage, failures: dict[str, list[Failure]], history: History) -> Iterator[Case]:
    name, service = method.method.name, method.method.service
    found = failures.get(method.method.full_name, [])
    for failure in found:
        check = find_check(failure.finding.check)
        label = f"{name}: {check.code} {check.name} {failure.id}"
        seconds = sum(reply.seconds for reply in failure.result.replies)
        why_not = ""
        if failure.id in history.accepted:
            why_not = f"accepted by the baseline: {history.accepted[failure.id] or 'no reason is given'}"
        elif failure.is_remark:
            why_not = f"a remark, no failure: {_trouble(failure, history).message}"
        if why_not:
            yield Case(name=label, classname=service, seconds=seconds, skipped=why_not)
        else:
            yield Case(name=label, classname=service, seconds=seconds, failure=_trouble(failure, history))
    if not any(failure.id not in history.accepted and not failure.is_remark for failure in found):
        skipped = None if method.cases else "no case of it was made"
        yield Case(
            name=name,
            classname=service,
            seconds=method.seconds,
            skipped=skipped,
            output=_output(method, history),
        )


def _trouble(failure: Failure, history: History) -> Trouble:
    flaky = f" (seen in {failure.hits} of {failure.tries} tries)" if failure.is_flaky else ""
    message = history.secrets.hide(f"{failure.finding.actual}; expected: {failure.finding.expected}{flaky}")
    text = "\n".join(told(failure, history))
    return Trouble(" ".join(message.split()), text, failure.finding.code)


def _output(method: MethodCoverage, history: History) -> str:
    lines = [f"{method.cases} cases, {method.calls} calls"]
    lines += [f"{code}: {count}" for code, count in method.statuses.most_common()]
    if why := method.why_never_ok:
        lines.append(f"never OK: {why}")
    if method.stopped:
        lines.append(f"left alone: {method.stopped}")
    name = method.method.full_name
    for one in history.warnings:
        if one.method == name:
            lines.append(f"warning {one.finding.code}: {one.finding.actual}; better: {one.finding.expected}")
    return history.secrets.hide("\n".join(lines))
