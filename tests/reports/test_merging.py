"""Reports of several runs made into one."""

from __future__ import annotations

import pytest

from grpcmock.reports import merging
from grpcmock.reports.junit import Case, Suite, Trouble, from_xml, to_xml

BAD = Trouble("it broke", "line by line", "G102")


def _suite(*cases: Case, name: str = "users.Users", seconds: float | None = None) -> Suite:
    return Suite(name=name, cases=cases, seconds=seconds, properties=[("seed", "1")])


def test_what_is_written_can_be_read() -> None:
    suite = _suite(
        Case(name="Get", classname="users.Users", seconds=1.5, file="a.yaml", line=3, output="more"),
        Case(name="List", failure=BAD),
        Case(name="Watch", error=Trouble("no server")),
        Case(name="Add", skipped="not asked for"),
    )
    [read] = from_xml(to_xml([suite]))
    assert to_xml([read]) == to_xml([suite])


@pytest.mark.parametrize("document", ["", "no xml", "<html/>", "<testsuites>"])
def test_what_is_no_junit(document: str) -> None:
    with pytest.raises(ValueError, match=r"it is no"):
        from_xml(document)


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ([Case(name="a"), Case(name="a", failure=BAD)], "failure"),
        ([Case(name="a", failure=BAD), Case(name="a", error=BAD)], "failure"),
        ([Case(name="a", error=BAD), Case(name="a")], "error"),
        ([Case(name="a", skipped="no"), Case(name="a")], "passed"),
        ([Case(name="a", skipped="no"), Case(name="a", skipped="neither")], "skipped"),
    ],
)
def test_a_case_of_several_reports_is_told_once(cases: list[Case], told: str) -> None:
    [suite] = merging.merged_suites([[_suite(case, seconds=2.0)] for case in cases])
    [case] = suite.cases
    is_so = {"failure": case.failure, "error": case.error, "skipped": case.skipped}
    assert [name for name, value in is_so.items() if value is not None] == ([] if told == "passed" else [told])
    assert suite.seconds == 2.0 * len(cases)
    assert suite.properties == (("seed", "1"),)
