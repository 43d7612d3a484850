"""How the admin service refuses: a status, with rich details for all that goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest

from grpcmock.engine.faults import UnknownFaultError
from grpcmock.errors import CompileError, DroppedCallsError, GrpcmockError, Problem, StubError, UnknownMethodError
from grpcmock.schema.adding import ContradictionError
from grpcmock.status import DETAILS_KEY, Code, encode_details

_MESSAGE_LIMIT = 2_000
_DETAILS_LIMIT = 3_000
"""Bytes of the status message and of its details: clients accept 8 KiB of metadata, and some are percent-encoded."""

_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}


class RefusedError(GrpcmockError):
    """A request is refused with this status."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


async def refuse(context: Any, error: GrpcmockError) -> None:
    """End a call with the status of an error."""
    if isinstance(error, RefusedError):
        code = error.code
    elif isinstance(error, ContradictionError):
        code = Code.ALREADY_EXISTS
    elif isinstance(error, (UnknownMethodError, UnknownFaultError)):
        code = Code.NOT_FOUND
    elif isinstance(error, DroppedCallsError):
        code = Code.FAILED_PRECONDITION
    else:
        code = Code.INVALID_ARGUMENT
    message = _cut(str(error), _MESSAGE_LIMIT)
    trailers: tuple[tuple[str, bytes], ...] = ()
    if isinstance(error, (StubError, CompileError)):
        details = _violations(error.problems)
        trailers = ((DETAILS_KEY, encode_details(code, message, [details])),)
    await context.abort(_CODES[code], message, trailers)


def _violations(problems: Sequence[Problem]) -> AnyMessage:
    """Give a ``google.rpc.BadRequest`` with a violation for each problem, as many as metadata can hold."""
    request = BadRequest()
    for number, problem in enumerate(problems):
        where = f"{place}: " if (place := str(problem.location or "")) else ""
        violation = BadRequest.FieldViolation(
            field=problem.path,
            description=_cut(f"{where}{problem.message} {problem.hint}".strip(), 600),
            reason=problem.rule.upper().replace("-", "_"),
        )
        if request.ByteSize() + violation.ByteSize() > _DETAILS_LIMIT:
            request.field_violations.add(description=f"… and {len(problems) - number} more.")
            break
        request.field_violations.append(violation)
    packed = AnyMessage()
    packed.Pack(request)
    return packed


def _cut(text: str, limit: int) -> str:
    """Cut a text that takes too many bytes, at a line if there is one."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return text
    kept = data[:limit].decode(errors="ignore")
    line, newline, _ = kept.rpartition("\n")
    return f"{line if newline else kept}\n…" if newline else f"{kept}…"
