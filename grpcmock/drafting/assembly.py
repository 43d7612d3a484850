"""Puts recorded answers to one request together to a stub, and finds out whether it is valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stub
from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import Location, Problems
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.stubs import steps
from grpcmock.stubs.dump import literals
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.drafting.recorded_stub import RecordedStub
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_LOCATION = Location("recorded")
_NO_ROW: dict[str, Any] = {}


def make_stub(
    name: str, first: RecordedStub, answers: Sequence[RecordedStub], problems: Problems, *, priority: int = 0
) -> Stub | None:
    """Return a stub for the request of *first* that gives *answers* in turn; None, with the problem noted, for none.

    Where a pattern holds braces, the stub has a table of one row: there, patterns are templates.
    """
    keys: dict[str, Any] = {"method": first.method.full_name, **first.matching}
    if priority:
        keys["priority"] = priority
    written = [answer.answer for answer in answers]
    patterns = [first.matching, [step[steps.EXPECT] for answer in written for step in _expecting(answer)]]
    row = _NO_ROW if literals(patterns) != patterns else None
    if row is not None:
        written = [_literally_expecting(answer) for answer in written]
    keys |= written[0] if len(written) == 1 else {"answers": written}
    if ignored := sorted({path for answer in answers for path in answer.ignored}):
        keys["verify"] = {"ignore": ignored}
    return parse_stub(Node.of(keys, _LOCATION), problems, name=name, row=row)


def why_refused(recorded: RecordedStub, registry: Registry) -> str:
    """Return why a call makes no valid stub, whatever looked right before; empty if it does."""
    problems = Problems()
    stub = make_stub("recorded", recorded, [recorded], problems)
    if stub is not None:
        compile_stub(stub, registry, problems, layer=Layer.FILE, order=0, faults=AIO_FAULTS)
    errors = problems.errors
    return f"{errors[0].path}: {errors[0].message}" if errors else ""


def _expecting(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in answer.get("script", ()) if steps.EXPECT in step]


def _literally_expecting(answer: dict[str, Any]) -> dict[str, Any]:
    if "script" not in answer:
        return answer
    script = [
        {steps.EXPECT: literals(step[steps.EXPECT])} if steps.EXPECT in step else step for step in answer["script"]
    ]
    return {**answer, "script": script}
