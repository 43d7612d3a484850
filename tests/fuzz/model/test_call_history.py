"""The calls since a server's start, as those of one case."""

from __future__ import annotations

from dataclasses import replace

from support import registry

from grpcmock.fuzz.model.call_history import CallHistory, Step, conversation
from grpcmock.fuzz.model.cases import Binding, call_of

GET = registry("user.proto").method("UserService/GetUser")
FIRST = call_of(GET, b"\x08\x01")
SECOND = replace(call_of(GET, b""), bindings=(Binding(call=0, source=("id",), target=("id",)),))


def test_a_call_takes_its_value_from_the_call_of_its_own_round() -> None:
    steps = [Step(1, 0, FIRST), Step(2, 0, FIRST), Step(1, 1, SECOND), Step(2, 1, SECOND)]
    calls = conversation(steps)
    assert [[binding.call for binding in call.bindings] for call in calls] == [[], [], [0], [1]]


def test_without_the_call_that_gave_it_a_value_is_left_as_it_stands() -> None:
    (call,) = conversation([Step(1, 1, SECOND)])
    assert (call.bindings, call.messages) == ((), (b"",))


def test_what_was_taken_is_the_past() -> None:
    call_history = CallHistory()
    first, second = Step(call_history.new_round(), 0, FIRST), Step(call_history.new_round(), 0, FIRST)
    call_history.note(first)
    assert bool(call_history)
    assert call_history.take() == (first,)
    assert not call_history
    call_history.note(second)
    assert call_history.take() == (second,)
