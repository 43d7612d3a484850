"""A request as chunks in, and its answer as parts out: the whole HTTP face of an engine, without a socket or a loop."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import Finish, Message, Receive, Reset, Send, Truncate, Wait
from grpcmock.protocols.face import HttpFace
from grpcmock.protocols.http import Abort, Body, End, Head, Part, RequestHead, Response, Trailers
from grpcmock.protocols.interface import FaceOptions, WireError


@dataclass(frozen=True)
class Answer:
    """What a client sees of an answer."""

    parts: Sequence[Part]

    @property
    def head(self) -> Head:
        found = self.parts[0]
        assert isinstance(found, Head)
        return found

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.head.headers)

    @property
    def body(self) -> bytes:
        return b"".join(part.data for part in self.parts if isinstance(part, Body))

    @property
    def trailers(self) -> dict[str, str]:
        last = self.parts[-1]
        return dict(last.headers) if isinstance(last, Trailers) else {}

    @property
    def is_broken_off(self) -> bool:
        return isinstance(self.parts[-1], Abort)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def envelopes(self) -> list[tuple[int, bytes]]:
        """The envelopes of the body, which must be whole."""
        return envelopes(self.body)


def envelopes(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        size = int.from_bytes(data[1:5], "big")
        assert len(data) >= 5 + size, "an envelope is cut short"
        found.append((data[0], data[5 : 5 + size]))
        data = data[5 + size :]
    return found


def envelope(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


def grpc_web_trailers(answer: Answer, *, text: bool = False) -> dict[str, str]:
    """The trailers of gRPC-Web, which end the body."""
    flags, data = envelopes(unbase64(answer.body) if text else answer.body)[-1]
    assert flags == 0x80
    return dict(line.split(": ", 1) for line in data.decode().split("\r\n") if line)


def unbase64(text: bytes) -> bytes:
    return b"".join(base64.b64decode(text[start : start + 4]) for start in range(0, len(text), 4))


class Face:
    """The HTTP face of an engine, asked as a client asks it."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.engine = engine
        self.warnings: list[str] = []
        self.face = HttpFace(engine, FaceOptions(**options), warn=self.warnings.append)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        version: Any = "1.1",
        takes_trailers: bool = False,
        can_reset: bool = True,
        **headers: str,
    ) -> Answer:
        """Send a request; *headers* are written with underscores. A body may come in several chunks."""
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        head = RequestHead(method, target, named, version, "ipv4:127.0.0.1:1", takes_trailers, can_reset)
        chunks = [body] if isinstance(body, bytes) else list(body)
        opened = self.face.open(head)
        if isinstance(opened, Response):
            if opened.told:
                self.warnings.append(opened.told)
            answer = Answer(opened.parts)
        else:
            answer = Answer(self._play(opened, chunks))
        well_formed(answer.parts)
        return answer

    def post(
        self, target: str, body: bytes | Iterable[bytes] = b"", kind: str = "application/json", **more: Any
    ) -> Answer:
        return self.ask("POST", target, body, content_type=kind, **more)

    def _play(self, call: Any, chunks: list[bytes]) -> list[Part]:
        parts: list[Part] = []
        came = iter(())
        ended = False
        exchange = self.engine.open(call.opened)
        event = None
        try:
            while True:
                step = exchange.resume(event)
                event = None
                match step:
                    case Receive():
                        while (event := next(came, None)) is None:
                            assert not ended, "there is nothing behind the end"
                            ended = not chunks
                            came = call.receive(chunks.pop(0)) if chunks else call.receive_end()
                    case Wait():
                        assert step.seconds < 60, "the call hangs"
                    case _:
                        parts += call.send(step)
                        if isinstance(step, (Finish, Reset, Truncate)):
                            return parts
        except WireError as error:
            finish = Finish(error.code, error.message)
            exchange.refuse(finish)
            return parts + call.send(finish)


def well_formed(parts: Sequence[Part]) -> None:
    """An answer is a head, bytes, and one end; or it is broken off."""
    assert isinstance(parts[-1], (End, Trailers, Abort))
    assert not any(isinstance(part, (End, Trailers, Abort)) for part in parts[:-1])
    if parts[0] != Abort():
        assert isinstance(parts[0], Head)
        assert all(isinstance(part, Body) for part in parts[1:-1])
        length = dict(parts[0].headers).get("content-length")
        if length is not None and parts[-1] == End():
            assert int(length) == sum(len(part.data) for part in parts[1:-1] if isinstance(part, Body))


def each_cut(body: bytes) -> Iterable[list[bytes]]:
    """Give a body in two chunks, cut at every byte, and in chunks of a byte each."""
    for at in range(len(body) + 1):
        yield [body[:at], body[at:]]
    yield [body[at : at + 1] for at in range(len(body))]


__all__ = ["Answer", "Face", "Message", "Send", "each_cut", "envelope", "envelopes", "grpc_web_trailers", "unbase64"]
