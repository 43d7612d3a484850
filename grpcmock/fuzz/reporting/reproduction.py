"""How a failure can be shown again: what is printed below it, and its forms for pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.errors import GrpcmockError
from grpcmock.fuzz.checks.rendering import failure_lines
from grpcmock.fuzz.replay.case_file import of_failure
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.reproducer import reproducer

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.reporting.history import History

_LONGEST = 1000
"""Characters of a line of grpcurl that is printed below a failure; `grpcmock export` gives longer ones."""

_MOST_LINES = 12
"""So many calls are printed as lines of grpcurl."""

_LARGEST = 200_000
"""Characters of a reproducer in a report."""


def told(failure: Failure, history: History) -> list[str]:
    """Tell of a failure in lines, with how it can be made again."""
    lines = failure_lines(failure, history.registry)
    cases = "1 case" if failure.after_cases == 1 else f"{failure.after_cases} cases"
    lines.append(f"  found     after {cases}, {failure.after_seconds:.2f} s{_seen(failure)}")
    found = grpcurl(failure, history)
    if found and max(map(len, found)) <= _LONGEST:
        lines += [f"  {'' if index else 'grpcurl':9} {line}" for index, line in enumerate(found)]
    forms = "pytest|go|bash|stub|python" + ("|grpcurl" if len(found) == 1 and len(found[0]) > _LONGEST else "")
    lines.append(f"  again     grpcmock replay {failure.id}")
    lines.append(f"            grpcmock export {failure.id} --as {forms}")
    return [history.secrets.hide(line) for line in lines]


def _seen(failure: Failure) -> str:
    if failure.was_last:
        return "; once, for nothing answers since: with --server-cmd it is started anew, and the call tried again"
    return f"; seen in {failure.seen} cases" if failure.seen > 1 else ""


def grpcurl(failure: Failure, history: History) -> list[str]:
    """Return a line of grpcurl for each call; none where grpcurl can't say one of them, or there are too many.

    The ids in them are those that the server gave then.
    """
    registry, case = history.registry, failure.case
    if registry is None or case.repeat > 1 or case.together or len(case.calls) > _MOST_LINES:
        return []
    whole = of_failure(failure, history.origin)
    lines = []
    for call in whole.made:
        one = replace(whole, made=(call,), case=replace(case, calls=(call,)))
        try:
            lines.append(reproducer("grpcurl", one, history.target, registry).rstrip())
        except NotSayableError:
            return []
    return [history.secrets.hide(line) for line in lines]


def forms(failure: Failure, history: History, wanted: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Write a failure in these forms. Gives for each its text, and, where the text is empty, why it can't be said."""
    registry = history.registry
    if registry is None:
        return {}
    case = of_failure(failure, history.origin)
    if "grpcurl" in wanted and len(case.made) > 1 and (lines := grpcurl(failure, history)):
        rest = forms(failure, history, tuple(form for form in wanted if form != "grpcurl"))
        return {"grpcurl": ("".join(f"{line}\n" for line in lines), ""), **rest}
    found: dict[str, tuple[str, str]] = {}
    for form in wanted:
        try:
            text = reproducer(form, case, history.target, registry, failure.result)
        except NotSayableError as error:
            found[form] = "", str(error)
            continue
        except GrpcmockError as error:  # a stub that the format doesn't take
            found[form] = "", f"it can't be written: {error}"
            continue
        if len(text) > _LARGEST:
            found[form] = "", f"it is too long for this page: `grpcmock export {failure.id} --as {form}` writes it."
        else:
            found[form] = history.secrets.hide(text), ""
    return found
