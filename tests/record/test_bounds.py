"""However much passes, a recording keeps within its bounds, and says what it left out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from support import registry

from grpcmock.drafting.captured_call import CapturedCall, EventKind
from grpcmock.drafting.recorded_stub import RecordedStub
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.drafting.stub_writer import StubWriter
from grpcmock.record.capture import buffer
from grpcmock.record.capture.buffer import CallBuffer
from grpcmock.record.recorder import Recorder
from grpcmock.record.writing import collection
from grpcmock.record.writing.collection import Collection

REGISTRY = registry("user.proto")
USER = REGISTRY.message("user.UserResponse")


def captured(asked: int = 1, name: str = "", started: float = 0.0) -> CapturedCall:
    made = CapturedCall("/user.UserService/GetUser", (), started)
    made.add(EventKind.REQUEST, b"\x08" + bytes([asked]), started)
    made.add(EventKind.RESPONSE, USER(name=name).SerializeToString(), started)
    made.ended = started + 0.5
    return made


def gathered(names: str) -> Collection:
    """A collection of calls with the same request, answered with these letters."""
    writer, found = StubWriter(REGISTRY, Rules()), Collection()
    for number, name in enumerate(names):
        told = writer.write(captured(1, name))
        assert isinstance(told, RecordedStub)
        found.add(told, float(number), number + 0.5)
    return found


def answers(found: Collection) -> str:
    (stub,) = found.stubs("user.UserService/GetUser")
    return "".join(answer.responses[0].plain()["name"] for answer in stub.answers if answer.responses)


@pytest.mark.parametrize(
    ("names", "kept"), [("a", "a"), ("aaaa", "a"), ("ab", "ab"), ("aab", "aab"), ("abbb", "ab"), ("aba", "aba")]
)
def test_answers_are_kept_in_turn(names: str, kept: str) -> None:
    assert answers(gathered(names)) == kept


def test_of_too_many_in_turn_the_new_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MAX_IN_TURN", 4)
    found = gathered("aaaaaaabac")
    assert answers(found) == "abac"
    assert "of more than 4 answers in turn, only those that are new were kept" in next(iter(found.remarks()))


def test_of_too_many_different_answers_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MAX_ANSWERS", 3)
    found = gathered("abcde")
    assert answers(found) == "abc"
    assert {(one.reason, count) for one, count in found.skipped.items()} == {
        ("there are 3 different answers to its request already", 2)
    }


def test_of_too_many_requests_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MAX_STUBS", 2)
    writer, found = StubWriter(REGISTRY, Rules()), Collection()
    for asked in (1, 2, 3, 1):
        told = writer.write(captured(asked))
        found.add(told, 0.0, 0.0)
    assert len(found) == 2
    assert [one.reason for one in found.skipped] == ["there are 2 stubs already"]


def test_calls_that_are_alike_are_held_once() -> None:
    held = CallBuffer()
    for started in range(1000):
        assert held.add(captured(1, "a", float(started))) is None
    (call,) = held.drain(10)
    assert (call.count, call.started, call.ended, held.calls) == (1000, 0.0, 999.5, 1000)
    held.add(captured(1, "a"))
    assert held.drain(1)[0].captured is call.captured


async def test_calls_wait_where_too_many_are_yet_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "CALLS_WAITING", 3)
    held = CallBuffer()
    rooms = [held.add(captured(asked)) for asked in range(1, 6)]
    assert rooms[:2] == [None, None]
    assert rooms[2] is not None
    waiting = asyncio.ensure_future(rooms[2].wait())
    held.drain(2)
    await asyncio.sleep(0)
    assert not waiting.done()
    held.drain(10)
    await asyncio.wait_for(waiting, 10)
    assert held.add(captured(9)) is None


async def test_a_recorder_catches_up_with_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "CALLS_WAITING", 50)
    recorder: Any = Recorder(lambda: REGISTRY)
    working = asyncio.create_task(recorder.run())
    for number in range(400):
        if (room := recorder.take(captured(1 + number % 100, str(number % 3)))) is not None:
            await asyncio.wait_for(room.wait(), 20)
    working.cancel()
    await asyncio.wait([working])
    recorder.settle()
    summary = recorder.summary()
    assert (summary.calls, summary.stubs) == (400, 100)


async def test_a_recorder_ends_where_a_call_comes_just_as_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "_is_unwritten", True)  # so that it waits for a time, too
    recorder: Any = Recorder(lambda: REGISTRY)
    monkeypatch.setattr(recorder, "_next", time.monotonic() + 600)
    working = asyncio.create_task(recorder.run())
    await asyncio.sleep(0.01)
    recorder.take(captured())
    await asyncio.sleep(0)  # the wait has ended, and the recorder hasn't heard of it
    working.cancel()
    done, _ = await asyncio.wait([working], timeout=20)
    assert done
