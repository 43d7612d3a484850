# mypy: disable-error-code="arg-type, attr-defined"
"""YAML, keywords and the fluent words are three spellings of the same stub."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import strategies
import support
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo
from hypothesis import given, settings
from hypothesis import strategies as st

import grpcmock
from grpcmock import MockServer, Stub, StubHandle, failure, gt, lt, matches, not_, reply
from grpcmock.errors import Problems
from grpcmock.mock import operators
from grpcmock.mock.pattern import Operator
from grpcmock.responses.plan import FinishStep
from grpcmock.schema.codec import to_tree
from grpcmock.status import Code
from grpcmock.stubs import loader
from grpcmock.stubs.dump import to_plain, to_yaml

GET = "user.UserService/GetUser"
LIST = "user.UserService/ListUsers"
CREATE = "user.UserService/CreateUsers"
LOOKUP = "user.UserService/LookupUsers"


def a_mock() -> MockServer:
    """One that doesn't run: declaring needs no server."""
    return MockServer(support.registry("user.proto"))


def from_yaml(text: str) -> Stub:
    problems = Problems()
    stubs = loader.load_text(text, "stubs.yaml", problems)
    problems.raise_errors()
    (stub,) = stubs
    return stub


def same(*stubs: Stub) -> bool:
    first, *others = (replace(stub, name="", method_location=None) for stub in stubs)
    return all(first == other for other in others)


PAIRS: list[tuple[str, Any, dict[str, Any]]] = [
    ("{method: user.UserService/GetUser, response: {name: Alice}}", lambda m: m.on(GET).returns(name="Alice"), {}),
    (
        (
            "{method: user.UserService/GetUser, request: {id: {$gt: 5, $lt: 9}}, metadata: {x-key: a}, "
            "response: {}, times: 2, priority: 3}"
        ),
        lambda m: m.on(GET).when(id={"$gt": 5, "$lt": 9}, metadata={"x-key": "a"}).returns().times(2).priority(3),
        {"request": {"id": {"$gt": 5, "$lt": 9}}},
    ),
    (
        "{method: user.UserService/GetUser, request: {id: {$or: [{$gt: 5}, {$not: {$lt: 9}}]}}, response: {}}",
        lambda m: m.on(GET).when(id=gt(5) | ~lt(9)).returns(),
        {"request": {"id": operators.or_(gt(5), not_(lt(9)))}},
    ),
    (
        (
            "{method: user.UserService/CreateUsers, request: {name: {$regex: ^A}}, error: {code: NOT_FOUND, "
            "message: nobody, "
            "details: [{'@type': type.googleapis.com/google.rpc.ErrorInfo, reason: WHY}], trailers: {x: '1', "
            "e-bin: {'@type': type.googleapis.com/google.rpc.ErrorInfo, reason: NOW}}}}"
        ),
        lambda m: (
            m.on(CREATE)
            .when(name=matches("^A"))
            .fails(
                grpc.StatusCode.NOT_FOUND,
                "nobody",
                details=[ErrorInfo(reason="WHY")],
                trailers={"x": "1", "e-bin": ErrorInfo(reason="NOW")},
            )
        ),
        {
            "error": {
                "code": Code.NOT_FOUND,
                "message": "nobody",
                "details": [ErrorInfo(reason="WHY")],
                "trailers": {"x": "1", "e-bin": ErrorInfo(reason="NOW")},
            },
            "request": {"name": matches("^A")},
        },
    ),
    (
        (
            "{method: user.UserService/ListUsers, responses: [{id: 1}, {id: 2}], interval: 0.25s, "
            "error: {code: UNAVAILABLE}, delay: 1.500000s}"
        ),
        lambda m: (
            m.on(LIST).streams({"id": 1}, {"id": 2}, interval=0.25).fails("UNAVAILABLE").delay(timedelta(seconds=1.5))
        ),
        {"interval": 0.25, "delay": timedelta(seconds=1.5)},
    ),
    (
        (
            "{method: user.UserService/GetUser, answers: [{response: {id: 1}}, {error: {code: ABORTED}}], "
            "then: cycle, state: {a: b}, "
            "set: {a: c}, headers: {h: [x, y]}, delay: {min: 0.01s, max: 20ms}}"
        ),
        lambda m: (
            m.on(GET)
            .sequence({"id": 1}, failure("ABORTED"), then="cycle")
            .in_state(a="b")
            .to_state({"a": "c"})
            .headers({"h": ["x", "y"]})
            .delay(min=0.01, max="20ms")
        ),
        {
            "answers": [reply(id=1), failure("ABORTED")],
            "delay": {"min": 0.01, "max": "20ms"},
            "headers": {"h": ("x", "y")},
            "set": {"a": "c"},
        },
    ),
    (
        (
            "{method: user.UserService/LookupUsers, script: [{expect: {id: 1}}, {send: {id: 2}}, "
            "half_close], fault: {drip: 10ms, rate: 0.5}}"
        ),
        lambda m: (
            m.on(LOOKUP).script({"expect": {"id": 1}}, {"send": {"id": 2}}, "half_close").fault(drip="10ms", rate=0.5)
        ),
        {},
    ),
    (
        (
            "{method: user.UserService/CreateUsers, requests: {$each: {name: {$prefix: x}}}, "
            "deadline: {$exists: true}, given: there is a user, "
            "response: {}}"
        ),
        lambda m: (
            m.on(CREATE)
            .matching(
                requests=operators.each({"name": operators.prefix("x")}),
                deadline=operators.exists,
                given="there is a user",
            )
            .returns()
        ),
        {"requests": operators.each({"name": operators.prefix("x")}), "deadline": operators.exists},
    ),
]


@pytest.mark.parametrize(("text", "fluent", "keywords"), PAIRS)
def test_each_says_the_same(text: str, fluent: Any, keywords: dict[str, Any]) -> None:
    written = from_yaml(f"- {text}")
    handle: StubHandle[Any] = fluent(a_mock())
    assert same(written, handle.stub)
    plain = to_plain(written)
    del plain["name"]
    assert same(written, a_mock().add(**{**plain, **keywords}).stub)
    assert same(written, from_yaml(to_yaml([handle.stub])))


def test_words_may_stand_before_the_answer_or_after_it() -> None:
    before = a_mock().on(GET).times(2).named("n").in_state(a="b").delay("1s").optional().returns(id=1)
    after = a_mock().on(GET).returns(id=1).times(2).named("n").in_state(a="b").delay("1s").optional()
    assert before.stub == after.stub
    assert before.may_be_unused is after.may_be_unused is True


# The property -----------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), min_size=1, max_size=8)
_ID = st.integers(-(2**31), 2**31 - 1)
_USER = st.fixed_dictionaries({}, optional={"id": _ID, "name": _TEXT, "email": _TEXT})
_NUMBER = st.one_of(
    _ID,
    st.none(),
    st.builds(gt, _ID),
    st.builds(operators.one_of, _ID, _ID),
    st.builds(lambda a, b: gt(a) & ~lt(b), _ID, _ID),
    st.sampled_from([operators.exists, operators.absent]),
)
_STATUS = st.sampled_from([code.name for code in Code if code])
_WORDS = st.fixed_dictionaries(
    {},
    optional={
        "times": st.integers(1, 9),
        "priority": st.integers(-9, 9).filter(bool),
        "delay": st.sampled_from(["5ms", 0.25, timedelta(milliseconds=3), {"min": "1ms", "max": 0.5}]),
        "headers": st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["1", "b c"]), min_size=1),
        "state": st.dictionaries(_TEXT, _TEXT, min_size=1, max_size=2),
        "set": st.dictionaries(_TEXT, _TEXT, min_size=1, max_size=2),
        "fault": st.sampled_from([{"abort": "ABORTED", "rate": 0.5}, {"hang": True}]),
    },
)


@st.composite
def declared(draw: st.DrawFn) -> tuple[Stub, Stub]:
    """One stub, by fluent words and by keywords."""
    mock = a_mock()
    kind = draw(st.sampled_from(["returns", "streams", "fails", "sequence"]))
    method = LIST if kind == "streams" else GET
    field = "page" if kind == "streams" else "id"
    request = draw(st.dictionaries(st.just(field), _NUMBER, max_size=1))
    words = draw(_WORDS)
    target = mock.on(method).named("fluent")
    keys: dict[str, Any] = {"method": method, "name": "keywords", **words}
    if request:
        target = target.when(request)
        keys["request"] = request
    users = draw(st.lists(_USER, min_size=1, max_size=3))
    if kind == "returns":
        handle, keys["response"] = target.returns(**users[0]), users[0]
    elif kind == "streams":
        # A stream of one is dumped as 'response', which is the same.
        handle, keys["responses"] = target.streams(*users), users
    elif kind == "fails":
        code, text = draw(_STATUS), draw(_TEXT)
        handle, keys["error"] = target.fails(code, text), {"code": code, "message": text}
    else:
        handle, keys["answers"] = target.sequence(*users, then="miss"), [{"response": user} for user in users]
        keys["then"] = "miss"
    for word, value in words.items():
        say = {"state": handle.in_state, "set": handle.to_state}.get(word) or getattr(handle, word)
        say(value)
    return handle.stub, mock.add(**keys).stub


@given(declared())
@settings(max_examples=100, deadline=None)
def test_the_three_spellings_round_trip(stubs: tuple[Stub, Stub]) -> None:
    fluent, keywords = stubs
    assert same(fluent, keywords)
    text = to_yaml([fluent])
    written = from_yaml(text)
    assert written == fluent
    assert to_yaml([written]) == text
    again = a_mock().add(**to_plain(written)).stub
    assert again == fluent


SINK = support.registry()


def a_method_answering_all_types() -> Iterator[str]:
    yield from (method.full_name for method in SINK.methods.values())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_message_round_trips_as_an_answer(data: st.DataObject) -> None:
    """Bytes, templates in strings, Any: what a message holds is sent as it is, and so when it has been written down."""
    method = data.draw(st.sampled_from([method for method in SINK.methods.values() if not method.kind.client_streams]))
    message = data.draw(strategies.messages(method.response_class))
    mock = MockServer(SINK)
    handle = mock.on(method.full_name).returns(message)
    written = mock.add(from_yaml(to_yaml([replace(handle.stub, name="written")])))
    for one in (handle, written):
        assert one.entry is not None
        first, *_ = one.entry.plans[0].steps
        sent = first.reply.constant if hasattr(first, "reply") else None
        assert sent is not None
        assert to_tree(method.response_class.FromString(sent)) == to_tree(message)
        assert isinstance(one.entry.plans[0].steps[-1], FinishStep)


# Values of Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, 600),  # noqa: DTZ001 - protobuf takes it as UTC
            "2026-01-02T03:04:05.000600Z",
        ),
        (timedelta(seconds=-1.5), "-1.500000s"),
        (timedelta(days=2), "172800s"),
        (Duration(seconds=3), "3s"),
        ((1, (2,)), [1, [2]]),
        (bytearray(b"x"), b"x"),
        (gt(timedelta(seconds=1)), {"$gt": "1s"}),
    ],
)
def test_values_of_python_become_protojson(value: Any, written: Any) -> None:
    from grpcmock.mock.protojson import tree

    assert tree(value) == written


def _written(word: Any) -> Operator:
    """What a word writes, given a text for each of its parameters."""
    if isinstance(word, Operator):
        return word
    parameters = inspect.signature(word).parameters.values()
    return word(*["x" for parameter in parameters if parameter.default is parameter.empty and parameter.kind < 3])


def test_every_operator_of_the_format_is_a_word() -> None:
    from grpcmock.matching.operators import OPERATORS

    written = {word: _written(getattr(operators, word)) for word in operators.__all__}
    assert all(len(operator) == 1 for operator in written.values())
    assert {name for operator in written.values() for name in operator} == set(OPERATORS)
    assert all(getattr(grpcmock, word) is getattr(operators, word) for word in operators.__all__)


def test_words_have_the_names_of_the_format_but_for_those_that_the_docs_tell() -> None:
    told = dict(
        re.findall(r"^\| `(\w+)` \| `(\$\w+)", (support.ROOT / "docs" / "testing.md").read_text(), re.MULTILINE)
    )
    for word in operators.__all__:
        (name,) = _written(getattr(operators, word))
        assert told.pop(word, f"${word}") == name
    assert told == {}


def test_operators_combine() -> None:
    assert gt(1) & lt(5) == {"$and": [{"$gt": 1}, {"$lt": 5}]}
    assert gt(5) | 3 == {"$or": [{"$gt": 5}, 3]}
    assert 3 | gt(5) == {"$or": [3, {"$gt": 5}]}
    assert ~gt(1) == {"$not": {"$gt": 1}}
    assert repr(gt(1)) == "{'$gt': 1}"
