"""Messages that a server sends at their times by itself are those that it would have been given as steps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import engine
from support import registry

from grpcmock.engine.exchange import Exchange
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Send, Wait

USERS = registry("user.proto")
LIST = "/user.UserService/ListUsers"
_STEPS = st.sampled_from(
    [
        "{send: {id: 1}}",
        "{send: {id: 2}}",
        "{wait: 1s}",
        "{wait: {min: 1s, max: 2s}}",
        "{send: {name: '{{ random.int(0, 99) }}'}}",
        "{repeat: {times: 3, every: 1s, steps: [{send: {id: 3}}, {send: {id: 4}}]}}",
        "{repeat: {times: 2, every: 1s, steps: [{send: {name: '{{ request.page }}'}}]}}",
        "{repeat: {times: 2, steps: [{send: {id: 5}}, {wait: 1s}]}}",
    ]
)
_ENDLESS = "{repeat: {times: forever, every: {min: 1ms, max: 2ms}, steps: [{send: {id: 3}}, {send: {id: 4}}]}}"


def opened(script: str) -> Exchange:
    mock = engine(USERS, f"[{{method: user.UserService/ListUsers, script: [{script}]}}]")
    exchange = mock.open(Open(LIST))
    exchange.resume()
    exchange.resume(Message(b""))
    return exchange


def played(script: str, sent_of_each: list[int]) -> tuple[list[bytes], Finish, float]:
    """Make a call, and give what was sent and how long it waited.

    Of the messages handed over each time, so many are sent at most; with 0 nothing is handed over.
    """
    exchange = opened(script)
    most = iter(sent_of_each)
    said: list[bytes] = []
    waited = 0.0
    step = exchange.resume(HALF_CLOSE)
    while not isinstance(step, Finish):
        if isinstance(step, Send):
            said += [step.data, *exchange.buffered_messages()]
        elif isinstance(step, Wait):
            times: list[float] = []
            count = next(most, 0)
            parts = exchange.hand_over(200, lambda times=times: [times.pop() for _ in list(times)]) if count else []  # type: ignore[misc]
            for pause, data in parts[:count]:
                said.append(data)
                waited += pause or 0
                times.append(7.0)
                if len(said) % 2:
                    assert exchange.call.frames[-1].data == data, "who looks sees what was sent"
            if parts:
                exchange.take_back()
            else:
                waited += step.seconds
        step = exchange.resume()
    noted = [frame.data for frame in exchange.call.frames if frame.direction == "response"]
    assert noted == said
    return said, step, waited


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEPS, max_size=6), st.lists(st.integers(0, 4), max_size=8))
def test_what_is_handed_over_is_what_would_have_been_said(steps: list[str], sent_of_each: list[int]) -> None:
    script = ", ".join(steps)
    said, finish, waited = played(script, [])
    assert played(script, sent_of_each) == (said, finish, pytest.approx(waited))


def test_an_endless_script_is_handed_over_in_pieces() -> None:
    exchange = opened(_ENDLESS)
    step = exchange.resume(HALF_CLOSE)
    while not isinstance(step, Wait):
        step = exchange.resume()
    for _ in range(100):
        parts = exchange.hand_over(4_000, lambda: ())
        assert 10 < len(parts) < 100
        exchange.take_back()
        assert exchange.resume() == Wait(parts[0][0] or 0)
    exchange.cancel()
    assert exchange.call.cancelled


def test_nothing_is_handed_over_while_somebody_follows() -> None:
    exchange = opened(_ENDLESS)
    mock_journal = exchange._environment.journal
    step = exchange.resume(HALF_CLOSE)
    while not isinstance(step, Wait):
        step = exchange.resume()
    leave = mock_journal.follow(lambda _: None)
    assert exchange.hand_over(4_000, lambda: ()) == []
    leave()
    assert exchange.hand_over(4_000, lambda: ()) != []


def test_what_never_comes_is_not_handed_over() -> None:
    exchange = opened("{send: {id: 1}}, {wait: 1s}, {send: {id: 2}}, {wait: forever}, {send: {id: 3}}")
    step = exchange.resume(HALF_CLOSE)
    while not isinstance(step, Wait):
        step = exchange.resume()
    assert [data for _, data in exchange.hand_over(4_000, lambda: [1.0])] == [b"\x08\x02"]
    exchange.take_back()
    assert exchange.resume() == Wait(math.inf)
    assert exchange.hand_over(4_000, lambda: ()) == []
    assert exchange.resume() == Send(b"\x08\x03")


def test_a_cancelled_call_has_what_was_sent() -> None:
    exchange = opened(_ENDLESS)
    step = exchange.resume(HALF_CLOSE)
    while not isinstance(step, Wait):
        step = exchange.resume()
    before = len(exchange.call.frames)
    times = [1.0, 2.0, 3.0]
    exchange.hand_over(4_000, lambda: [times.pop(0) for _ in list(times)])
    exchange.cancel()
    assert [frame.time for frame in exchange.call.frames[before:]] == [1.0, 2.0, 3.0]
    assert exchange.call.cancelled
