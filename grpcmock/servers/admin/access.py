"""Who may call the admin service, and how it refuses: a status with rich details for all that goes wrong."""

from __future__ import annotations

import hmac
import inspect
import ipaddress
import urllib.parse
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest

from grpcmock.errors import ConfigError, GrpcmockError, Problem, StubError, UnknownMethodError
from grpcmock.status import DETAILS_KEY, Code, encode_details

if TYPE_CHECKING:
    from grpcmock.schema import Method

_MESSAGE_LIMIT = 2_000
_DETAILS_LIMIT = 3_000
"""Bytes of the status message and of its details: clients accept 8 KiB of metadata, and some are percent-encoded."""

_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}


class RefusedError(GrpcmockError):
    """A request is refused with this status."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Access:
    """Decides who may call. Raises :class:`ConfigError` for a token that metadata can't carry."""

    def __init__(self, token: str | None) -> None:
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            raise ConfigError(
                "--admin-token: a token is made of printable ASCII characters without spaces, at least one."
            )
        self._token = token.encode() if token is not None else None

    def check(self, peer: str, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        """Raise :class:`RefusedError` unless a caller may call."""
        if self._token is None:
            if not is_local(peer):
                text = (
                    "Without a token, the admin service answers only this machine. Start the server with --admin-token."
                )
                raise RefusedError(Code.UNAUTHENTICATED, text)
            return
        given = [value for key, value in metadata if key == "authorization"]
        # No early end: all values are compared, each in constant time.
        if not sum(self._fits(value) for value in given):
            what = "The token is wrong" if given else "A token is needed"
            raise RefusedError(Code.UNAUTHENTICATED, f"{what}: send the metadata 'authorization: Bearer TOKEN'.")

    def _fits(self, value: str | bytes) -> bool:
        scheme, _, token = (value.encode() if isinstance(value, str) else value).partition(b" ")
        assert self._token is not None
        return hmac.compare_digest(token.strip(), self._token) and scheme.lower() == b"bearer"


def is_local(peer: str) -> bool:
    """Whether a peer, in gRPC's words (``ipv4:127.0.0.1:50123``), is on this machine."""
    scheme, _, rest = urllib.parse.unquote(peer).partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def guarded(method: Method, access: Access, behavior: Callable[..., Any]) -> grpc.RpcMethodHandler[Any, Any]:
    """Give a handler that lets in whom *access* lets in, and turns the errors of this package into statuses.

    *behavior* takes a request and fills a response; that of a stream takes a request, the context, and the class of
    its responses, and yields them.
    """
    response_class = method.response_class

    async def single(request: Any, context: Any) -> Any:
        response = response_class()
        try:
            access.check(context.peer(), context.invocation_metadata() or ())
            done = behavior(request, response)
            if inspect.isawaitable(done):
                await done
        except GrpcmockError as error:
            await _refuse(context, error)
        return response

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            access.check(context.peer(), context.invocation_metadata() or ())
            async for response in behavior(request, context, response_class):
                yield response
        except GrpcmockError as error:
            await _refuse(context, error)

    kinds = {False: grpc.unary_unary_rpc_method_handler, True: grpc.unary_stream_rpc_method_handler}
    make = kinds[method.kind.server_streams]
    return make(
        stream if method.kind.server_streams else single,
        method.request_class.FromString,
        response_class.SerializeToString,
    )


async def _refuse(context: Any, error: GrpcmockError) -> None:
    """End a call with the status of an error."""
    if isinstance(error, RefusedError):
        code = error.code
    elif isinstance(error, UnknownMethodError):
        code = Code.NOT_FOUND
    else:
        code = Code.INVALID_ARGUMENT
    message = _cut(str(error), _MESSAGE_LIMIT)
    trailers: tuple[tuple[str, bytes], ...] = ()
    if isinstance(error, StubError):
        details = _violations(error.problems)
        trailers = ((DETAILS_KEY, encode_details(code, message, [details])),)
    await context.abort(_CODES[code], message, trailers)


def _violations(problems: Sequence[Problem]) -> AnyMessage:
    """Give a ``google.rpc.BadRequest`` with a violation for each problem, as many as metadata can hold."""
    request = BadRequest()
    for number, problem in enumerate(problems):
        where = f"{problem.location}: " if problem.location else ""
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
