# mypy: disable-error-code="attr-defined, arg-type, union-attr"
"""The tally counts what ended, whatever the journal keeps of it, and takes no more memory than there are kinds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playbook import Playbook, ask, engine
from support import registry

from grpcmock.engine import tally as tallies
from grpcmock.engine.engine import Engine
from grpcmock.engine.given_answers import GivenAnswer
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import Open, Send
from grpcmock.engine.tally import DURATION_BOUNDS, OTHER, CallTally
from grpcmock.engine.whole_plan import WholeAnswer
from grpcmock.status import SESSION_KEY, Code

GET = "user.UserService/GetUser"
USERS = registry("user.proto")
STUBS = """
- {name: alice, method: GetUser, request: {id: 1}, response: {name: Alice}}
- {name: gone, method: GetUser, request: {id: 2}, error: {code: NOT_FOUND, message: gone}}
"""


def whole(mock: Engine, user: int, **opened: Any) -> None:
    """Make a call to its end."""
    call = ask(mock, GET, {"id": user}, **opened)
    if isinstance(call.step, Send):
        call.does(call.step).finish()


def test_calls_are_counted_by_what_they_have_in_common():
    mock = engine(USERS, STUBS, journal=Journal(tally=CallTally()))
    for user in (1, 1, 2, 3):
        whole(mock, user)
    whole(mock, 1, protocol="connect")
    for path in ("/no.Such/Method", "/no.Such/Other"):
        mock.open(Open(path)).resume()
    tally = mock.journal.tally
    assert tally.calls == {
        (GET, "OK", "grpc", "alice"): 2,
        (GET, "OK", "connect", "alice"): 1,
        (GET, "NOT_FOUND", "grpc", "gone"): 1,
        (GET, "UNIMPLEMENTED", "grpc", ""): 1,
        (OTHER, "UNIMPLEMENTED", "grpc", ""): 2,
    }
    assert tally.misses == {GET: 1, OTHER: 2}


def test_what_fault_profiles_strike_is_counted_by_their_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tallies, "MOST_NAMES", 2)
    mock = engine(USERS, STUBS, journal=Journal(tally=CallTally()))
    mock.faults.set("slow", {"latency": "1ms"})
    for name, times in (("busy", 2), ("down", 1)):
        mock.faults.set(name, {"status": {"code": 14}})
        for _ in range(times):
            call = Playbook(mock, GET)
            call.does(call.step).sends({"id": 1}).last()
        mock.faults.remove(name)
    tally = mock.journal.tally
    assert tally.faults == {"slow": 3, "busy": 2, OTHER: 1}
    assert tally.misses == {}


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_what_the_journal_drops_and_forgets_stays_counted(calls: int):
    mock = engine(USERS, STUBS, journal=Journal(calls, tally=CallTally()))
    late = Playbook(mock, GET)
    assert mock.journal.open_calls == 1
    for _ in range(2):
        assert mock.answer_at_once(f"/{GET}", (), None, "peer", b"\x08\x01") is not None
    for _ in range(3):
        whole(mock, 1)
    dropped = mock.journal.dropped
    mock.journal.clear()
    late.exchange.cancel()
    assert (mock.journal.dropped, mock.journal.dropped_ever) == (0, dropped)
    assert dropped == 5 - calls
    assert mock.journal.tally.calls.total() == 6
    assert (mock.journal.open_calls, len(mock.journal)) == (0, 0)


def test_answers_at_once_are_counted_once_whoever_listens():
    mock = engine(USERS, STUBS.partition("- {name: gone")[0], journal=Journal(tally=CallTally()))
    heard: list[object] = []
    for times in (3, 2):
        for _ in range(times):
            assert mock.answer_at_once(f"/{GET}", (), None, "peer", b"\x08\x01", "grpc_web")
        end = mock.journal.subscribe(heard.append)
    end()
    assert len(heard) == 2
    assert mock.journal.tally.calls == {(GET, "OK", "grpc_web", "alice"): 5}
    assert mock.journal.tally.durations[GET].calls == 5


@pytest.mark.parametrize("calls", [0, 2, 9])
def test_misses_at_once_are_counted_and_known_as_misses_when_they_are_dropped(calls: int):
    mock = engine(USERS, STUBS, journal=Journal(calls, tally=CallTally()))
    for session in ((), ((SESSION_KEY, "s"),)):
        for user in (b"\x08\x02", b"\x08\x03", b"\x08\x03"):
            assert mock.answer_at_once(f"/{GET}", session, None, "peer", user) is not None
    assert mock.journal.tally.calls == {(GET, "NOT_FOUND", "grpc", "gone"): 2, (GET, "UNIMPLEMENTED", "grpc", ""): 4}
    assert mock.journal.tally.misses == {GET: 4}
    kept = [call.outcome for call in mock.journal]
    assert mock.journal.lost.count(outcome="unmatched") == 4 - kept.count("unmatched")
    assert mock.journal.lost.count(session="s") == max(0, 3 - calls)


@given(st.lists(st.floats(0, 20) | st.sampled_from(DURATION_BOUNDS), max_size=20))
def test_a_duration_falls_into_the_first_bucket_that_holds_it(durations: list[float]) -> None:
    [entry] = engine(USERS, STUBS.partition("- {name: gone")[0]).store
    tally = CallTally()
    answer = WholeAnswer((), (b"",), Code.OK, "", ())
    alike = GivenAnswer.of(entry.method, entry, b"", answer, is_lasting=True)
    for duration in durations:
        tally.add_given(alike, "grpc", duration)
    if not durations:
        assert tally.durations == {}
        return
    found = tally.durations[GET]
    assert (found.calls, found.seconds) == (len(durations), pytest.approx(sum(durations)))
    within = [sum(duration <= bound for duration in durations) for bound in DURATION_BOUNDS]
    assert [sum(found.buckets[: at + 1]) for at in range(len(DURATION_BOUNDS))] == within
    # The same, handed over together.
    tally.add_many(entry, Code.OK, "grpc", len(durations), sum(durations), list(found.buckets))
    assert found.calls == 2 * len(durations)
    assert sum(found.buckets) == 2 * within[-1]


def test_past_a_bound_stubs_are_counted_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tallies, "MOST_NAMES", 3)
    stubs = "\n".join(
        f"- {{name: s{id_}, method: GetUser, request: {{id: {id_}}}, response: {{}}}}" for id_ in range(9)
    )
    mock = engine(USERS, stubs, journal=Journal(tally=CallTally()))
    for _ in range(2):
        for id_ in range(9):
            whole(mock, id_)
    by_stub = Counter({kind.stub: count for kind, count in mock.journal.tally.calls.items()})
    assert by_stub == {"s0": 2, "s1": 2, "s2": 2, OTHER: 12}
