"""A session has stubs of its own before the common ones, and its own counts, states, numbers and calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import Clock, Playbook, engine
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.sessions import Sessions, check_name
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive, Send
from grpcmock.errors import ConfigError, Problems, StubError
from grpcmock.status import SESSION_KEY, Code
from grpcmock.stubs import loader
from grpcmock.stubs.model import Stub

GET = "user.UserService/GetUser"
CREATE = "user.UserService/CreateUsers"

COMMON = """
- {name: door, method: user.UserService/GetUser, request: {id: 1}, state: {door: open}, response: {name: inside}}
- name: sequence
  method: user.UserService/GetUser
  request: {id: 1}
  answers: [{response: {name: one}}, {response: {name: two}}, {response: {name: three}}]
  then: cycle
- {name: once, method: user.UserService/GetUser, request: {id: 2}, times: 1, response: {name: once}}
- name: opens
  method: user.UserService/GetUser
  request: {id: 3}
  set: {door: open}
  response: {name: "{{ state.door }}"}
- {name: drawn, method: user.UserService/GetUser, request: {id: 4}, response: {name: "{{ uuid() }} {{ call.count }}"}}
- {name: rest, method: user.UserService/GetUser, request: {id: {$gt: 4}}, response: {name: rest}}
- {name: batch, method: user.UserService/CreateUsers, response: {created: 1}}
"""


def stubs(text: str) -> list[Stub]:
    return loader.load_text(text, "s.yaml", Problems())


def users(text: str = COMMON, **options: Any) -> Engine:
    return engine(registry("user.proto"), text, **options)


def opened(session: str) -> tuple[tuple[str, str], ...]:
    return ((SESSION_KEY, session),) if session else ()


def ask(mock: Engine, session: str, identity: int) -> tuple[str, str]:
    """Make a call, and give the name in its answer, and the name of its status."""
    path, request = f"/{GET}", mock.registry.method(GET).request_class(id=identity).SerializeToString()
    response_class: Any = mock.registry.method(GET).response_class
    given = mock.answer_at_once(path, opened(session), None, "peer", request)
    if given is not None:
        return response_class.FromString(b"".join(given.answer.messages)).name, given.answer.code.name
    exchange = mock.open(Open(path, opened(session)))
    events: list[Any] = [Message(request), HALF_CLOSE]
    step, name = exchange.resume(), ""
    while not isinstance(step, Finish):
        if isinstance(step, Send):
            name = response_class.FromString(step.data).name
        step = exchange.resume(events.pop(0) if isinstance(step, Receive) else None)
    return name, step.code.name


def add(mock: Engine, session: str, text: str) -> None:
    mock.add(stubs(text), session=mock.sessions.use(session))


# The laws ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    identity: int


@dataclass(frozen=True)
class Add:
    identity: int
    times: int | None
    priority: int

    def text(self, number: int) -> str:
        times = f", times: {self.times}" if self.times else ""
        keys = f"request: {{id: {self.identity}}}, priority: {self.priority}{times}"
        return f"[{{name: own{number}, method: {GET}, {keys}, response: {{name: own{number}}}}}]"


@dataclass(frozen=True)
class Remove:
    pass


@dataclass(frozen=True)
class Enter:
    state: str


@dataclass(frozen=True)
class Reset:
    pass


Step = Call | Add | Remove | Enter | Reset

STEPS = st.one_of(
    st.builds(Call, st.integers(0, 6)),
    st.builds(Call, st.integers(0, 6)),
    st.builds(Add, st.integers(0, 6), st.sampled_from([None, 1, 2]), st.integers(-1, 1)),
    st.builds(Remove),
    st.builds(Enter, st.sampled_from(["open", "started"])),
    st.builds(Reset),
)


class Actor:
    """One session of an engine, and what it has seen."""

    def __init__(self, mock: Engine, session: str) -> None:
        self.mock, self.session = mock, session
        self.seen: list[Any] = []
        self.added = 0

    def do(self, step: Step) -> None:
        mock = self.mock
        own = mock.sessions.use(self.session)
        match step:
            case Call():
                self.seen.append(ask(mock, self.session, step.identity))
            case Add():
                self.added += 1
                add(mock, self.session, step.text(self.added))
            case Remove():
                self.seen.append(len(own.remove(lambda entry: entry.name.endswith("1"))))
            case Enter():
                own.states["door"] = step.state
            case Reset():
                own.reset_counts()

    def looks(self) -> list[Any]:
        own = self.mock.sessions.use(self.session)
        calls = [(call.name, call.code, call.stub and call.stub.name) for call in self.mock.journal
                 if call.session == self.session]  # fmt: skip
        counts = [(entry.name, own.counted(entry)) for entry in [*own, *self.mock.store]]
        return [*self.seen, calls, counts, dict(own.states)]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), STEPS), max_size=25))
def test_two_sessions_interleaved_answer_as_each_would_alone(history: Sequence[tuple[str, Step]]) -> None:
    together = users()
    actors = {name: Actor(together, name) for name in "ab"}
    alone = {name: Actor(users(), name) for name in "ab"}
    for name, step in history:
        actors[name].do(step)
        alone[name].do(step)
    for name in "ab":
        assert actors[name].looks() == alone[name].looks()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), STEPS), max_size=25))
def test_calls_without_a_session_answer_as_if_there_were_none(history: Sequence[tuple[bool, Step]]) -> None:
    """Randomness derives from the number of a call, in which all count: what is drawn is left out."""
    together, alone = users(), users()
    actor = Actor(together, "a")
    answers: list[list[Any]] = [[], []]
    for in_session, step in history:
        if in_session:
            actor.do(step)
        elif isinstance(step, Call) and step.identity != 4:
            for mock, seen in zip((together, alone), answers, strict=True):
                seen.append(ask(mock, "", step.identity))
    assert answers[0] == answers[1]
    assert [entry.count for entry in together.store] == [entry.count for entry in alone.store]
    assert dict(together.store.states) == dict(alone.store.states)


# Its own ----------------------------------------------------------------------------------------------


def test_its_stubs_come_first_whatever_the_priority_of_others() -> None:
    mock = users("[{name: c, method: user.UserService/GetUser, priority: 9, response: {name: common}}]")
    add(mock, "a", f"[{{name: o, method: {GET}, priority: -9, times: 1, response: {{name: own}}}}]")
    assert [ask(mock, who, 7)[0] for who in ("a", "a", "b", "", "a")] == ["own", "common", "common", "common", "common"]


def test_a_stub_of_its_own_that_may_come_later_is_waited_for() -> None:
    """One that needs all messages of a stream goes before a common one that needs none."""
    mock = users()
    add(mock, "a", f"[{{name: o, method: {CREATE}, requests: [{{name: x}}, {{name: y}}], response: {{created: 2}}}}]")
    for session, created in (("a", 2), ("b", 1)):
        call = Playbook(mock, CREATE, metadata=opened(session))
        if session == "a":
            call.sends({"name": "x"}).sends({"name": "y"}).half_closes()
        call.gets({"created": created}) if session == "a" else None
    call = Playbook(mock, CREATE, metadata=opened("a")).sends({"name": "z"}).half_closes()
    call.gets({"created": 1})


def test_a_miss_tells_of_its_own_stubs_and_by_its_own_counts() -> None:
    mock = users("[{name: once, method: user.UserService/GetUser, request: {id: 1}, times: 1, response: {}}]")
    add(mock, "a", f"[{{name: mine, method: {GET}, request: {{id: 2}}, response: {{}}}}]")
    ask(mock, "a", 1)
    assert ask(mock, "a", 1)[1] == "UNIMPLEMENTED"
    miss = next(call.miss for call in mock.journal if call.miss)
    assert {near.name: near.exhausted for near in miss.nearest} == {"once": True, "mine": False}
    ask(mock, "b", 3)
    miss = [call.miss for call in mock.journal if call.miss][-1]
    assert [(near.name, near.exhausted) for near in miss.nearest] == [("once", False)]


def test_what_its_own_stubs_answer_at_once_lasts_for_nobody() -> None:
    mock = users("[{name: c, method: user.UserService/GetUser, response: {name: common}}]")
    seen = []
    for session in ("a", "own", "a", "b", "b", ""):
        if session == "own":
            add(mock, "a", f"[{{name: o, method: {GET}, response: {{name: own}}}}]")
            continue
        given = mock.answer_at_once(f"/{GET}", opened(session), None, "peer", b"")
        assert given is not None
        assert given.stub is not None
        seen.append((given.stub.name, given.is_lasting))
    assert seen == [("c", True), ("o", False), ("c", True), ("c", True), ("c", True)]
    (entry,) = mock.store
    assert [entry.count, *(mock.sessions.use(name).counted(entry) for name in "ab")] == [1, 1, 2]


def test_a_reload_keeps_its_stubs_counts_and_states() -> None:
    mock = users()
    add(mock, "a", f"[{{name: o, method: {GET}, request: {{id: 1}}, times: 2, response: {{name: own}}}}]")
    own = mock.sessions.use("a")
    own.states["door"] = "open"
    assert [ask(mock, "a", 1)[0], ask(mock, "a", 2)[0]] == ["own", "once"]
    mock.install(mock.prepare(registry("user.proto"), stubs(COMMON)))
    assert [ask(mock, "a", 1)[0] for _ in range(2)] == ["own", "inside"]
    assert ask(mock, "a", 2)[1] == "UNIMPLEMENTED", "it has answered once already"
    assert ask(mock, "b", 2) == ("once", "OK")


def test_a_reload_that_its_stubs_do_not_fit_changes_nothing() -> None:
    mock = users()
    add(mock, "a", f"[{{name: o, method: {GET}, response: {{name: own}}}}]")
    with pytest.raises(StubError):
        mock.install(mock.prepare(registry(), []))
    assert ask(mock, "a", 1)[0] == "own"


def test_to_replace_a_stub_keeps_its_rank_and_count() -> None:
    mock = users("[]")
    own = mock.sessions.use("a")
    text = f"[{{method: {GET}, times: 3, response: {{name: x}}}}, {{method: {GET}, response: {{}}}}]"
    first, _ = mock.add(stubs(text), session=own)
    ask(mock, "a", 1)
    (changed,) = stubs(f"[{{method: {GET}, times: 2, response: {{name: y}}}}]")
    entry = mock.replace(first, changed, own)
    assert own.counted(entry) == 1
    assert [ask(mock, "a", 1)[0] for _ in range(2)] == ["y", ""]


# The directory ----------------------------------------------------------------------------------------


def calls_of(mock: Engine, session: str) -> int:
    return sum(call.session == session for call in mock.journal)


def test_it_ends_when_it_is_idle_and_takes_all_that_it_holds_with_it() -> None:
    mock = users(session_idle=10.0)
    clock: Clock = mock.machine  # type: ignore[attr-defined]
    add(mock, "a", f"[{{name: o, method: {GET}, response: {{name: own}}}}]")
    ask(mock, "a", 5)
    ask(mock, "", 5)
    clock.time += 6
    ask(mock, "b", 5)
    clock.time += 6
    mock.sessions.expire()
    assert [session.name for session in mock.sessions] == ["b"]
    assert (calls_of(mock, "a"), calls_of(mock, "b"), calls_of(mock, "")) == (0, 1, 1)
    assert "The session 'a' has ended with its 1 stub" in mock.journal.notes[-1].text
    assert ask(mock, "a", 5)[0] == "rest"


def test_a_call_under_way_keeps_it() -> None:
    mock = users(session_idle=10.0)
    add(mock, "a", f"[{{name: o, method: {CREATE}, requests: [{{}}], response: {{created: 5}}}}]")
    call = Playbook(mock, CREATE, metadata=opened("a")).sends({})
    mock.machine.time += 60  # type: ignore[attr-defined]
    mock.sessions.expire()
    assert len(mock.sessions) == 1
    call.half_closes().gets({"created": 5})
    mock.machine.time += 60  # type: ignore[attr-defined]
    mock.sessions.use("b")
    assert [session.name for session in mock.sessions] == ["b"]


def test_it_ends_by_request() -> None:
    mock = users()
    add(mock, "a", f"[{{name: o, method: {CREATE}, requests: [{{}}], response: {{created: 5}}}}]")
    ask(mock, "a", 5)
    call = Playbook(mock, CREATE, metadata=opened("a")).sends({})
    assert mock.sessions.end("a")
    assert not mock.sessions.end("a")
    assert mock.sessions.get("a") is None
    assert calls_of(mock, "a") == 0
    call.half_closes().gets({"created": 5})  # it had seen the stub
    assert call.finish().code is Code.OK
    assert calls_of(mock, "a") == 0, "what was under way belongs to what has ended"


def test_a_thousand_at_once() -> None:
    mock = users()
    names = [f"worker {number}" for number in range(1_000)]
    for name in names:
        add(mock, name, f"[{{name: o, method: {GET}, request: {{id: 9}}, times: 1, response: {{name: '{name}'}}}}]")
    for _ in range(2):
        got = [ask(mock, name, 9)[0] for name in names]
    assert got == ["rest"] * 1_000
    assert len(mock.sessions) == 1_000
    assert [ask(mock, name, 2)[0] for name in names] == ["once"] * 1_000


def test_of_too_many_those_end_that_were_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcmock.engine.sessions._MOST", 3)
    mock = users()
    for name in ("a", "b", "c", "a", "d"):
        mock.sessions.use(name)
    assert [session.name for session in mock.sessions] == ["c", "a", "d"]


def test_the_times_of_a_session() -> None:
    mock = users(session_idle=10.0, wall_clock=lambda: 1_000.0)
    session = mock.sessions.use("a")
    mock.machine.time += 3  # type: ignore[attr-defined]
    sessions: Sessions = mock.sessions
    assert sessions.use("a") is session
    assert (session.created, session.last_used, sessions.expires(session)) == (1_000.0, 1_003.0, 1_013.0)


def test_clearing_the_calls_of_one_leaves_those_of_others() -> None:
    mock = users()
    for name in ("a", "b", "", "a"):
        ask(mock, name, 5)
    before = mock.journal.size
    mock.journal.forget(("a",))
    assert [call.session for call in mock.journal] == ["b", ""]
    assert mock.journal.size < before


@pytest.mark.parametrize("name", ["", " a", "a ", "ä", "a\n", "x" * 201])
def test_names_are_such_as_metadata_can_carry(name: str) -> None:
    with pytest.raises(ConfigError, match=SESSION_KEY):
        check_name(name)
    check_name("gw0 / test[1]")


@pytest.mark.parametrize("idle", [600.0, 10.0])
def test_a_steady_stream_of_them_seldom_looks_through_the_journal(idle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where there are too many, nor where each second one ends that isn't used any more."""
    mock = users(session_idle=idle)
    clock: Clock = mock.machine  # type: ignore[attr-defined]
    looks: list[int] = []
    forget = mock.journal.forget
    monkeypatch.setattr(mock.journal, "forget", lambda names: (looks.append(len(names)), forget(names)))
    for number in range(10_500):
        clock.time += 0.01
        ask(mock, f"worker {number}", 5)
    assert 1 <= len(looks) <= 200
    assert len(mock.sessions) <= 10_000
    assert {session.name for session in mock.sessions} >= {f"worker {number}" for number in range(9_600, 10_500)}
    assert calls_of(mock, "worker 10499") == 1
