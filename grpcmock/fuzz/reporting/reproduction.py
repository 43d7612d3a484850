"""How a failure can be shown again: what is printed below it, and its forms for pages."""

from __future__ import annotations

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

_FORMS = ("pytest", "go", "bash", "stub", "python", "grpcurl")
"""In the order in which they are offered."""

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
    else:
        found = []
    lines.append(f"  again     grpcmock replay {failure.id}")
    if can := [
        form
        for form, (text, _) in forms(failure, history, _FORMS).items()
        if text and not (found and form == "grpcurl")
    ]:
        lines.append(f"            grpcmock export {failure.id} --as {'|'.join(can)}")
    return [history.secrets.hide(line) for line in lines]


def _seen(failure: Failure) -> str:
    if failure.was_last:
        return "; once, for nothing answers since: with --server-cmd it is started anew, and the call tried again"
    return f"; seen in {failure.seen} cases" if failure.seen > 1 else ""


def grpcurl(failure: Failure, history: History) -> list[str]:
    """Return a line of grpcurl for each call; none where grpcurl can't say one of them, or there are too many.

    The ids in them are those that the server gave then.
    """
    if history.registry is None or len(failure.case.calls) > _MOST_LINES:
        return []
    try:
        text = reproducer("grpcurl", of_failure(failure, history.origin), history.target, history.registry)
    except NotSayableError:
        return []
    return [history.secrets.hide(line) for line in text.splitlines()]


def forms(failure: Failure, history: History, wanted: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Write a failure in these forms. Gives for each its text, and, where the text is empty, why it can't be said."""
    registry = history.registry
    if registry is None:
        return {}
    case = of_failure(failure, history.origin)
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
