"""The laws of the log of failures: a cause is told once, by the worst that saw it, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.findings import Failure, Finding, Severity
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.run.failure_log import FailureLog

USERS = registry("user.proto")
METHODS = [USERS.method(f"user.UserService/{name}") for name in ("GetUser", "ListUsers", "CreateUsers")]
CHECKS = {check.name: check for check in all_checks() if check.code in ("G102", "G125", "G124", "G112", "G103")}
RANKS = {name: list(Severity).index(check.severity) for name, check in CHECKS.items()}


def failure(check: str, causes: tuple[str, ...], method: int, key: str) -> Failure:
    # Keys of their own: what a check covers of another, with the same key, is not what is asked here.
    key = f"{check} {key}"
    finding = Finding(check=check, code=CHECKS[check].code, expected="", actual="", key=key, causes=causes)
    call = call_of(METHODS[method], b"")
    case = Case(id="t", phase=Phase.BOUNDARY, method=METHODS[method], calls=(call,), why="")
    result = CaseResult(replies=(Reply(call=call, termination=Termination.SERVER, code=2),))
    return Failure(finding=finding, case=case, result=result, first=case, after_cases=1, after_seconds=0.0)


FAILURES = st.builds(
    failure,
    st.sampled_from(sorted(CHECKS)),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(0, 2),
    st.sampled_from("xy"),
)


@pytest.mark.parametrize(
    ("words", "methods", "told"),
    [
        ("the {} is full", 3, 5),  # a server's way: what comes after the fifth is one of them
        ("the {} is full", 1, 9),
        ("{}Error: it is full", 3, 9),
        ("Exception calling application: the {} is full", 3, 9),
    ],
)
def test_errors_without_a_status_are_one_failure_where_that_is_a_servers_way(
    words: str, methods: int, told: int
) -> None:
    log = FailureLog(CHECKS)
    for number, noun in enumerate(("box", "shelf", "car", "jar", "bag", "tub", "mug", "pan", "can")):
        one = failure("unhandled_error", (noun,), number % methods, noun)
        key = f"UNKNOWN {words.format(noun)}"
        one = replace(one, finding=replace(one.finding, key=key))
        if not log.has(one, one.method.full_name):
            log.add(one)
    assert len(log.failures) == told
    assert sum(one.seen for one in log.failures.values()) == 9


@pytest.mark.parametrize(
    ("cause", "path", "is_known"),
    [
        ("UNKNOWN list index out of range", "", True),
        ("UNKNOWN list index out of range", "name", False),
        ("/user.UserService/GetUser UNKNOWN boom", "", False),  # who knows what went wrong there
    ],
)
def test_one_that_blames_nothing_is_of_one_cause_with_one_that_stands_for_itself(
    cause: str, path: str, is_known: bool
) -> None:
    log = FailureLog(CHECKS)
    blaming = failure("unhandled_error", (), 0, "x")
    log.add(blaming)
    log.note_blame(blaming, (cause,))
    later, elsewhere = (failure("unhandled_error", (cause,), method, "y") for method in (0, 1))
    later = replace(later, finding=replace(later.finding, path=path))
    assert log.known(elsewhere) is None
    assert log.known(later) is (blaming if is_known else None)


@given(st.lists(FAILURES, max_size=25))
def test_a_cause_is_told_once_and_nothing_is_lost(found: list[Failure]) -> None:
    log = FailureLog(CHECKS)
    withdrawn: dict[str, str] = {}
    for one in found:
        if not log.has(one, one.method.full_name):
            log.add(one)
        withdrawn |= log.withdrawn
    for part, head in withdrawn.items():
        assert part not in log.failures or head not in log.failures or part != head
    assert sum(one.seen for one in log.failures.values()) == len(found)
    # Causes that were ever seen together belong together; each such group is one failure.
    groups: list[set[str]] = []
    for one in found:
        joined = set(one.finding.causes).union(*[group for group in groups if group & set(one.finding.causes)])
        groups = [group for group in groups if not group & joined] + [joined]
    assert len(log.failures) == len(groups)
    for first in log.failures.values():
        members = [one for one in found if any({*one.finding.causes, *first.finding.causes} <= g for g in groups)]
        assert RANKS[first.finding.check] == min(RANKS[one.finding.check] for one in members)


def test_what_has_no_cause_is_told_by_check_method_and_key() -> None:
    log = FailureLog(CHECKS)
    for key in "xyx":
        one = failure("unhandled_error", (), 0, key)
        if not log.has(one, one.method.full_name):
            log.add(one)
    assert [one.seen for one in log.failures.values()] == [2, 1]


def test_only_what_can_be_shown_again_is_a_failure() -> None:
    once = failure("unhandled_error", (), 0, "x")
    assert not once.is_remark
    assert replace(once, hits=1, tries=4).is_remark
    assert replace(once, hits=3, tries=4).is_remark
    at_once = replace(once, case=replace(once.case, concurrent=True))
    assert not replace(at_once, hits=2, tries=4).is_remark  # a race that was lost twice is one
    assert replace(at_once, hits=1, tries=4).is_remark
    assert not replace(once, hits=3, tries=4, shown_anew=True).is_remark


def test_what_has_ended_a_server_is_told_from_who_has() -> None:
    down = failure("unhandled_error", (), 0, "crash")
    down = replace(down, finding=replace(down.finding, server_down=True))
    for code, is_remark in ((-9, True), (-15, True), (0, True), (143, True), (-11, False), (-6, False), (3, False)):
        ended = replace(down, result=replace(down.result, health=Health(alive=False, exit_code=code)))
        assert ended.is_remark is is_remark, code
        assert not replace(ended, hits=2, tries=4).is_remark  # by the same calls again
    gone = replace(down, result=replace(down.result, health=Health(alive=False)))
    assert gone.is_remark  # nobody can tell
