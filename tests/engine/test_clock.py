"""The clock that a mock tells: the machine's, frozen, moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playbook import Clock as Machine
from playbook import ask, engine
from support import registry

from grpcmock.engine.clock import Clock
from grpcmock.errors import ConfigError


def test_it_is_the_machines_until_it_is_told_otherwise() -> None:
    machine = Machine(100.0)
    clock = Clock(machine)
    assert (clock(), clock.frozen, clock.offset) == (100.0, False, 0.0)
    clock.freeze()
    machine.time += 5
    assert (clock(), clock.frozen, clock.offset) == (100.0, True, -5.0)
    clock.advance(30)
    assert clock() == 130.0
    clock.resume()
    machine.time += 1
    assert (clock(), clock.frozen, clock.offset) == (131.0, False, 25.0)
    clock.set(1000.0)
    machine.time += 1
    assert clock() == 1001.0
    clock.reset()
    assert (clock(), clock.offset) == (107.0, 0.0)


@given(st.lists(st.tuples(st.sampled_from(["freeze", "resume", "advance", "pass"]), st.integers(0, 1000))))
def test_it_never_goes_back_by_itself(moves: list[tuple[str, int]]) -> None:
    machine = Machine()
    clock = Clock(machine)
    shown = clock()
    for move, seconds in moves:
        match move:
            case "pass":
                machine.time += seconds
            case "advance":
                clock.advance(seconds)
            case _:
                getattr(clock, move)()
        assert clock() >= shown
        shown = clock()


@pytest.mark.parametrize("now", [-1e12, 1e12])
def test_it_shows_no_year_that_there_is_not(now: float) -> None:
    clock = Clock(Machine())
    before = clock()
    with pytest.raises(ConfigError, match="1 to 9999"):
        clock.set(now)
    with pytest.raises(ConfigError, match="1 to 9999"):
        clock.advance(now)
    assert clock() == before


def test_templates_tell_it_and_the_journal_the_machines() -> None:
    mock = engine(
        registry("user.proto"),
        "- {method: user.UserService/GetUser, response: {name: \"{{ now().strftime('%Y-%m-%d') }}\"}}",
    )
    mock.clock.set(datetime(2031, 5, 6, tzinfo=UTC).timestamp())
    ask(mock, "GetUser", {}).gets({"name": "2031-05-06"}).finish()
    (call,) = mock.journal
    assert call.started == mock.machine.time  # type: ignore[attr-defined]
