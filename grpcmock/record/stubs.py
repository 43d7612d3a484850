"""From told calls to a stub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stub
from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import Location, Problems
from grpcmock.replies.faults import AIO_FAULTS
from grpcmock.stubs.dump import literals
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.record.telling import Told
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_LOCATION = Location("recorded")
_NO_ROW: dict[str, Any] = {}


def make_stub(name: str, asked: Told, answers: Sequence[Told], problems: Problems, *, priority: int = 0) -> Stub | None:
    """Make a stub that gives *answers* in turn; None, with the problem noted, if there can be none.

    Where a pattern holds braces, the stub has a table of one row: there, patterns are templates.
    """
    keys: dict[str, Any] = {"method": asked.method.full_name, **asked.matching}
    if priority:
        keys["priority"] = priority
    told = [answer.answer for answer in answers]
    patterns = [asked.matching, [step["expect"] for answer in told for step in _expecting(answer)]]
    row = _NO_ROW if literals(patterns) != patterns else None
    if row is not None:
        told = [_literally_expecting(answer) for answer in told]
    keys |= told[0] if len(told) == 1 else {"answers": told}
    if ignored := sorted({path for answer in answers for path in answer.ignored}):
        keys["verify"] = {"ignore": ignored}
    return parse_stub(Node.of(keys, _LOCATION), problems, name=name, row=row)


def refusal(told: Told, registry: Registry) -> str:
    """Say why a call can't be told, whatever looked right before; empty if it can."""
    problems = Problems()
    stub = make_stub("recorded", told, [told], problems)
    if stub is not None:
        compile_stub(stub, registry, problems, layer=Layer.FILE, order=0, faults=AIO_FAULTS)
    errors = problems.errors
    return f"{errors[0].path}: {errors[0].message}" if errors else ""


def _expecting(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in answer.get("script", ()) if "expect" in step]


def _literally_expecting(answer: dict[str, Any]) -> dict[str, Any]:
    if "script" not in answer:
        return answer
    script = [{"expect": literals(step["expect"])} if "expect" in step else step for step in answer["script"]]
    return {**answer, "script": script}
