"""Programs of calls that race for one thing: what is done once only, tried twice in turn, and then by many at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import is_set, path_of, reachable
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import is_there, varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

AT_ONCE = 6
_ID = "race-abcdefgh"
_LATER = re.compile(r"(Operation|Job|Task|Workflow|Process)$")
_FREE_TEXT = re.compile(
    r"(.*_)?(title|name|text|note|notes|comment|description|owner|subject|theme|label|body|summary)"
)
"""Fields whose texts may well be others."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that may do something once only. What ends or takes away may well do so twice."""
    own = plan.acceptance.first.get(method.path)
    if own is None or method.kind is not MethodKind.UNARY or only_reads(method) or plan.acceptance.takes_away(method):
        return
    own = _with_own_id(own, plan)
    if own.own_id is None and not own.needs:
        return  # each call is about another thing
    if _LATER.search(method.output.name):
        return  # what is only begun may fail yet
    program = MethodProgram(method, plan, "at-once")
    plain, text = replace(own, full=b"", values={}), _free_text(own)
    program.add(plain)
    program.add(_saying(plain, text, 1))  # that it says something else must make no difference
    makers = [need.made_by.method for need in own.needs]
    names_two = len(set(makers)) < len(makers)
    for need in own.needs if not names_two else ():
        _make_anew(program, need.made_by)
    for number in range(AT_ONCE):
        racing = _saying(plain, text, number)
        program.add(racing, anew=2, latest=not names_two, skip=len(makers) * names_two)
    case = program.case(f"once, once more, and then {AT_ONCE} times at once, on something else")
    yield replace(case, targets=frozenset({"concurrency"}), together=AT_ONCE, shrinks_as_one=True)


def _make_anew(program: MethodProgram, maker: AcceptedRequest) -> None:
    """Add calls that make another thing, with all that it needs: below the same ones there may be one only."""
    for need in maker.needs:
        _make_anew(program, need.made_by)
    program.add(maker, anew=2, latest=True)


def _with_own_id(own: AcceptedRequest, plan: Plan) -> AcceptedRequest:
    """Return the request with an id that the client chooses, where it may."""
    path = own.own_id
    if path is None:
        known = resources_of(plan.registry, plan.expectations.links).by_path.get(own.method.path)
        path = known[1].own_id if known is not None else None
    message: Any = own.message
    if path is None or is_there(message, path):
        return own
    value = value_at(own.fullest, path) if is_there(own.fullest, path) else _ID
    try:
        put(message, path, value)
    except (TypeError, ValueError):
        return own
    return replace(own, data=bytes_of(message), own_id=path, full=b"")


def _free_text(own: AcceptedRequest) -> Path | None:
    """Return the place of a text that may differ from call to call, so that each of them has an answer of its own."""
    message = own.message
    for way in reachable(own.method.input):
        path = path_of(way)
        is_text = way[-1].type == FieldDescriptor.TYPE_STRING and _FREE_TEXT.fullmatch(way[-1].name) is not None
        is_plain = is_text and not any(field.is_repeated for field in way) and is_set(message, way)
        if is_plain and path != own.own_id and path not in own.references:
            return path
    return None


def _saying(own: AcceptedRequest, path: Path | None, number: int) -> AcceptedRequest:
    """Return the request with another text at a path; as it is for the number 0, and where there is no such path."""
    if path is None or not number:
        return own
    message = own.message
    put(message, path, varied(value_at(message, path), f"race {number}"))
    return replace(own, data=bytes_of(message))
