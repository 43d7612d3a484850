"""The one HTTP face: which protocol a request speaks, and what is said to one that no method can take."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from grpcmock.engine.steps import Finish, Open
from grpcmock.protocols import heads, status_json
from grpcmock.protocols.connect.errors import error_tree
from grpcmock.protocols.connect.streaming import ConnectStreamCall
from grpcmock.protocols.connect.unary import ConnectGetCall, ConnectUnaryCall, query_of
from grpcmock.protocols.cors import Cors
from grpcmock.protocols.grpc import GrpcCall
from grpcmock.protocols.grpc_web import GrpcWebCall
from grpcmock.protocols.http import Head, Response
from grpcmock.protocols.interface import FaceOptions, ServerCall
from grpcmock.protocols.message_codec import codec_of, dump
from grpcmock.protocols.transcoding.call import JsonCall
from grpcmock.protocols.transcoding.request import RequestBuilder
from grpcmock.protocols.transcoding.routes import Routes
from grpcmock.schema import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.engine import Engine
    from grpcmock.protocols.http import Part, Parts, RequestHead
    from grpcmock.protocols.interface import Incoming, Outgoing, WireError
    from grpcmock.protocols.message_codec import Codec
    from grpcmock.protocols.transcoding.routes import Match
    from grpcmock.schema import Method, Registry

_LOG = logging.getLogger(__name__)

_GRPC = re.compile(r"application/grpc(\+(?P<codec>proto|json))?")
_GRPC_WEB = re.compile(r"application/grpc-web(-text)?(\+(?P<codec>proto|json))?")
_CONNECT_STREAM = re.compile(r"application/connect\+(?P<codec>proto|json)")
_CONNECT_UNARY = re.compile(r"application/(?P<codec>proto|json)")
_RPC_PATH = re.compile(r"/[^/]+\.[^/]+/[^/]+")
"""A path that a client has from a proto, whether one here declares it or not."""

_JSON = ("application/json", "application/x-ndjson", "")
_TEXT = ("application/yaml", "application/x-yaml", "text/yaml", "text/plain")
_NO_SIDE_EFFECTS = 1

_REFUSALS = {
    ("json", 404): Code.NOT_FOUND,
    ("json", 405): Code.UNIMPLEMENTED,
    ("json", 415): Code.INVALID_ARGUMENT,
    ("connect", 404): Code.UNIMPLEMENTED,
}
"""What the refusals are as statuses of gRPC. Clients of Connect and gRPC take all others for UNKNOWN."""


class _Call(ServerCall, Protocol):
    """A call, and what is wrong with the head of its request."""

    refusal: WireError | None


class HttpFace:
    """Opens the calls of an engine from HTTP requests, whatever their protocol."""

    def __init__(
        self,
        engine: Engine,
        options: FaceOptions | None = None,
        *,
        others: Sequence[Registry] = (),
        warn: Callable[[str], None] = _LOG.warning,
    ) -> None:
        """*others* declare what the server offers besides (health, reflection); *warn* is told of annotations that
        can't be used."""
        self.engine = engine
        self.options = options or FaceOptions()
        self._others = {method.path: (method, registry) for registry in others for method in registry.methods.values()}
        self._cors = Cors(self.options.origins)
        self.beside: Callable[[RequestHead], ServerCall | Response | None] = lambda _: None
        """Opens what is served where the methods of the engine leave a path free; None if nothing is there."""
        self.near_beside: Callable[[RequestHead], str] = lambda _: ""
        """Says which path may have been meant of those; empty if none is like it."""
        self._warn = warn
        self._routes = Routes(())
        self._of: Registry | None = None

    @property
    def routes(self) -> Routes:
        """The routes that the annotations of the present protos make."""
        registry = self.engine.registry
        if self._of is not registry:
            self._routes, self._of = Routes(registry.methods.values()), registry
            for problem in self._routes.problems:
                self._warn(problem)
        return self._routes

    def open(self, head: RequestHead) -> ServerCall | Response:
        """Return the call that a request makes, or the whole response to one that makes none."""
        if not self._takes(head) and (found := self.beside(head)) is not None:
            return found
        preflight = self._cors.preflight(head)
        if preflight is not None:
            return preflight
        with self.engine.lock:
            found = self._open(head)
            if not isinstance(found, Response) and found.refusal is not None:
                finish = Finish(found.refusal.code, found.refusal.message)
                self.engine.open(found.opened).refuse(finish)
                found = Response(tuple(found.send(finish)))
        origin = head.header("origin")
        if not origin:
            return found
        if isinstance(found, Response):
            return replace(found, parts=tuple(self._shared(found.parts, origin)))
        return _SharedCall(found, lambda parts: self._shared(parts, origin))

    def _takes(self, head: RequestHead) -> bool:
        """Whether a path is that of a method of the engine."""
        with self.engine.lock:
            return self.engine.environment.table(head.path) is not None or bool(self.routes.verbs(head.raw_path))

    def _shared(self, parts: tuple[Part, ...] | Parts, origin: str) -> Parts:
        return [self._cors.shared(part, origin) if isinstance(part, Head) else part for part in parts]

    def _open(self, head: RequestHead) -> _Call | Response:
        kind, path = head.content_type, head.path
        method = self._method(path)
        if kind.startswith("application/grpc"):
            return self._open_grpc(head, kind, method)
        if method is not None or _speaks_connect(head):
            return self._open_connect(head, kind, method)
        match = self.routes.match(head.method, head.raw_path)
        return self._open_json(head, match) if match is not None else self._lost(head)

    def _method(self, path: str) -> Method | None:
        table = self.engine.environment.table(path)
        if table is not None:
            return table.method
        return self._others[path][0] if path in self._others else None

    def _codec(self, name: str | None, method: Method | None) -> Codec:
        registry = self.engine.registry
        if method is not None and method.path not in registry.methods:
            registry = self._others[method.path][1]
        return codec_of(name or "proto", method, registry)

    def _open_grpc(self, head: RequestHead, kind: str, method: Method | None) -> _Call | Response:
        if head.method != "POST":
            return self._not_allowed(head, ["POST"])
        if found := _GRPC_WEB.fullmatch(kind):
            return GrpcWebCall(head, self._codec(found["codec"], method), self.options)
        if (found := _GRPC.fullmatch(kind)) is None:
            return self._unsupported(head, "application/grpc, application/grpc-web, application/grpc-web-text")
        if head.version != "2":
            text = "gRPC needs HTTP/2; over HTTP/1.1 gRPC-Web, Connect and JSON are spoken here."
            return self._refused(head, "grpc", 505, text)
        return GrpcCall(head, self._codec(found["codec"], method), self.options)

    # Connect --------------------------------------------------------------------------------------

    def _open_connect(self, head: RequestHead, kind: str, method: Method | None) -> _Call | Response:
        if method is None:
            text = f"No method {head.path} is declared by the protos of this mock."
            if head.method == "POST" and (found := _CONNECT_UNARY.fullmatch(kind) or _CONNECT_STREAM.fullmatch(kind)):
                content_type = f"application/{found['codec']}"
                codec = self._codec(found["codec"], None)
                registry = self.engine.registry
                return ConnectUnaryCall(
                    head, codec, self.options, registry, content_type=content_type, is_declared=False
                )
            return self._refused(head, "connect", 404, text)
        allowed = ["GET", "POST"] if _is_safe(method) else ["POST"]
        if head.method not in allowed:
            return self._not_allowed(head, allowed)
        registry = self.engine.registry
        if head.method == "GET":
            name = query_of(head).get("encoding", ["json"])[-1]
            if name not in ("proto", "json"):
                return self._unsupported(head, "encoding=json, encoding=proto")
            codec, content_type = self._codec(name, method), f"application/{name}"
            return ConnectGetCall(head, codec, self.options, registry, content_type=content_type)
        if method.kind is MethodKind.UNARY:
            if found := _CONNECT_UNARY.fullmatch(kind):
                codec = self._codec(found["codec"], method)
                return ConnectUnaryCall(head, codec, self.options, registry, content_type=kind)
            return self._unsupported(head, "application/json, application/proto")
        if found := _CONNECT_STREAM.fullmatch(kind):
            return ConnectStreamCall(head, self._codec(found["codec"], method), self.options, registry)
        return self._unsupported(head, "application/connect+json, application/connect+proto")

    # JSON by annotations --------------------------------------------------------------------------

    def _open_json(self, head: RequestHead, match: Match) -> _Call | Response:
        registry = self.engine.registry
        text_field = self.options.text_bodies.get(match.route.method.path)
        if match.route.body and text_field is not None and head.content_type in _TEXT:
            match = replace(match, route=replace(match.route, body=text_field))
            return JsonCall(head, match, self.options, registry, is_text=True)
        is_json = not match.route.body or head.content_type in _JSON
        if not is_json and not RequestBuilder(match, "", registry).takes_any_body:
            return self._unsupported(head, ", ".join(("application/json", *(_TEXT if text_field is not None else ()))))
        return JsonCall(head, match, self.options, registry)

    def _lost(self, head: RequestHead) -> Response:
        """Answer a request to a path that there isn't, or that takes another HTTP method."""
        allowed = self.routes.verbs(head.raw_path)
        if allowed:
            return self._not_allowed(head, allowed)
        hint = self.near_beside(head) or self.hint(head)
        text = f"There is no path {head.raw_path} here. {hint}".rstrip()
        return self._refused(head, "json", 404, text)

    def hint(self, head: RequestHead) -> str:
        """Say which path may have been meant, or which there are."""
        return self.routes.hint(head.method, head.raw_path, self.engine.environment.named_methods())

    # Refusals -------------------------------------------------------------------------------------

    def _not_allowed(self, head: RequestHead, allowed: list[str]) -> Response:
        verbs = ", ".join(allowed)
        text = f"{head.raw_path} takes {verbs}, not {head.method}."
        return self._refused(head, _protocol_of(head), 405, text, ("allow", verbs))

    def _unsupported(self, head: RequestHead, taken: str) -> Response:
        came = head.header("content-type") or "no content type"
        text = f"{head.raw_path} takes {taken}; {came} came."
        return self._refused(head, _protocol_of(head), 415, text, ("accept-post", taken))

    def _refused(
        self, head: RequestHead, protocol: ProtocolName, status: int, text: str, *headers: tuple[str, str]
    ) -> Response:
        """Answer a request that makes no call with its status, and put it into the journal."""
        opened, _ = heads.opened(head, head.path, protocol)
        finish = Finish(_REFUSALS.get((protocol, status), Code.UNKNOWN), text)
        self.engine.open(opened).refuse(finish)
        registry = self.engine.registry
        kind, body = "application/json", b""
        if protocol == "json":
            body = dump(status_json.status_tree(finish, registry))
        elif _speaks_connect(head):
            body = dump(error_tree(finish, registry))
        else:
            kind, body = "text/plain; charset=utf-8", f"{text}\n".encode()
        return Response.whole(status, kind, body, *headers)


def _is_safe(method: Method) -> bool:
    return bool(method.descriptor.GetOptions().idempotency_level == _NO_SIDE_EFFECTS)


def _protocol_of(head: RequestHead) -> ProtocolName:
    kind = head.content_type
    if kind.startswith("application/grpc-web"):
        return "grpc_web"
    if kind.startswith("application/grpc"):
        return "grpc"
    return "connect" if _speaks_connect(head) or _RPC_PATH.fullmatch(head.path) else "json"


def _speaks_connect(head: RequestHead) -> bool:
    """Whether a request is Connect's, whether there is such a method or not."""
    kind = head.content_type
    if kind == "application/json":
        return bool(_RPC_PATH.fullmatch(head.path)) or "connect-protocol-version" in dict(head.headers)
    is_known = _CONNECT_STREAM.fullmatch(kind) or _CONNECT_UNARY.fullmatch(kind)
    return bool(is_known) or "connect-protocol-version" in dict(head.headers)


class _SharedCall:
    """A call that a page in a browser makes: it gets to see what is answered, where that is allowed."""

    def __init__(self, call: ServerCall, shared: Callable[[Parts], Parts]) -> None:
        self._call = call
        self._shared = shared
        self.opened: Open = call.opened

    def receive(self, data: bytes) -> Iterator[Incoming]:
        return self._call.receive(data)

    def receive_end(self) -> Iterator[Incoming]:
        return self._call.receive_end()

    def send(self, step: Outgoing) -> Parts:
        return self._shared(self._call.send(step))
