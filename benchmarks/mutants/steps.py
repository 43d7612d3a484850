"""What a method may do during a call, as steps that both servers know to carry out, and how it refuses."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for the next request, in bytes; None is the half-close."""

    sure: bool = True
    """A cancelled call reads as ended, too. Being sure of the half-close takes one more look."""


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Settle:
    """Go on only if the call still lives, and has time left: from here on, what is done stays done."""


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Detach:
    """From here on, go on whatever becomes of the call. No correct method does."""


@dataclass(slots=True)
class Feed:
    """News for one listener, the latest thousand."""

    news: deque[Any] = field(default_factory=lambda: deque(maxlen=1_000))
    wake: Callable[[], None] = lambda: None

    def put(self, item: Any) -> None:
        self.news.append(item)
        self.wake()


@dataclass(frozen=True, slots=True)
class Next:
    """Wait until the feed has news."""

    feed: Feed


Step: TypeAlias = "Receive | Send | Settle | Sleep | Detach | Next"
Program: TypeAlias = Generator[Step, Any, None]


def rewriting(program: Program, change: Callable[[bytes], Iterable[bytes]]) -> Program:
    """Do as *program* does, but send what *change* makes of each message."""
    answer: Any = None
    while True:
        try:
            step = program.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(step, Send):
            for data in change(step.data):
                yield Send(data)
        else:
            answer = yield step


DETAILS = "grpc-status-details-bin"


class Gone(Exception):  # noqa: N818  (nothing went wrong here: there is nobody left to tell)
    """The client isn't there any more."""


class Refusal(Exception):  # noqa: N818  (a refusal is an answer)
    """The method ends with this status. *trailers*, if given, replace the rich details."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *details: Any,
        trailers: Sequence[tuple[str, str | bytes]] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self._trailers = trailers

    @property
    def trailers(self) -> tuple[tuple[str, str | bytes], ...]:
        if self._trailers is not None:
            return tuple(self._trailers)
        if not self.details:
            return ()
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return ((DETAILS, status.SerializeToString()),)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a request, and where."""

    path: str
    text: str
    rule: str = ""


_MOST_WORDS = 2_000
"""Characters of all that is said to be wrong: trailers have to fit into 8 KiB."""


def invalid(*violations: Violation) -> Refusal:
    """Refuse a request for what is wrong with it."""
    first = violations[0]
    fields = []
    room = _MOST_WORDS
    for one in violations[:10]:
        room -= len(one.path) + len(one.text)
        if room >= 0 or one is first:
            fields.append(error_details_pb2.BadRequest.FieldViolation(field=one.path, description=one.text))
    return Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{first.path}: {first.text}" if len(first.path) < 200 else first.text,
        error_details_pb2.BadRequest(field_violations=fields),
    )


def missing(kind: str, name: str) -> Refusal:
    info = error_details_pb2.ResourceInfo(resource_type=kind, resource_name=name)
    return Refusal(grpc.StatusCode.NOT_FOUND, f"There is no {kind} {name!r}.", info)


def existing(kind: str, name: str) -> Refusal:
    info = error_details_pb2.ResourceInfo(resource_type=kind, resource_name=name)
    return Refusal(grpc.StatusCode.ALREADY_EXISTS, f"There is a {kind} {name!r} already.", info)
