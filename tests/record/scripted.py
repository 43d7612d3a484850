"""A real server that plays scripts, and what a client makes of it: interactions with services that are generated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2
from google.rpc.status_pb2 import Status
from hypothesis import strategies as st
from strategies import messages
from support import registry as compiled

from grpcmock.client.actions import Action, HalfClose, Receive, Send
from grpcmock.client.call import Outcome, perform
from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems
from grpcmock.schema import MethodKind, Registry
from grpcmock.schema.codec import decode, to_tree
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import AioServer
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from pathlib import Path

    from grpcmock.schema import Method

OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
PATIENCE = 20.0
_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}
F = descriptor_pb2.FieldDescriptorProto
_SCALARS = (
    *(F.TYPE_STRING, F.TYPE_INT32, F.TYPE_INT64, F.TYPE_BOOL, F.TYPE_DOUBLE, F.TYPE_BYTES, F.TYPE_UINT64, F.TYPE_ENUM),
    F.TYPE_FLOAT,
)


@dataclass(frozen=True)
class Talk:
    """One call: what the client and the server send, in which order, and how it ends."""

    method: Method
    steps: tuple[tuple[str, bytes], ...]
    """``("ask", …)`` or ``("reply", …)``, or ``("half_close", b"")`` by the client."""
    headers: tuple[tuple[str, str | bytes], ...] = ()
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    code: Code = Code.OK
    message: str = ""
    trailers: tuple[tuple[str, str | bytes], ...] = ()

    def actions(self) -> list[Action]:
        """What the client does: it waits for each reply before it goes on."""
        actions: list[Action] = []
        for what, data in self.steps:
            told: dict[str, Action] = {"ask": Send(data), "reply": Receive(1), "half_close": HalfClose()}
            actions.append(told[what])
        return actions


class Scripted(grpc.GenericRpcHandler):
    """Plays the server's side of the talk that is on."""

    def __init__(self) -> None:
        self.talk: Talk | None = None
        self.metadata: list[Any] = []
        self.calls = 0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        self.metadata.append(details.invocation_metadata)
        return grpc.stream_stream_rpc_method_handler(self.play)

    async def play(self, _: Any, context: Any) -> None:
        self.calls += 1
        talk = self.talk
        assert talk is not None
        await _play(talk, context, context.read)


class Remembering(grpc.GenericRpcHandler):
    """The same server when it is asked again, by whomever: what it is asked tells which talk is on.

    Of talks that begin alike, each is had once, in their order; the last one over and over.
    """

    def __init__(self, talks: list[Talk], forget: Callable[[str], bool] = lambda _: False) -> None:
        """*forget* says of the name of a field whether its values tell nothing."""
        self._forget = forget
        self._methods = {talk.method.path: talk.method for talk in talks}
        self._waiting: dict[tuple[str, str], list[Talk]] = {}
        for talk in talks:
            asked = [data for what, data in talk.steps if what == "ask"]
            self._waiting.setdefault(self._key(talk.method, asked, first=_begins(talk)), []).append(talk)
        self._speaks_first = {talk.method.path for talk in talks if _begins(talk) == "reply"}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        method = self._methods[details.method]

        async def play(_: Any, context: Any) -> None:
            await self._play(method, context)

        return grpc.stream_stream_rpc_method_handler(play)

    async def _play(self, method: Method, context: Any) -> None:
        asked: list[Any] = []
        if method.kind is MethodKind.CLIENT_STREAMING:
            while not asked or asked[-1] is not grpc.aio.EOF:
                asked.append(await context.read())
        elif method.path not in self._speaks_first:
            asked.append(await context.read())
        first = "reply" if not asked else ""
        waiting = self._waiting[self._key(method, [one for one in asked if one is not grpc.aio.EOF], first=first)]
        talk = waiting.pop(0) if len(waiting) > 1 else waiting[0]

        async def read() -> Any:
            return asked.pop(0) if asked else await context.read()

        await _play(talk, context, read, self._check)

    def _key(self, method: Method, asked: list[bytes], *, first: str) -> tuple[str, str]:
        if method.kind is MethodKind.BIDI_STREAMING:
            asked = [] if first == "reply" else asked[:1]
        return method.path, "".join(self._read(method, data) for data in asked)

    def _read(self, method: Method, data: bytes) -> str:
        return json.dumps(self._forgetting(to_tree(decode(method.request_class, data))), sort_keys=True)

    def _forgetting(self, tree: Any) -> Any:
        if isinstance(tree, dict):
            tree = {**tree}
            if "@type" in tree:  # where a type is to be found says nothing about it
                tree["@type"] = tree["@type"].rpartition("/")[2]
            for key, value in tree.items():
                if key.endswith("mask") or (key == "value" and tree.get("@type") == "google.protobuf.FieldMask"):
                    tree[key] = sorted(set(value.split(",")))  # a mask is a set
            return {key: self._forget(key) or self._forgetting(value) for key, value in tree.items()}
        return [self._forgetting(item) for item in tree] if isinstance(tree, list) else tree

    def _check(self, talk: Talk, came: Any, data: bytes) -> None:
        assert self._read(talk.method, came) == self._read(talk.method, data)


def _begins(talk: Talk) -> str:
    return talk.steps[0][0] if talk.steps else ""


def _same(_: Talk, came: Any, data: bytes) -> None:
    assert came == data


async def _play(
    talk: Talk,
    context: Any,
    read: Callable[[], Awaitable[Any]],
    check: Callable[[Talk, Any, bytes], None] = _same,
) -> None:
    if talk.headers:
        await context.send_initial_metadata(talk.headers)
    for what, data in talk.steps:
        if what == "reply":
            await context.write(data)
            continue
        came = await read()
        if what == "ask":
            check(talk, came, data)
        else:
            assert came is grpc.aio.EOF
    context.set_trailing_metadata(talk.trailers)
    if talk.code is not Code.OK:
        code = next(c for c in grpc.StatusCode if c.value[0] == talk.code)
        await context.abort(code, talk.message, talk.trailers)


@asynccontextmanager
async def serving(handler: grpc.GenericRpcHandler, **keywords: Any) -> AsyncIterator[str]:
    server = grpc.aio.server(handlers=[handler], options=[("grpc.max_receive_message_length", -1)], **keywords)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def have(address: str, talks: list[Talk], server: Scripted | None = None) -> list[Outcome]:
    """Have the talks, one after the other."""
    outcomes = []
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        for talk in talks:
            if server is not None:
                server.talk = talk
            made = perform(channel, talk.method.path, talk.actions(), metadata=talk.metadata, deadline=PATIENCE)
            outcomes.append(await asyncio.wait_for(made, PATIENCE + 5))
    return outcomes


@asynccontextmanager
async def mocked(registry: Registry, folder: Path) -> AsyncIterator[str]:
    """A mock server that has the stubs of a folder."""
    problems = Problems()
    server = AioServer(Engine(registry, loader.load([folder], problems), problems=problems))
    address = server.listen(Address.parse("127.0.0.1:0"))
    await server.start()
    try:
        yield str(address)
    finally:
        await server.stop(None)


async def replayed(registry: Registry, folder: Path, talks: list[Talk]) -> list[Outcome]:
    """Have the same talks with a mock server that has the stubs of a folder."""
    async with mocked(registry, folder) as address:
        return await have(address, talks)


def shown(registry: Registry, talk: Talk, outcome: Outcome) -> dict[str, Any]:
    """What a client sees, in a form that can be compared: messages by what they say, not by their bytes."""
    trailers = [pair for pair in outcome.trailers if pair[0] != DETAILS_KEY]
    raw = dict(outcome.trailers).get(DETAILS_KEY)
    details = []
    if raw is not None:
        any_class = registry.message("google.protobuf.Any")
        details = [_text(any_class.FromString(one.SerializeToString())) for one in Status.FromString(raw).details]
    return {
        "code": outcome.code.name,
        "message": outcome.message,
        "headers": sorted(outcome.headers, key=lambda pair: pair[0]),
        "trailers": sorted(trailers, key=lambda pair: pair[0]),
        "details": details,
        "responses": [_text(decode(talk.method.response_class, data)) for data in outcome.responses],
    }


def _text(message: Any) -> str:
    return json.dumps(to_tree(message), sort_keys=True)  # the order of a map's entries means nothing


# --- Generated -------------------------------------------------------------------------------------------------------


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Services with a method of each kind, over messages of any shape; now and then, the kitchen sink."""
    if draw(st.integers(0, 3)) == 0:
        return compiled("kitchen_sink.proto")
    file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
    color = file.enum_type.add(name="Color")
    for number, name in enumerate(("NONE", "RED", "BLUE")):
        color.value.add(name=name, number=number)
    names = [f"M{number}" for number in range(draw(st.integers(1, 3)))]
    for position, name in enumerate(names):
        message = file.message_type.add(name=name)
        for number in range(1, draw(st.integers(1, 5)) + 1):
            _add_field(draw, message, number, names[: position + 1])
    service = file.service.add(name="S")
    for name, asks, replies in (("U", False, False), ("R", False, True), ("A", True, False), ("B", True, True)):
        types = [f".made.{draw(st.sampled_from(names))}" for _ in range(2)]
        service.method.add(
            name=name, input_type=types[0], output_type=types[1], client_streaming=asks, server_streaming=replies
        )
    return Registry(descriptor_pb2.FileDescriptorSet(file=[file]))


def _add_field(draw: st.DrawFn, message: Any, number: int, inner: list[str]) -> None:
    shape = draw(st.sampled_from(["one", "one", "optional", "many", "message", "messages", "map"]))
    name = draw(st.sampled_from(["id", "name", "value", "token"])) + str(number)
    field = message.field.add(name=name, number=number, label=F.LABEL_OPTIONAL)
    if shape in ("many", "messages", "map"):
        field.label = F.LABEL_REPEATED
    if shape in ("message", "messages"):
        field.type, field.type_name = F.TYPE_MESSAGE, f".made.{draw(st.sampled_from(inner))}"
    elif shape == "map":
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=F.LABEL_OPTIONAL, type=F.TYPE_STRING)
        entry.field.add(name="value", number=2, label=F.LABEL_OPTIONAL, type=F.TYPE_INT64)
        field.type, field.type_name = F.TYPE_MESSAGE, f".made.{message.name}.{entry.name}"
    else:
        field.type = draw(st.sampled_from(_SCALARS))
        if field.type == F.TYPE_ENUM:
            field.type_name = ".made.Color"
        if shape == "optional":
            field.proto3_optional = True
            message.oneof_decl.add(name=f"_{name}")
            field.oneof_index = len(message.oneof_decl) - 1


_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8) | st.just("{{ 1 + 1 }}")
_PAIRS = st.lists(
    st.tuples(st.sampled_from(["x-a", "x-b"]), _TEXT) | st.tuples(st.just("y-bin"), st.binary(max_size=4)), max_size=3
).map(tuple)
_MESSAGE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10) | st.just("no {{ such }} thing")


@st.composite
def talks(draw: st.DrawFn, registry: Registry) -> list[Talk]:
    """Some calls, of all kinds, some of them asking the same and being answered differently."""
    methods = list(registry.methods.values())
    speaks_first = {method: draw(st.booleans()) for method in methods}
    pools = {
        method: (
            draw(st.lists(messages(method.request_class, depth=2), min_size=1, max_size=3)),
            draw(st.lists(messages(method.response_class, depth=2), min_size=1, max_size=3)),
        )
        for method in methods
    }
    return [
        _talk(draw, registry, method, *pools[method], speaks_first=speaks_first[method])
        for method in draw(st.lists(st.sampled_from(methods), min_size=1, max_size=8))
    ]


def _talk(
    draw: st.DrawFn, registry: Registry, method: Method, asks: list[Any], replies: list[Any], *, speaks_first: bool
) -> Talk:
    code = draw(st.just(Code.OK) | st.sampled_from([code for code in Code if code is not Code.OK]))
    steps = _steps(draw, method.kind, speaks_first=speaks_first, ok=code is Code.OK)
    pools = {"ask": asks, "reply": replies}
    filled = tuple(
        (what, draw(st.sampled_from(pools[what])).SerializePartialToString() if what in pools else b"")
        for what in steps
    )
    message = draw(_MESSAGE) if code is not Code.OK else ""
    trailers = draw(_PAIRS)
    if code is not Code.OK and draw(st.booleans()):
        trailers += ((DETAILS_KEY, _details(draw, code, message, replies)),)
    return Talk(
        method=method,
        steps=filled,
        # Without a message after them, the library loses headers now and then.
        headers=draw(_PAIRS) if "reply" in steps else (),
        metadata=draw(_PAIRS),
        code=code,
        message=message,
        trailers=trailers,
    )


def _details(draw: st.DrawFn, code: Code, message: str, known: list[Any]) -> bytes:
    status = Status(code=int(code), message=message)
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            one = draw(st.sampled_from(known))
            status.details.add(
                type_url=f"type.googleapis.com/{one.DESCRIPTOR.full_name}", value=one.SerializePartialToString()
            )
        else:
            status.details.add(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")
    return status.SerializeToString()


def _steps(draw: st.DrawFn, kind: MethodKind, *, speaks_first: bool, ok: bool) -> list[str]:
    few = st.integers(0, 3)
    match kind:
        case MethodKind.UNARY:
            return ["ask", "half_close", *(["reply"] if ok else [])]
        case MethodKind.SERVER_STREAMING:
            return ["ask", "half_close", *["reply"] * draw(few)]
        case MethodKind.CLIENT_STREAMING:
            return ["ask"] * draw(few) + ["half_close", *(["reply"] if ok else [])]
    middle = draw(st.lists(st.sampled_from(["ask", "reply"]), max_size=5))
    if speaks_first:
        return ["reply", *middle, "half_close", *["reply"] * draw(st.integers(0, 2))]
    return ["ask", *middle, "half_close", *["reply"] * draw(st.integers(0, 2))]
