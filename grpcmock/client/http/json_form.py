"""A call by JSON over HTTP, from the client's side: its path, query and body, as ``google.api.http`` lays them out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from google.protobuf.any_pb2 import Any as AnyMessage

from grpcmock.client.call import Status
from grpcmock.client.http.forms import Request, with_details
from grpcmock.errors import ConfigError, Problems
from grpcmock.protocols import framing
from grpcmock.protocols.interface import WireError
from grpcmock.protocols.message_codec import dump
from grpcmock.protocols.transcoding.request import HTTP_BODY
from grpcmock.protocols.transcoding.routes import Route, routes_of
from grpcmock.protocols.transcoding.templates import plain
from grpcmock.schema.codec import build, decode, find_field, to_tree
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.protocols.http import Headers
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata

_VARIABLE = re.compile(r"\{([^}=]+)(=[^}]*)?\}")
_TRAILER = "grpc-trailer-"
_SHOWN = 300


class JsonForm:
    """A call by JSON over HTTP."""

    def __init__(self, method: Method, registry: Registry) -> None:
        """Raises :class:`ConfigError` for a method without an annotation."""
        self._method = method
        self._registry = registry
        self._routes = list(routes_of(method, []))
        if not self._routes:
            raise ConfigError(
                f"{method} has no google.api.http annotation that can be used, so that JSON has no path to it. "
                "--protocol connect calls it by its name."
            )
        self._route = self._routes[0]
        self._http_status = 200
        self._buffer = bytearray()
        self._kind = ""
        self._trailers: Metadata = ()
        self.headers: Metadata = ()
        self.status = Status(Code.UNKNOWN, "The answer ended without a status.")

    def request(self, messages: Sequence[bytes], metadata: Metadata, deadline: float | None) -> Request:
        decoded = [decode(self._method.request_class, data) for data in messages]
        self._route, path = self._find_route(decoded)
        headers = [("accept", "application/json, application/x-ndjson")]
        if deadline is not None:
            headers.append(("grpc-timeout", f"{max(1, round(deadline * 1000))}m"))
        if self._method.kind.client_streams:
            kind, body, query = "application/x-ndjson", b"".join(self._body(one) + b"\n" for one in decoded), ""
        else:
            kind, body, query = "application/json", self._body(decoded[0]), self._query(decoded[0])
        if self._route.body:
            headers.append(("content-type", kind))
        verb = "POST" if self._route.verb == "*" else self._route.verb
        return Request(verb, f"{path}{query}", (*headers, *framing.headers_of(metadata)), body)

    def _find_route(self, messages: Sequence[Message]) -> tuple[Route, str]:
        """Return the first route whose path the request can fill, and the path."""
        first = messages[0] if messages else self._method.request_class()
        for route in self._routes:
            path = _VARIABLE.sub(lambda found: _filled(first, found[1], found[2] or ""), route.template.text)
            if "*" not in path and route.template.match(plain(path)) is not None:
                return route, path
        tried = ", ".join(map(str, self._routes))
        raise ConfigError(f"The request has no values that fit a path of {self._method}: {tried}.")

    def _body(self, message: Message) -> bytes:
        route = self._route
        if not route.body:
            return b""
        tree = to_tree(message, json_names=True)
        if route.body == "*":
            for variable in route.template.variables:
                _drop(tree, self._method.input, variable.field)
            return dump(tree)
        field = find_field(self._method.input, route.body)
        assert field is not None  # the route was checked
        return dump(tree.get(field.json_name, {}))

    def _query(self, message: Message) -> str:
        route = self._route
        if route.body == "*":
            return ""
        tree = to_tree(message)
        for variable in route.template.variables:
            _drop(tree, self._method.input, variable.field)
        if route.body:
            tree.pop(route.body, None)
        pairs = list(_flat(tree, ""))
        return f"?{urlencode(pairs)}" if pairs else ""

    # The answer -----------------------------------------------------------------------------------

    def begin(self, status: int, headers: Headers) -> None:
        self._http_status = status
        said = framing.metadata_of(headers, ())
        self.headers = tuple(pair for pair in said if not pair[0].startswith(_TRAILER))
        self._kind = dict(headers).get("content-type", "")
        trailers = [(key.removeprefix(_TRAILER), value) for key, value in said if key.startswith(_TRAILER)]
        self._trailers = tuple(trailers)

    @property
    def _is_stream(self) -> bool:
        return self._method.kind.server_streams and self._http_status == 200

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while self._is_stream and b"\n" in self._buffer:
            line, _, rest = bytes(self._buffer).partition(b"\n")
            self._buffer[:] = rest
            if not line.strip():
                continue
            tree = _parsed(line)
            if isinstance(tree, dict) and "error" in tree:
                self.status = self._error(tree["error"])
            else:
                yield self._message(tree.get("result") if isinstance(tree, dict) else tree)

    def end(self) -> Iterator[bytes]:
        body = bytes(self._buffer)
        if self._is_stream:
            if body.strip():
                raise WireError(Code.INTERNAL, "The answer ends within a line.")
            if self.status.code is Code.UNKNOWN:
                self.status = Status(Code.OK, "", self._trailers)
        elif self._http_status == 200:
            self.status = Status(Code.OK, "", self._trailers)
            yield self._answer(body)
        else:
            tree = _parsed(body) if body.lstrip()[:1] == b"{" else {}
            self.status = self._error(tree, f"HTTP status {self._http_status}")

    def _answer(self, body: bytes) -> bytes:
        if self._method.output.full_name == HTTP_BODY:
            answer: Any = self._method.response_class(content_type=self._kind, data=body)
            return bytes(answer.SerializeToString())
        tree = _parsed(body)
        return self._message({self._route.response_body: tree} if self._route.response_body else tree)

    def _message(self, tree: Any) -> bytes:
        problems = Problems()
        message = build(Node.of(tree), self._method.response_class, self._registry, problems, partial=True)
        if problems:
            reasons = " ".join(map(str, problems))
            raise WireError(
                Code.INTERNAL, f"The server sent JSON that is no {self._method.output.full_name}: {reasons}"
            )
        return message.SerializePartialToString()

    def _error(self, tree: Any, otherwise: str = "") -> Status:
        number = tree.get("code")
        code = Code(number) if isinstance(number, int) and 0 < number <= 16 else Code.UNKNOWN
        message = tree.get("message", otherwise)
        details = []
        for one in tree.get("details", []):
            problems = Problems()
            built: Any = build(Node.of(one), self._registry.message("google.protobuf.Any"), self._registry, problems)
            if not problems:
                details.append(AnyMessage(type_url=built.type_url, value=built.value))
        return Status(code, message, with_details(self._trailers, code, message, details))


def _filled(message: Any, path: str, pattern: str) -> str:
    """Return the value of a field as it stands in a path."""
    value = message
    for name in path.split("."):
        field = find_field(value.DESCRIPTOR, name)
        assert field is not None  # the route was checked
        value = getattr(value, field.name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text, safe="/" if "/" in pattern or "**" in pattern else "")


def _drop(tree: Any, descriptor: Descriptor, path: str) -> None:
    """Take a field out of a tree, by whichever of its names it stands there."""
    *owners, last = path.split(".")
    for name in owners:
        field = find_field(descriptor, name)
        assert field is not None and field.message_type is not None  # the route was checked
        tree = tree.get(field.name, tree.get(field.json_name, {}))
        descriptor = field.message_type
    field = find_field(descriptor, last)
    assert field is not None
    tree.pop(field.name, None)
    tree.pop(field.json_name, None)


def _flat(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query that say what a tree does. Raises :class:`ConfigError` where none can."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for item in tree:
            if isinstance(item, (dict, list)):
                raise ConfigError(f"{path} is a list of messages, which a query can't hold. Another protocol can.")
            yield from _flat(item, path)
    else:
        yield path, str(tree).lower() if isinstance(tree, bool) else str(tree)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        shown = data[:_SHOWN].decode("utf-8", "replace")
        raise WireError(Code.INTERNAL, f"The server sent what should be JSON, and isn't ({error}): {shown}") from None
