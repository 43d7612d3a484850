"""The calls of a failure as a program tells them: in order, answers that matter under names, and what must be true."""

from __future__ import annotations

import json
import keyword
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.check import Promise
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.expectations.status_fields import resolve
from grpcmock.fuzz.model.cases import Measure
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.python_values import Expression, put
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.cases import Call, Path
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

_UNSEEN = frozenset({Measure.USAGE, Measure.REFLECTION, Measure.OUTPUT})
"""What is looked at beside the calls, so that a program that only makes calls can't see it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be true of a status."""

    codes: tuple[Code, ...]
    is_one: bool
    """Whether it must be one of those codes, or none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What all programs have in common that make a failure again."""

    calls: tuple[Call, ...]
    """Their bindings are still to be filled in."""

    names: tuple[str, ...]
    """For the answer to each call; empty where nobody asks for it."""

    check: Check
    demands: Mapping[int, Demand]
    """What must be true of the status of calls, by their indices; empty where only the check itself can tell."""


_DEMANDS = {
    Promise.HANDLED: Demand((Code.UNKNOWN, Code.INTERNAL), False),
    Promise.TAKEN: Demand((Code.INVALID_ARGUMENT,), False),
    Promise.REFUSED: Demand((Code.OK,), False),
    Promise.DENIED: Demand((Code.UNAUTHENTICATED, Code.PERMISSION_DENIED), True),
}

_NAMED = re.compile(r"([A-Z_]+)(?: or ([A-Z_]+))?\b")


def script_of(case_file: CaseFile, registry: Registry) -> Script:
    """Return the calls as a program tells them.

    Raises :class:`NotSayableError` for what is below gRPC, and for what is seen beside the calls.
    """
    case, check = case_file.case, find_check(case_file.check)
    calls = case.calls if any(call.bindings for call in case.calls) else case_file.made
    if any(call.raw is not None for call in calls):
        raise NotSayableError("this is HTTP/2 that no gRPC client sends; --as python has it.")
    if case.measures & _UNSEEN:
        raise NotSayableError(
            "it shows in what the server uses, writes or reflects, which only `grpcmock replay` looks at."
        )
    in_bodies = resolve(case_file.expectations.get("status_fields", {}), tuple(registry.methods.values()))
    demands = {} if case.repeat > 1 or case.method.full_name in in_bodies else _demands(case_file, check, calls)
    taken = {binding.call for call in calls for binding in call.bindings} | set(demands)
    return Script(calls=calls, names=_names(calls, taken), check=check, demands=demands)


def _demands(case_file: CaseFile, check: Check, calls: Sequence[Call]) -> dict[int, Demand]:
    """Return what must be true of the last calls of the method, once each: others of it may be what is wrong."""
    method = case_file.case.method
    own = [index for index, call in enumerate(calls) if call.method is method]
    if check.promises == (Promise.NAMED,):
        codes = _named(case_file.expected)
        if not codes and (came := _named(case_file.actual)) and Code.OK not in came:
            codes = (Code.OK,)
        return {own[-1]: Demand(codes, True)} if own and codes else {}
    if len(own) != len(check.promises):
        return {}
    return {index: _DEMANDS[promise] for index, promise in zip(own, check.promises, strict=True)}


def _named(text: str) -> tuple[Code, ...]:
    """Return the statuses that a text begins with."""
    found = _NAMED.match(text)
    return tuple(Code[name] for name in found.groups() if name in Code.__members__) if found else ()


def _names(calls: Sequence[Call], taken: set[int]) -> tuple[str, ...]:
    """Return names such as ``created``, or ``created_note`` where more than one method creates something."""
    methods: dict[str, set[str]] = {}
    for index in taken:
        verb, _ = _verb_and_noun(calls[index])
        methods.setdefault(verb, set()).add(calls[index].path)
    seen: Counter[str] = Counter()
    names = []
    for index, call in enumerate(calls):
        verb, noun = _verb_and_noun(call)
        name = "" if index not in taken else f"{verb}_{noun}" if noun and len(methods[verb]) > 1 else verb
        seen[name] += 1
        names.append(name if not name or seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(names)


def _verb_and_noun(call: Call) -> tuple[str, str]:
    verb, _, noun = snake(call.path.rpartition("/")[2]).partition("_")
    return _VERBS.get(verb, "reply"), noun


def snake(name: str) -> str:
    """Return a name as Python writes those of functions: ``get_user`` for ``GetUser``."""
    found = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    found = re.sub(r"\W", "_", found)
    return f"{found}_" if keyword.iskeyword(found) else found


def statuses_of(script: Script) -> Mapping[int, Demand]:
    """Return what must be true of statuses. Raises :class:`NotSayableError` where no status tells."""
    if not script.demands:
        raise NotSayableError(
            f"no status alone shows whether {script.check.name} is kept; --as pytest asks the check itself."
        )
    return script.demands


def response_path(method: Method, path: Path) -> tuple[str | int, ...]:
    """Return a path in a response with the names that ProtoJSON has for its fields."""
    found: list[str | int] = []
    current: Any = method.output
    for step in path:
        field = current.fields_by_name.get(step) if current is not None and isinstance(step, str) else None
        found.append(field.json_name if field is not None else step)
        if field is not None:
            current = field.message_type
    return tuple(found)


def filled(call: Call, trees: list[Any], reference: Callable[[int, Path], str]) -> list[Any]:
    """Return the messages of a call with references to earlier answers in them."""
    for binding in call.bindings:
        try:
            expression = Expression(reference(binding.call, binding.source))
            trees = [put(trees[0], binding.target, expression), *trees[1:]]
        except (ValueError, LookupError):
            raise NotSayableError("a value that an answer gives has no place in its JSON; see --as pytest.") from None
    return trees


def json_text(tree: Any) -> str:
    """Return ProtoJSON in which references stand as they are."""
    match tree:
        case Expression():
            return tree.text
        case dict():
            return "{" + ", ".join(f"{json_text(str(key))}: {json_text(value)}" for key, value in tree.items()) + "}"
        case list():
            return f"[{', '.join(map(json_text, tree))}]"
        case _:
            return json.dumps(tree, ensure_ascii=False)
