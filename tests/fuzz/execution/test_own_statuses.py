"""Numbers of a server's own are told from the UNKNOWN that libraries make of them, and of exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http2_server import answering
from support import registry

from grpcmock.client.channel import connect
from grpcmock.fuzz.execution.executor import Executor
from grpcmock.fuzz.execution.raw_lane import raw_lane
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.wording import unhandled

if TYPE_CHECKING:
    from h2.connection import H2Connection

GET = registry("user.proto").method("user.UserService/GetUser")


@pytest.mark.parametrize(
    ("number", "message", "told", "meant", "is_unhandled"),
    [
        ("2001", "model 'a' not found", "2001", "NOT_FOUND", False),
        ("2017", "store %22x%22 already exists", "2017", "ALREADY_EXISTS", False),
        ("2000", "must have a type", "2000", "FAILED_PRECONDITION", False),
        ("4000", "Internal Server Error", "4000", "INTERNAL", True),
        ("2", "KeyError", "UNKNOWN", "UNKNOWN", True),
        ("2", "", "UNKNOWN", "UNKNOWN", True),
        ("5", "gone", "NOT_FOUND", "NOT_FOUND", False),
    ],
)
async def test_a_status_of_its_own(number: str, message: str, told: str, meant: str, is_unhandled: bool) -> None:
    def answer(h2: H2Connection, stream: int) -> None:
        kind = ("content-type", "application/grpc")
        h2.send_headers(
            stream, [(":status", "200"), kind, ("grpc-status", number), ("grpc-message", message)], end_stream=True
        )

    async with answering(answer) as target, connect(target, within=5.0) as channel:
        executor = Executor(channel, raw=raw_lane(target, 5.0))
        case = Case(id="x", phase=Phase.BOUNDARY, method=GET, calls=(call_of(GET, b""),) * 2, why="")
        for reply in (await executor.run(case)).replies:
            assert (reply.name, with_meant_status(reply).name) == (told, meant)
            assert unhandled(with_meant_status(reply)) is is_unhandled


async def test_a_server_without_any_is_not_asked_again_and_again() -> None:
    asked = 0

    def answer(h2: H2Connection, stream: int) -> None:
        nonlocal asked
        asked += 1
        words = ("some", "other", "words", "each", "time", "it", "fails", "again", "and", "again")
        fields = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "2")]
        h2.send_headers(stream, [*fields, ("grpc-message", words[asked % len(words)])], end_stream=True)

    async with answering(answer) as target, connect(target, within=5.0) as channel:
        executor = Executor(channel, raw=raw_lane(target, 5.0))
        case = Case(id="x", phase=Phase.BOUNDARY, method=GET, calls=(call_of(GET, b""),) * 20, why="")
        assert {reply.name for reply in (await executor.run(case)).replies} == {"UNKNOWN"}
    assert asked == 23
