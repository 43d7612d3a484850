"""How a call is served, whatever its method: who calls, what was sent, is it allowed, and only then the method."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from benchmarks.mutants import validation
from benchmarks.mutants.schema import Message, registry
from benchmarks.mutants.steps import Program, Receive, Refusal, Send, Settle, Violation, invalid
from benchmarks.mutants.store import Store
from grpcmock.schema import Method, MethodKind

IDENTITIES = {"ada-token": "ada", "bob-token": "bob"}
"""The callers that a server with credentials knows, by their bearer tokens."""

LIMIT = 4 << 20
"""Bytes of the largest request, also after it was decompressed."""

REQUEST = object()
"""What a streaming method yields to get the next request; None is the half-close."""

Conversation: TypeAlias = Generator[Any, Any, None]
"""A streaming method: it yields :data:`REQUEST`, answers, and steps."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has come in."""

    method: Method
    metadata: tuple[tuple[str, str | bytes], ...]


class Service:
    """Everything between the wire and the methods.

    A unary method is ``def get_user(self, request, store) -> answer``; one that streams answers is a generator with the
    same arguments; one that streams requests is a generator of the store alone.
    """

    options: ClassVar[tuple[tuple[str, Any], ...]] = (("grpc.max_receive_message_length", LIMIT),)
    """Channel arguments of gRPC core."""

    def __init__(self, *, credentials: bool = False) -> None:
        self.credentials = credentials
        self.fall: Callable[[], None] = lambda: os._exit(139)
        """How the server goes down in a crash."""
        self.lock = threading.RLock()
        self.stores: dict[str, Store] = {}

    def crash(self) -> NoReturn:
        """Bring the whole server down, as a fault in native code would."""
        self.fall()
        raise Refusal(grpc.StatusCode.UNAVAILABLE, "The server is gone.")

    def find(self, path: str) -> Method | None:
        return registry().methods.get(path)

    def program(self, call: Call) -> Program:
        """Serve one call."""
        store = self.store_of(self.authenticate(call))
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", call.method.name).lower()
        method: Callable[..., Any] = getattr(self, name)
        match call.method.kind:
            case MethodKind.UNARY:
                yield from self.unary(call, method, store)
            case MethodKind.SERVER_STREAMING:
                request = yield from self.single_request(call)
                yield from self.conversation(call, method(request, store))
            case _:
                yield from self.conversation(call, method(store))

    def authenticate(self, call: Call) -> str:
        """Tell who calls. Raises a refusal."""
        if not self.credentials:
            return "everybody"
        given = [value for key, value in call.metadata if key == "authorization"]
        for token, identity in IDENTITIES.items():
            if given == [f"Bearer {token}"]:
                return identity
        raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "Send 'authorization: Bearer TOKEN' with a token that is known.")

    def store_of(self, owner: str) -> Store:
        return self.stores.setdefault(owner, Store(owner))

    def unary(self, call: Call, method: Callable[..., Message], store: Store) -> Program:
        request = yield from self.single_request(call)
        yield Settle()
        with self.lock:
            answer = method(request, store)
        yield Send(self.encode(call.method, answer))

    def single_request(self, call: Call) -> Generator[Any, Any, Message]:
        """Read the one request of the method. grpcio itself would take two for one, and wait for ever for none."""
        data = yield Receive()
        if data is None:
            yield Settle()
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "The method takes exactly one request; there was none.")
        if (yield Receive()) is not None:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "The method takes exactly one request; there were more.")
        return self.request(call.method, data)

    def conversation(self, call: Call, method: Conversation) -> Program:
        """Carry on with a streaming method until it ends."""
        answer: Any = None
        try:
            while True:
                try:
                    step = method.send(answer)
                except StopIteration:
                    return
                if step is REQUEST:
                    data = yield Receive()
                    answer = None if data is None else self.request(call.method, data)
                elif hasattr(step, "DESCRIPTOR"):
                    answer = yield Send(self.encode(call.method, step))
                else:
                    answer = yield step
        finally:
            method.close()

    def request(self, method: Method, data: bytes) -> Message:
        """Decode a request and see that it keeps the rules. Raises a refusal."""
        if len(data) > LIMIT:
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, f"A request may have {LIMIT} bytes at most.")
        request = self.decode(method, data)
        self.admit(method, request)
        return request

    def decode(self, method: Method, data: bytes) -> Message:
        try:
            request: Message = method.request_class.FromString(data)
        except DecodeError:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"This is no {method.request_class.__name__}.") from None
        request.DiscardUnknownFields()
        return request

    def admit(self, method: Method, request: Message) -> None:
        """Refuse a request that breaks a rule."""
        if wrong := self.violations(method, request):
            raise invalid(*wrong)

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = validation.violations(request)
        if not method.name.startswith("Update"):  # whose resource is looked at once it is complete
            found += validation.unset(request, "")
        return found

    def encode(self, method: Method, answer: Message) -> bytes:
        data: bytes = answer.SerializeToString()
        return data
