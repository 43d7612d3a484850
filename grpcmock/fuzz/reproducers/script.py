"""The calls of a failure as a program tells them: in order, answers that matter under names, and what must be true."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.expectations.status_fields import resolve
from grpcmock.fuzz.model.cases import Measure
from grpcmock.fuzz.reproducers.errors import NotSayableError

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check, Promise
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Method, Registry

_VERBS = {
    "get": "got",
    "list": "listed",
    "create": "created",
    "add": "added",
    "insert": "inserted",
    "update": "updated",
    "patch": "updated",
    "set": "updated",
    "delete": "deleted",
    "remove": "removed",
    "search": "hits",
}

_UNSEEN = frozenset({Measure.USAGE, Measure.REFLECTION})
"""What is looked at beside the calls, so that a program that only makes calls can't see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What all programs have in common that make a failure again."""

    calls: tuple[Call, ...]
    """Their bindings are still to be filled in."""

    names: tuple[str, ...]
    """For the answer to each call; empty where nobody asks for it."""

    subject: int
    """The call that the failure is about."""

    check: Check
    promise: Promise | None
    """What must be true of the answer to the subject; None where only the check itself can tell."""


def script_of(case_file: CaseFile, registry: Registry) -> Script:
    """Return the calls as a program tells them.

    Raises :class:`NotSayableError` for what is below gRPC, and for what is seen beside the calls.
    """
    case, check = case_file.case, find_check(case_file.check)
    calls = case.calls if any(call.bindings for call in case.calls) else case_file.made
    if any(call.raw is not None for call in calls):
        raise NotSayableError("this is HTTP/2 that no gRPC client sends; --as python has it.")
    if case.measures & _UNSEEN:
        raise NotSayableError("it shows in what the server uses or reflects, which only `grpcmock replay` looks at.")
    subject = max(len(calls) - case.cleanup - 1, 0)
    promise = check.promise
    tells_in_body = resolve(case_file.expectations.get("status_fields", {}), tuple(registry.methods.values()))
    if case.repeat > 1 or tells_in_body or not _is_about(calls, subject, case.method):
        promise = None
    taken = {binding.call for call in calls for binding in call.bindings} | ({subject} if promise else set())
    return Script(calls=calls, names=_names(calls, taken), subject=subject, check=check, promise=promise)


def _is_about(calls: Sequence[Call], subject: int, method: Method) -> bool:
    """Whether nothing but the last call can be what is wrong."""
    return calls[subject].method is method and all(call.method is not method for call in calls[:subject])


def _names(calls: Sequence[Call], taken: set[int]) -> tuple[str, ...]:
    names: list[str] = []
    seen: Counter[str] = Counter()
    for index, call in enumerate(calls):
        if index not in taken:
            names.append("")
            continue
        verb = re.match(r"[A-Z]?[a-z]*", call.path.rpartition("/")[2])
        name = _VERBS.get(verb[0].lower() if verb else "", "reply")
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(names)


def snake(name: str) -> str:
    """Return a name as Python writes those of functions: ``get_user`` for ``GetUser``."""
    found = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    found = re.sub(r"\W", "_", found)
    return f"{found}_" if keyword.iskeyword(found) else found
