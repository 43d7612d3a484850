"""Names of what was refused: they aren't taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import REFUSED_NAMES
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult

_CONTROLS = 2
_REFUSED = (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE)


def taken_though_refused(case: Case, result: CaseResult) -> Iterator[Finding]:
    """Yield what is wrong if a name is taken that came with a mistake only, where others that are as new aren't."""
    if case.rule != REFUSED_NAMES or len(result.replies) < len(case.calls):
        return
    replies = [with_meant_status(reply) for reply in result.replies[case.setup : len(case.calls)]]
    count = (len(replies) - _CONTROLS) // 2
    wrong, controls, right = replies[:count], replies[count : count + _CONTROLS], replies[count + _CONTROLS :]
    if not all(reply.is_ok for reply in controls):
        return
    for before, after in zip(wrong, right, strict=False):
        refused = before.termination is Termination.SERVER and before.code in _REFUSED
        if refused and after.termination is Termination.SERVER and after.code == Code.ALREADY_EXISTS:
            yield Finding(
                check="leak_on_failure",
                expected=f"OK, as for other {case.path}: the only request with it was refused ({said(before)})",
                actual=said(after),
                path=case.path,
                key="refused names",
                method=case.method,
            )
            return
