"""What protoc writes when it fails is told as problems, and why it aborted in one line."""

from __future__ import annotations

import pytest

from grpcmock.errors import Location, Problem
from grpcmock.schema import complaints

PRELUDE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
TRACE = "*** Check failure stack trace: ***\n    @ 0x7f google::protobuf::Nothing()\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", ""),
        (PRELUDE, ""),
        ("terminate called after throwing an instance\n", "terminate called after throwing an instance"),
        (f"{PRELUDE}F0000 00:00:1.5 42 a.cc:12] Check failed: x() \n{TRACE}", "Check failed: x()"),
        (
            f"E0000 00:00:1.5 42 b.cc:7] Field 't.d' is wrong. \nF0000 00:00:1.5 42 a.cc:1] Check failed: x()\n{TRACE}",
            "Check failed: x() Field 't.d' is wrong.",
        ),
        (
            f"F0000 00:00:1.5 42 a.cc:1] Usage error:\n  Method      : HasField\n  Problem     : No match.\n{TRACE}",
            "Usage error: Method : HasField; Problem : No match.",
        ),
    ],
)
def test_why_it_aborted(said: str, words: str) -> None:
    assert complaints.last_words(said) == words


@pytest.mark.parametrize(("of", "shown"), [([3], 3), ([10], 10), ([11], 11), ([30, 2], 13), ([9] * 9, 41)])
def test_at_most_a_screen_is_shown(of: list[int], shown: int) -> None:
    problems = [
        Problem("wrong", Location(f"{file}.proto", line)) for file, count in enumerate(of) for line in range(count)
    ]
    told = complaints.shortened(problems)
    assert len(told) == shown
    left = len(problems) - sum(problem.message == "wrong" for problem in told)
    assert [problem.message for problem in told if problem.message != "wrong"] == (
        [f"{left} more problem{'s are' if left > 1 else ' is'} not shown."] if left else []
    )
