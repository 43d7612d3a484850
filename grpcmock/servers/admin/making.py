"""Calls made through the admin service: by the engine, as if a client had sent them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict, ParseDict

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Reset, Send, Truncate
from grpcmock.errors import Problems
from grpcmock.responses.faults import FAULTS
from grpcmock.schema.codec import DecodeError, build, decode, to_tree
from grpcmock.servers.admin.call_messages import write_metadata
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.servers.http_call import HttpCall, perform
from grpcmock.status import SESSION_KEY, Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.protocols.http import Parts
    from grpcmock.protocols.interface import Incoming, Outgoing
    from grpcmock.schema import Method
    from grpcmock.servers.admin.behaviors import Behaviors, Steered
    from grpcmock.status import Metadata

_TIMEOUT = 10.0
_LONGEST = 600.0
"""Seconds that a call may take: those it gets by itself, and the most that it can be given."""

_PEER = "inproc:admin"


def behaviors(steered: Steered) -> Behaviors:
    """Give what makes calls."""

    async def make(request: Any, response: Any) -> None:
        engine = steered.engine
        method = steered.method(request.method)
        call = _DirectCall(_opening(request, method), _encoded(request, method, steered))
        record = await perform(engine, HttpCall(call, _Nowhere()), warn=lambda text: engine.note("warning", text))
        for data in call.messages:
            ParseDict(_told(data, method), response.messages.add())
        response.code, response.code_name = call.finish.code.value, call.finish.code.name
        response.status_message = call.finish.message
        response.call_id = record.id
        write_metadata(response.headers, call.headers)
        write_metadata(response.trailers, call.finish.trailers)

    return {"MakeCall": make}


class _DirectCall:
    """A call without any protocol: its messages go in as they are, and what is said is kept."""

    def __init__(self, opened: Open, requests: list[bytes]) -> None:
        self.opened = opened
        self._requests = requests
        self.headers: Metadata = ()
        self.messages: list[bytes] = []
        self.finish = Finish(Code.UNKNOWN, "The call ended without a status.")

    def receive(self, data: bytes) -> Iterator[Incoming]:
        raise AssertionError(data)  # there is no wire that it could come from

    def receive_end(self) -> Iterator[Incoming]:
        yield from map(Message, self._requests)
        yield HALF_CLOSE

    def send(self, step: Outgoing) -> Parts:
        match step:
            case Headers():
                self.headers = (*self.headers, *step.metadata)
            case Send():
                self.messages.append(step.data)
            case Finish():
                self.finish = step if not step.drop else Finish(Code.UNKNOWN, "The server sent no status.")
            case Reset():
                self.finish = Finish(Code.UNAVAILABLE, "The stream was reset by a fault.")
            case Truncate():
                self.finish = Finish(Code.INTERNAL, "The stream was cut short by a fault.")
        return []


class _Nowhere:
    """The wire of a call that has none."""

    async def read(self) -> None:
        return None

    async def write(self, parts: Parts) -> None: ...

    def go_away(self) -> None: ...


def _opening(request: Any, method: Method) -> Open:
    timeout = request.timeout.ToNanoseconds() / 1e9 if request.HasField("timeout") else _TIMEOUT
    if not 0 < timeout <= _LONGEST:
        what = f"timeout: this is {timeout:g}s; it must be more than nothing, and at most {_LONGEST:g}s."
        raise RefusedError(Code.INVALID_ARGUMENT, what)
    metadata: list[tuple[str, str | bytes]] = []
    for number, given in enumerate(request.metadata):
        key, is_bytes = given.key.lower(), given.WhichOneof("value") == "bytes"
        if not key or is_bytes is not key.endswith("-bin"):
            rule = "keys that end with -bin have bytes, others text"
            raise RefusedError(Code.INVALID_ARGUMENT, f"metadata[{number}]: {given.key!r} can't stand here: {rule}.")
        metadata.append((key, given.bytes if is_bytes else given.text))
    if request.session:
        metadata = [(SESSION_KEY, request.session), *(pair for pair in metadata if pair[0] != SESSION_KEY)]
    return Open(method.path, tuple(metadata), timeout, _PEER, "grpc", FAULTS)


def _encoded(request: Any, method: Method, steered: Steered) -> list[bytes]:
    """Return the messages that are sent. Raises :class:`GrpcmockError` with all that is wrong in them."""
    trees = [_integral(MessageToDict(message)) for message in request.messages]
    if not method.kind.client_streams:
        trees = trees or [{}]
        if len(trees) > 1:
            what = f"messages: {method} takes one message, not {len(trees)}."
            raise RefusedError(Code.INVALID_ARGUMENT, what)
    problems = Problems()
    registry = steered.engine.registry
    built = [
        build(Node.of(tree), method.request_class, registry, problems, f"messages[{number}]", partial=True)
        for number, tree in enumerate(trees)
    ]
    problems.raise_errors()
    return [message.SerializePartialToString() for message in built]


def _integral(value: Any) -> Any:
    """Return a tree whose numbers are integers where they can be: a ``Struct`` knows floating point alone."""
    match value:
        case dict():
            return {key: _integral(inner) for key, inner in value.items()}
        case list():
            return [_integral(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _told(data: bytes, method: Method) -> dict[str, Any]:
    try:
        tree = to_tree(decode(method.response_class, data))
    except DecodeError as error:
        return {"@error": f"{len(data)} bytes that are no {method.output.full_name}: {error}"}
    return tree if isinstance(tree, dict) else {"value": tree}
