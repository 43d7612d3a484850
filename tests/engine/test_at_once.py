# mypy: disable-error-code="arg-type"
"""The law of answers that are given at once: whether a call goes the short way or the general one, nobody can tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from playbook import engine
from strategies import messages
from support import registry

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Receive, Send
from grpcmock.errors import Problems, StubError
from grpcmock.responses import messages as response_messages
from grpcmock.responses import templates
from grpcmock.responses.prototypes import Prototype
from grpcmock.status import SESSION_KEY
from grpcmock.stubs import loader

USERS = registry("user.proto")
GET, LIST = "/user.UserService/GetUser", "/user.UserService/ListUsers"
ALICE = "[{name: f, method: user.UserService/GetUser, request: {id: 1}, response: {id: 7}}]"

STUBS = """
- {name: constant, method: UserService/GetUser, request: {id: 1}, response: {name: Alice}}
- {name: headers, method: UserService/GetUser, request: {id: 2}, response: {name: Bob}, headers: {x-header: a},
   trailers: {x-trailer: [b, c]}}
- {name: error, method: UserService/GetUser, request: {id: 3}, error: {code: NOT_FOUND, message: "no {{ request.id }}",
   details: [{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: "GONE{{ call.count }}"}]}}
- {name: template, method: UserService/GetUser, priority: 1, request: {id: 2},
   response: {id: "{{ request.id }}", name: "{{ call.count }} {{ request.id }}", email: "{{ metadata['x-tag'] }}@x"}}
- {name: plain, method: UserService/GetUser, priority: 2, request: {id: 1},
   response: {id: 4, name: "a{{ request.id }}"}}
- {name: chance, method: UserService/GetUser, request: {id: 3},
   response: {name: "{{ random.int(0, 99999) }}{{ uuid() }}"}, trailers: {x-trailer: "{{ random.int(0, 99999) }}"}}
- {name: wrong, method: UserService/GetUser, priority: 1, request: {id: 3},
   response: {name: "{{ 1 // (request.id - 3) }}"}}
- {name: misfit, method: UserService/GetUser, request: {id: 4}, response: {id: "{{ request.id * 9999999999 }}"}}
- {name: late, method: UserService/GetUser, priority: 3, request: {id: 4}, response: {name: a},
   trailers: {x-trailer: "{{ 1 // (request.id - 4) }}"}}
- {name: twice, method: UserService/GetUser, priority: 9, request: {id: 1}, times: 2,
   response: {name: "{{ call.count }}"}}
- {name: sequence, method: UserService/GetUser, request: {id: 4}, then: cycle,
   answers: [{response: {name: "a{{ request.id }}"}}, {response: {name: b}}, {error: {code: ABORTED}}]}
- {name: once, method: UserService/GetUser, priority: 4, request: {id: 2}, then: miss, answers: [{response: {name: o}}]}
- {name: started, method: UserService/GetUser, priority: 3, request: {id: 1}, state: {door: started},
   response: {name: "{{ state.door }}"}, set: {door: open}}
- {name: opened, method: UserService/GetUser, priority: 3, request: {id: 1}, state: {door: open},
   response: {name: "{{ state.door }}"}}
- {name: tagged, method: UserService/GetUser, priority: 4, metadata: {x-tag: b}, response: {name: tagged}}
- {name: hurried, method: UserService/GetUser, priority: 5, deadline: {$lt: 1}, response: {name: hurried}}
- {name: aborted, method: UserService/GetUser, request: {id: 1}, priority: 6, response: {}, fault: {abort: ABORTED}}
- {name: page, method: UserService/ListUsers, request: {page: 1}, responses: [{id: 1}, {id: "{{ request.page }}"}]}
- {name: breaks, method: UserService/ListUsers, request: {page: 2}, headers: {x-header: "{{ request.page }}"},
   responses: [{id: 1}, {name: "{{ 1 // (request.page - 2) }}"}, {id: 3}]}
- {name: repeat, method: UserService/ListUsers, request: {page: 3},
   script: [{headers: {x-header: r}}, {repeat: {times: 3, steps: [{send: {id: "{{ random.int(0, 9) }}"}}]}}, finish]}
- {name: slow, method: UserService/ListUsers, request: {page: 1}, priority: 1, responses: [{}, {}], interval: 1s}
- {name: lost, method: UserService/ListUsers, priority: 1, request: {page: 3}, responses: [{id: 1}],
   error: {code: DATA_LOSS, message: lost}}
"""
PROBLEMS = Problems()
POOL = {stub.name: stub for stub in loader.load_text(STUBS, "stubs.yaml", PROBLEMS)}
PROBLEMS.raise_errors()


class World:
    """An engine, and all that was said by it."""

    def __init__(self, names: list[str], *, goes_short: bool) -> None:
        self.engine = engine(USERS, seed=7)
        self.goes_short = goes_short
        self.heard: list[Any] = []
        self.add(names)

    def add(self, names: list[str], session: str = "") -> None:
        own = self.engine.sessions.use(session) if session else None
        self.engine.add((POOL[name] for name in names), Layer.TEST, own)

    def remove(self, which: int) -> None:
        entries = list(self.engine.store)
        if entries:
            self.engine.store.remove_one(entries[which % len(entries)])

    def listen(self, misses: bool) -> None:
        self.engine.journal.subscribe(lambda call: self.heard.append(_told(call)), of_misses=misses)

    def disable(self, which: int, session: str) -> None:
        entries = list(self.engine.store)
        if entries:
            self.engine.sessions.use(session).disable(entries[which % len(entries)])

    def call(self, path: str, number: int, tag: str, deadline: float | None, session: str = "") -> Any:
        metadata: Any = (("x-tag", tag), (SESSION_KEY, session)) if session else (("x-tag", tag),)
        data = bytes([8, number])
        given = None
        if self.goes_short:
            given = self.engine.answer_at_once(path, metadata, deadline, "peer", data)
        if given is not None:
            return given.answer
        return general(self.engine, path, data, metadata, deadline)

    def look(self) -> Any:
        store, journal = self.engine.store, self.engine.journal
        seen = [(store, store.states), *[(session, session.states) for session in self.engine.sessions]]
        counts = [
            ([(entry.name, stubs.counted(entry)) for entry in (*store, *stubs)], dict(states)) for stubs, states in seen
        ]
        return counts, [_told(call) for call in journal], journal.size, self.heard


def general(mock: Engine, path: str, data: bytes, metadata: Any = (), deadline: float | None = None) -> Any:
    """Make a call the general way; give what was said in it."""
    exchange = mock.open(Open(path, metadata, deadline, "peer"))
    events = iter([Message(data), HALF_CLOSE])
    step = exchange.resume()
    headers: Any = ()
    said: list[bytes] = []
    while not isinstance(step, Finish):
        if isinstance(step, Send):
            said.append(step.data)
        elif isinstance(step, Headers):
            headers = step.metadata
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)
    return headers, tuple(said), step.code, step.message, step.trailers


def _told(call: Any) -> Any:
    frames = [(frame.direction, frame.data) for frame in call.frames]
    status = call.code, call.message, call.trailers, call.cancelled
    opening = call.id, call.path, call.metadata, call.deadline, call.peer
    return opening, call.stub and call.stub.name, frames, status, call.size, call.miss


NAMES = st.lists(st.sampled_from(sorted(POOL)), min_size=1, max_size=5, unique=True)
SESSIONS = st.sampled_from(["", "", "s", "t"])
CALLS = st.tuples(
    st.just("call"),
    st.sampled_from([GET, GET, LIST]),
    st.integers(1, 4),
    st.sampled_from("ab"),
    st.sampled_from([None, None, 0.5]),
    SESSIONS,
)
ACTIONS = st.one_of(
    *[CALLS] * 8,
    st.tuples(st.just("add"), NAMES, SESSIONS),
    st.tuples(st.just("disable"), st.integers(0, 5), st.just("s")),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("listen"), st.booleans()),
    st.just(("look",)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES, st.lists(ACTIONS, min_size=5, max_size=25))
@example(["chance"], [("call", GET, 3, "a", None)] * 3)
@example(["late"], [("call", GET, 4, "a", None)])
@example(["chance"], [("call", GET, 3, "a", None, "s"), ("call", GET, 3, "a", None), ("call", GET, 3, "a", None, "t")])
@example(["twice"], [("call", GET, 1, "a", None, "s")] * 3 + [("call", GET, 1, "a", None, "t")])
@example(["constant"], [("add", ["started"], "s"), ("call", GET, 1, "a", None, "s"), ("call", GET, 1, "a", None)])
@example(["constant"], [("call", GET, 2, "a", None), ("listen", True), ("call", GET, 2, "a", None)])
def test_nobody_can_tell_which_way_a_call_went(names: list[str], actions: list[tuple[Any, ...]]) -> None:
    short, long = World(names, goes_short=True), World(names, goes_short=False)
    for action, *args in [*actions, ("look",)]:
        assert getattr(short, action)(*args) == getattr(long, action)(*args), (action, args)


@pytest.mark.parametrize("name", sorted(POOL))
def test_what_takes_no_time_is_answered_at_once(name: str) -> None:
    world = World([name], goes_short=True)
    path = f"/user.{POOL[name].method}"
    numbers = range(1, 5)
    given = [world.engine.answer_at_once(path, (("x-tag", "b"),), 0.5, "peer", bytes([8, n])) for n in numbers]
    takes_time = name in ("aborted", "slow")
    session = (("x-tag", "b"), (SESSION_KEY, "s"))
    inside = [world.engine.answer_at_once(path, session, 0.5, "peer", bytes([8, n])) for n in numbers]
    assert [one is None for one in inside] == [one is None for one in given]
    assert (None in given) is takes_time
    [entry] = world.engine.store
    assert len([one for one in given if one is not None and one.stub]) == entry.count
    assert (entry.count > 0) is (name not in ("aborted", "slow", "opened"))


# What lasts is remembered ---------------------------------------------------------------------------


def once(mock: Engine, data: bytes = b"\x08\x01", **how: Any) -> bytes | None:
    given = mock.answer_at_once(GET, (), None, "peer", data, **how)
    return None if given is None else b"".join(given.answer.messages)


def test_every_change_of_the_stubs_is_seen() -> None:
    mock = engine(USERS, ALICE)
    assert [once(mock), once(mock)] == [b"\x08\x07", b"\x08\x07"]
    added = loader.load_text("[{name: t, method: UserService/GetUser, response: {id: 9}}]", "t.yaml", Problems())
    mock.add(added, Layer.TEST)
    assert [once(mock), once(mock)] == [b"\x08\x09", b"\x08\x09"]
    mock.store.remove(lambda entry: entry.name == "t")
    assert once(mock) == b"\x08\x07"
    assert [entry.count for entry in mock.store] == [3]


def test_the_requests_that_are_known_are_bounded() -> None:
    mock = engine(USERS, ALICE)
    for number in range(1, 3_000):
        assert once(mock, b"\x08" + _varint(number)) is not None
    assert once(mock, b"\x12\x88\x27" + bytes(5_000)) is not None
    known = mock.store.tables[GET].answers
    assert 0 < len(known) <= 1024
    assert max(map(len, known)) <= 1024
    assert sum(given.size for given in known.values()) <= 8 << 20


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


@pytest.mark.parametrize(
    ("text", "data", "is_answered"),
    [
        (ALICE, b"\x08\x01", True),
        (ALICE, b"\x08\x02", False),
        ("[{method: user.UserService/GetUser, response: {name: '{{ request.id }}'}}]", b"\x08\x01", False),
        ("[{method: user.UserService/GetUser, times: 9, response: {}}]", b"\x08\x01", False),
    ],
    ids=["constant", "miss", "template", "counted"],
)
def test_before_the_half_close_only_constants_are_given(text: str, data: bytes, is_answered: bool) -> None:
    mock = engine(USERS, text)
    for _ in range(2):
        assert (once(mock, data, half_closed=False) is not None) is is_answered
        assert once(mock, data) is not None
    assert len(mock.journal) == (4 if is_answered else 2)


@pytest.mark.parametrize(
    ("path", "data", "options"),
    [
        (GET, b"\xff", {}),
        ("/no.Such/Method", b"", {}),
        ("/user.UserService/CreateUsers", b"", {}),
        (GET, b"\x08\x02", {"auto": True}),
        (GET, b"\x08\x01", {"validate": True}),
    ],
    ids=["undecodable", "unknown", "streams", "generated", "validated"],
)
def test_what_goes_the_general_way_has_left_no_trace(path: str, data: bytes, options: Any) -> None:
    mock = engine(USERS, ALICE, **options)
    assert mock.answer_at_once(path, (), None, "peer", data) is None
    assert (len(mock.journal), mock.journal.next_id) == (0, 1)
    assert [entry.count for entry in mock.store] == [0]


# Templates and messages ----------------------------------------------------------------------------

KITCHEN = registry("kitchen_sink.proto")
EVERYTHING = KITCHEN.message("kitchen.Everything")
FIELDS = [field.name for field in EVERYTHING.DESCRIPTOR.fields]
_FILTERS = st.sampled_from(["", "", "", "|upper", "|default('none')", "|default(7, true)|string", "|trim|length"])
_CHAINS = st.sampled_from(FIELDS) | st.sampled_from(
    ["f_message.name", "f_message.number", "f_message.child.name", "o_message.name", "f_message", "f_message['name']"]
)
_EXPRESSIONS = st.builds(lambda chain, filters: f"{{{{ request.{chain}{filters} }}}}", _CHAINS, _FILTERS)
_TEXTS = _EXPRESSIONS | st.lists(_EXPRESSIONS | st.sampled_from(["a", "50 %", "%s ", "ä"]), max_size=3).map("".join)
_BODIES = st.dictionaries(st.sampled_from(FIELDS), _TEXTS, min_size=1, max_size=3) | st.fixed_dictionaries(
    {"f_message": st.fixed_dictionaries({"name": _TEXTS}, optional={"number": _TEXTS | st.integers(0, 9)})},
    optional={"r_message": st.lists(st.fixed_dictionaries({"name": _TEXTS}), max_size=2), "f_int32": st.integers(0, 9)},
)


def _answers(body: Any, requests: list[Any]) -> Iterator[Any]:
    text = json.dumps([{"name": "it", "method": "kitchen.KitchenService/Unary", "response": body}])
    try:
        mock = engine(KITCHEN, text)
    except StubError as error:
        yield str(error)
        return
    for request in requests:
        yield general(mock, "/kitchen.KitchenService/Unary", request.SerializePartialToString())


def _conversation(body: Any, requests: list[Any]) -> Iterator[Any]:
    # So some templates read the message that came last, some the first one, and some both.
    sent = json.loads(json.dumps(body).replace("request.f", "message.f"))
    text = json.dumps([{"name": "it", "method": "kitchen.KitchenService/Bidi", "script": [{"on": [{"send": sent}]}]}])
    try:
        exchange = engine(KITCHEN, text).open(Open("/kitchen.KitchenService/Bidi", (), None, "peer"))
    except StubError as error:
        yield str(error)
        return
    events = iter([*(Message(request.SerializePartialToString()) for request in requests), HALF_CLOSE])
    step: Any = None
    while not isinstance(step, Finish):
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)
        yield step


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(_BODIES, st.lists(messages(EVERYTHING), min_size=1, max_size=3), st.sampled_from([_answers, _conversation]))
def test_a_template_that_is_read_directly_gives_what_any_other_way_gives(
    body: Any, requests: list[Any], answers: Callable[[Any, list[Any]], Iterator[Any]]
) -> None:
    direct = list(answers(body, requests))
    with (
        patch.object(response_messages, "Prototype", _NoPrototype),
        patch("grpcmock.responses.direct_reading.compile_reading", lambda *_: None),
    ):
        assert direct == list(answers(body, requests))


class _NoPrototype(Prototype):
    @classmethod
    def of(cls, *_: Any) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(
    ("text", "is_direct"),
    [
        ("{{ request.f_int32 }}", True),
        ("a {{ request.f_message.name|upper }} b {{ request.r_int32 }}", True),
        ("{{ request.o_string|default('x') }}", True),
        ("{{ message.f_int32 }} after {{ request.f_int32 }}", True),
        ("{{ request }}", False),
        ("{{ request.f_int32 + 1 }}", False),
        ("{{ request.r_int32[0] }}", False),
        ("{{ request.w_timestamp.seconds }}", False),
        ("{{ call.count }}", False),
    ],
)
def test_which_templates_are_read_directly(text: str, is_direct: bool) -> None:
    from grpcmock.responses.direct_reading import compile_reading

    reading = compile_reading(templates.parse_template(text), EVERYTHING.DESCRIPTOR)
    assert (reading is not None) is is_direct
