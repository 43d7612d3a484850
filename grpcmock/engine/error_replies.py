"""How a call ends that no stub answers: the status, its details, and the words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grpcmock.engine.call_record import PROTOCOLS
from grpcmock.engine.steps import EndOfCall, Finish
from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.matching.miss import Miss, shorten
from grpcmock.status import DETAILS_KEY, Code, Metadata, encode_details

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.matching.patterns import Finding
    from grpcmock.responses.plan import ExpectStep, OnStep
    from grpcmock.schema import Method

MISS_KEY = "grpcmock-miss"
"""The trailer by which a client can tell a miss from an answer."""

MESSAGE_LIMIT = 2 << 10
"""Bytes of a status message, as encoded on the wire."""

DEBUG_INFO_LIMIT = 5 << 10
"""Bytes of text in ``google.rpc.DebugInfo``."""

_TRAILERS_LIMIT = 7_600
"""Bytes that message and details may take together: clients accept 8 KiB of metadata, and there are other keys."""


def miss(code: Code, text: str) -> Finish:
    """End a call that no stub holds for: the head of *text* as message, more of it as ``google.rpc.DebugInfo``."""
    from google.protobuf.any_pb2 import Any
    from google.rpc.error_details_pb2 import DebugInfo

    message = _fit(text)
    # The details repeat the message, as grpc_status demands; base64 makes four bytes of three.
    room = (_TRAILERS_LIMIT - _encoded_size(message)) * 3 // 4 - len(message.encode()) - 100
    detail = Any()
    detail.Pack(DebugInfo(detail=shorten(text, max(0, min(DEBUG_INFO_LIMIT, room)))))
    trailers: Metadata = ((MISS_KEY, "1"), (DETAILS_KEY, encode_details(code, message, [detail])))
    return Finish(code, message, trailers)


def missed(call: CallRecord, found: Miss, code: Code) -> EndOfCall:
    """Note in its record why no stub holds for a call, and end it with that."""
    call.note_miss(found)
    return EndOfCall(miss(code, found.text))


_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("%"))
"""The characters that gRPC does not percent-encode in a status message."""


def _encoded_size(message: str) -> int:
    """Count the bytes that a status message takes, percent-encoded."""
    data = message.encode()
    return len(data) + 2 * len(data.translate(None, _PLAIN))


def _fit(text: str) -> str:
    """Cut *text* at a line so that it fits a status message even when percent-encoded."""
    limit = MESSAGE_LIMIT
    while True:
        message = shorten(text, limit)
        if limit < 64 or _encoded_size(message) <= MESSAGE_LIMIT:
            return message
        limit = limit * 3 // 4


def unknown_method(path: str, methods: Iterable[Method], beside: Iterable[Method] = ()) -> Finish:
    """Refuse a call to a path that no proto declares; *beside* are named to those alone who mean their services."""
    # A client takes its paths from a proto: it has another one, perhaps of another version, but makes no slips.
    service, _, name = path.removeprefix("/").rpartition("/")
    known = list(methods)
    near = [str(one) for one in (*known, *beside) if one.service == service or _alike(one, service, name)]
    if near:
        hint = did_you_mean(path.removeprefix("/"), near, known="The methods served")
    else:
        hint = did_you_mean("", {method.service for method in known}, known="The services served")
    return Finish(Code.UNIMPLEMENTED, f"No method {path} is declared by the protos of this mock. {hint}".rstrip())


def _alike(method: Method, service: str, name: str) -> bool:
    """Whether a method is this one, but for the package of its service."""
    return method.name == name and method.service.rpartition(".")[2] == service.rpartition(".")[2]


def undecodable(method: Method, reason: str) -> Finish:
    """Refuse a request that isn't a message of the method's type."""
    return Finish(
        Code.INTERNAL, f"{method}: the request can't be decoded as {method.input.full_name}: {reason.rstrip('.')}."
    )


def no_request(method: Method) -> Finish:
    """Refuse a call of a method with a single request that ended without one."""
    return _wrong_count(method, "none came")


def many_requests(method: Method) -> Finish:
    """Refuse a call of a method with a single request that went on after it."""
    return _wrong_count(method, "more came")


def _wrong_count(method: Method, came: str) -> Finish:
    # The code is the one that gRPC's table of library-made status codes has for a cardinality violation.
    return Finish(Code.UNIMPLEMENTED, f"{method} is a {method.kind.value} method: it takes one request, but {came}.")


def impossible_fault(call: CallRecord, whose: str, kind: str) -> Finish:
    """End a call that was to be spoiled in a way that its protocol, or the transport, has no means for."""
    call.error = ConfigError(
        f"{whose}: the fault {str(kind)!r} can't be put on the wire in {PROTOCOLS[call.protocol]}."
    )
    return Finish(Code.INTERNAL, f"{call.name}: {call.error}")


def script_miss(
    method: Method, stub: object, step: ExpectStep | OnStep, came: str, findings: Iterable[Finding]
) -> Miss:
    """Tell which step of a script was not met, and how."""
    where = f" at {step.location}" if step.location else ""
    lines = [f"{method}: the script of stub {stub} was not followed: {step.path}{where}: {came}."]
    lines += [f"    {one.path}: expected {one.expected}, actual {one.actual}" for one in findings if not one.matched]
    return Miss("\n".join(lines), ())
