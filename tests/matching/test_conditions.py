# mypy: disable-error-code="attr-defined"
"""The conditions of a whole stub, and when they can be decided."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from google.rpc.error_details_pb2 import DebugInfo
from support import registry

from grpcmock.errors import Problems
from grpcmock.matching import CallContext, Conditions, Stage, compile_conditions
from grpcmock.stubs.model import Stub
from grpcmock.tree import Node

KITCHEN = registry("kitchen_sink.proto")
USERS = registry("user.proto")
UNARY, CLIENT, BIDI = (f"kitchen.KitchenService/{name}" for name in ("Unary", "ClientStream", "Bidi"))
EVERYTHING = KITCHEN.message("kitchen.Everything")


def stub(method: str = UNARY, **keys: Any) -> Stub:
    nodes: dict[str, Any] = {key: Node.of(value) for key, value in keys.items() if key not in ("state", "row")}
    plain = {key: keys[key] for key in ("state", "row") if key in keys}
    return Stub(method=method, name="s", **nodes, **plain)


def conditions(method: str = UNARY, **keys: Any) -> Conditions:
    problems = Problems()
    compiled = compile_conditions(stub(method, **keys), KITCHEN.method(method), KITCHEN, problems)
    problems.raise_errors()
    return compiled


def problems_of(method: str = UNARY, **keys: Any) -> list[str]:
    problems = Problems()
    compile_conditions(stub(method, **keys), KITCHEN.method(method), KITCHEN, problems)
    return [str(problem) for problem in problems]


def agree(compiled: Conditions, context: CallContext) -> bool:
    held = compiled.holds(context)
    findings = compiled.explain(context)
    assert sum(finding.count for finding in findings) == compiled.count
    assert all(finding.matched for finding in findings) is held
    assert compiled.matched_count(context) == sum(finding.count for finding in findings if finding.matched)
    return held


DEBUG_INFO = DebugInfo(detail="a").SerializeToString()
METADATA = [
    ({"k": "a"}, {"k": ["a"]}, True),
    ({"K": "a"}, {"k": ["a"]}, True),
    ({"k": "a"}, {"k": ["b", "a"]}, True),
    ({"k": "a"}, {}, False),
    ({"k": None}, {}, True),
    ({"k": None}, {"k": [""]}, False),
    ({"k": {"$exists": True}}, {"k": [""]}, True),
    ({"k": {"$exists": False}}, {}, True),
    ({"k": {"$ne": "a"}}, {"k": ["b", "a"]}, False),
    ({"k": {"$ne": "a"}}, {"k": ["b"]}, True),
    ({"k": {"$ne": "a"}}, {}, True),
    ({"k": {"$nin": ["a", "b"]}}, {"k": ["c", "b"]}, False),
    ({"k": {"$in": ["a", "b"]}}, {"k": ["c", "b"]}, True),
    ({"k": {"$in": ["a", None]}}, {}, True),
    ({"k": {"$not": {"$prefix": "a"}}}, {"k": ["b", "ab"]}, False),
    ({"k": {"$not": {"$prefix": "a"}}}, {"k": ["b"]}, True),
    ({"k": {"$prefix": "a", "$suffix": "z"}}, {"k": ["ab", "yz"]}, False),
    ({"k": {"$prefix": "a", "$suffix": "z"}}, {"k": ["b", "a-z"]}, True),
    ({"k": {"$and": [{"$prefix": "a"}, {"$suffix": "z"}]}}, {"k": ["ab", "yz"]}, True),
    ({"k": {"$or": ["x", {"$prefix": "a"}]}}, {"k": ["ab"]}, True),
    ({"k": {"$prefix": "a", "$ne": "ab"}}, {"k": ["ac"]}, True),
    ({"k": {"$prefix": "a", "$ne": "ab"}}, {"k": ["ac", "ab"]}, False),
    ({"k": ["a", "b"]}, {"k": ["a", "b"]}, True),
    ({"k": ["a", "b"]}, {"k": ["b", "a"]}, False),
    ({"k-bin": base64.b64encode(b"\xff").decode()}, {"k-bin": [b"\xff"]}, True),
    ({"k-bin": {"$size": 1}}, {"k-bin": [b"\xff"]}, True),
    ({"k-bin": {"$prefix": "/w=="}}, {"k-bin": [b"\xffa"]}, True),
    ({"k": {"$regex": "^Bearer "}}, {"k": ["Bearer x"]}, True),
    ({"k-bin": {"@type": "google.rpc.DebugInfo", "detail": "a"}}, {"k-bin": [b"", DEBUG_INFO]}, True),
    ({"k-bin": {"@type": "google.rpc.DebugInfo", "detail": {"$prefix": "b"}}}, {"k-bin": [DEBUG_INFO]}, False),
    ({"k-bin": {"$not": {"@type": "google.rpc.DebugInfo", "detail": "b"}}}, {"k-bin": [DEBUG_INFO]}, True),
    ({"k-bin": {"@type": "google.rpc.DebugInfo"}}, {"k-bin": [b"\xff"]}, False),
    ({"k-bin": ["YQ==", {"@type": "google.rpc.DebugInfo", "detail": "a"}]}, {"k-bin": [b"a", DEBUG_INFO]}, True),
    ({"k-bin": {"@type": "google.protobuf.Duration", "value": {"$gt": "1s"}}}, {"k-bin": [b"\x08\x02"]}, True),
    ({"k-bin": {"@type": "google.protobuf.Duration", "value": {"$gt": "3s"}}}, {"k-bin": [b"\x08\x02"]}, False),
]


@pytest.mark.parametrize(("pattern", "metadata", "expected"), METADATA)
def test_metadata(pattern: Any, metadata: Any, expected: bool) -> None:
    assert agree(conditions(metadata=pattern), CallContext(metadata)) is expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("x", ["metadata", "mapping"]),
        ({"k": 5}, ["metadata.k", "a string", "quotes"]),
        ({"k-bin": "%"}, ["metadata.k-bin", "base64"]),
        ({"k-bin": {"@type": "no.Such"}}, ["metadata.k-bin", "There is no message type 'no.Such'"]),
        ({"k-bin": {"@type": "google.rpc.DebugInfo", "detial": "a"}}, ["no field 'detial'", "'detail'"]),
        ({"k": {"$first": "x"}}, ["metadata.k", "$first"]),
        ({"$or": [{"k": "x"}]}, ["metadata", "$or"]),
        ({"k": {"$not": {"$gtt": "x"}}}, ["metadata.k.$not", "$gt"]),
    ],
)
def test_wrong_metadata(pattern: Any, words: list[str]) -> None:
    (problem,) = problems_of(metadata=pattern)
    assert all(word in problem for word in words), problem


DEADLINES = [
    ({"$exists": True}, 5.0, True),
    ({"$exists": True}, None, False),
    ({"$exists": False}, None, True),
    (None, None, True),
    ({"$gt": 1, "$lt": 9}, 5.0, True),
    ({"$gt": 1}, 0.5, False),
    ({"$lt": 1}, None, False),
    ({"$not": {"$lt": 1}}, None, True),
]


@pytest.mark.parametrize(("pattern", "deadline", "expected"), DEADLINES)
def test_deadlines(pattern: Any, deadline: float | None, expected: bool) -> None:
    if pattern is None:
        pattern = Node(None)
    assert agree(conditions(deadline=pattern), CallContext(deadline=deadline)) is expected


def test_a_scenario_begins_in_started() -> None:
    begun = conditions(state={"login": "started"})
    later = conditions(state={"login": "done", "other": "started"})
    assert agree(begun, CallContext()) and not agree(later, CallContext())
    assert agree(later, CallContext(state={"login": "done"})) and not agree(begun, CallContext(state={"login": "done"}))


def test_everything_must_hold() -> None:
    compiled = conditions(request={"f_int32": 1}, metadata={"k": "a"}, state={"x": "y"}, deadline={"$gt": 1})
    context = CallContext({"k": ["a"]}, 2.0, {"x": "y"}, EVERYTHING(f_int32=1))
    assert compiled.count == 4
    assert agree(compiled, context)
    for change in ({"metadata": {}}, {"deadline": 0.5}, {"state": {}}):
        spoiled = CallContext(context.metadata, context.deadline, context.state, context.request)
        for name, value in change.items():
            setattr(spoiled, name, value)
        assert not agree(compiled, spoiled)
        assert not compiled.open_holds(spoiled)
    other = CallContext(context.metadata, context.deadline, context.state, EVERYTHING(f_int32=2))
    assert not agree(compiled, other) and compiled.open_holds(other)


def test_no_message_fits_no_pattern_of_the_request() -> None:
    assert not agree(conditions(CLIENT, request={}), CallContext(requests=[], half_closed=True))
    assert not agree(conditions(CLIENT, request={"$not": {"f_int32": 1}}), CallContext(requests=[], half_closed=True))


REQUESTS = [
    ([{"f_int32": 1}, {"f_int32": 2}], [1, 2], True, 2),
    ([{"f_int32": 1}, {"f_int32": 2}], [1], False, 2),
    ([{}, {}], [1, 2], True, 2),
    ([], [], True, 1),
    ({"$size": {"$gt": 1}}, [1, 2], True, 1),
    ({"$each": {"f_int32": {"$gt": 0}}}, [1, 0], False, 1),
    ({"$some": {"f_int32": 2}}, [1, 2], True, 1),
    ({"$first": {"f_int32": 1}, "$last": {"f_int32": 3}}, [1, 2, 3], True, 2),
    ({"$unordered": [{"f_int32": 3}, {"f_int32": 1}]}, [1, 3], True, 2),
]


@pytest.mark.parametrize(("pattern", "numbers", "expected", "count"), REQUESTS)
def test_all_messages_of_a_stream(pattern: Any, numbers: list[int], expected: bool, count: int) -> None:
    compiled = conditions(CLIENT, requests=pattern)
    assert (compiled.stage, compiled.count) == (Stage.ALL, count)
    messages = [EVERYTHING(f_int32=number) for number in numbers]
    context = CallContext(request=messages[0] if messages else None, requests=messages, half_closed=True)
    assert agree(compiled, context) is expected
    assert not agree(compiled, CallContext(request=context.request))


def test_requests_are_for_methods_whose_client_streams() -> None:
    (problem,) = problems_of(requests=[{}])
    assert "one message" in problem and "request:" in problem
    (problem,) = problems_of(CLIENT, requests={"f_int32": 1})
    assert "all messages" in problem and "$some" in problem


STAGES = [
    ({}, Stage.OPEN),
    ({"metadata": {"k": "a"}, "deadline": {"$gt": 1}, "state": {"a": "b"}}, Stage.OPEN),
    ({"request": {}}, Stage.FIRST),
    ({"requests": [{}], "request": {}}, Stage.ALL),
    ({"when": "'k' in metadata"}, Stage.OPEN),
    ({"when": "'request' in metadata"}, Stage.OPEN),
    ({"when": "request.f_int32 > 1"}, Stage.FIRST),
    ({"when": "requests.size() > 1"}, Stage.ALL),
    ({"when": "'k' in metadata", "request": {}}, Stage.FIRST),
]


@pytest.mark.parametrize(("keys", "stage"), STAGES)
def test_a_stub_is_decided_as_early_as_can_be(keys: Any, stage: Stage) -> None:
    assert conditions(BIDI, **keys).stage is stage


# --- CEL --------------------------------------------------------------------------------------------------------------

WHENS = [
    ("request.f_int32 == 1", True),
    ("request.f_int32 > 1", False),
    ("request.f_enum == Color.COLOR_RED", True),
    ("'a' in metadata['k']", True),
    ("metadata['nothing'][0] == 'a'", False),
    ("!('x' in metadata)", True),
    ("deadline > duration('1s')", True),
    ("deadline != null && deadline < duration('1s')", False),
    ("requests.size() == 1", True),
    ("request.w_any.name == 'n'", True),
    ("request.r_string.exists(s, s.startsWith('b'))", True),
    ("has(request.f_message)", False),
    ("1 / (request.f_int32 - 1) == 1", False),
    ("metadata['k-bin'][0] == '/w=='", True),
]


@pytest.mark.parametrize(("text", "expected"), WHENS)
def test_cel(text: str, expected: bool) -> None:
    request = EVERYTHING(f_int32=1, f_enum=1, r_string=["a", "b"])
    request.w_any.Pack(KITCHEN.message("kitchen.Nested")(name="n"))
    context = CallContext({"k": ["a", "b"], "k-bin": [b"\xff"]}, 2.0, {}, request)
    assert agree(conditions(when=text), context) is expected


def test_cel_sees_null_where_there_is_no_deadline() -> None:
    assert agree(conditions(when="deadline == null"), CallContext(request=EVERYTHING()))
    assert not agree(conditions(when="deadline == null"), CallContext(deadline=1.0, request=EVERYTHING()))
    assert not agree(conditions(when="deadline < duration('9s')"), CallContext(request=EVERYTHING()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("request.f_in32 == 1", ["when", "undefined field 'f_in32'", "(at 1:8 of the expression)"]),
        ("request.f_int32 == 'x'", ["no matching overload"]),
        ("deadline < 5", ["no matching overload", "Duration"]),
        ("request.f_int32 ==", ["Syntax error"]),
        ("request.f_int32", ["bool", "int"]),
        ("nonsense == 1", ["undeclared reference to 'nonsense'"]),
        ("", ["when"]),
        (5, ["a CEL expression"]),
        ("'\ud800' == ''", ["when"]),
    ],
)
def test_wrong_cel(text: Any, words: list[str]) -> None:
    (problem,) = problems_of(when=text)
    assert all(word in problem for word in words), problem


def test_cel_reports_all_of_its_errors() -> None:
    assert len(problems_of(when="request.a == 1 &&\nrequest.b == 2")) == 2


def test_without_the_extra_the_problem_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from grpcmock.matching import cel

    monkeypatch.setattr(cel, "_ENVIRONMENTS", {})
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    (problem,) = problems_of(when="true")
    assert "pip install '.[cel]'" in problem


def test_a_request_that_is_itself_a_well_known_type() -> None:
    method = "kitchen.KitchenService/Nothing"
    compiled = conditions(method, request={})
    assert agree(compiled, CallContext(request=KITCHEN.method(method).request_class()))


def test_the_size_of_many_stubs_is_small() -> None:
    """A hundred thousand stubs fit in a gibibyte with all that else belongs to them: one has two objects or so."""
    import tracemalloc

    method = USERS.method("user.UserService/GetUser")
    stubs = [Stub(method="x", name="s", request=Node.of({"id": number})) for number in range(2000)]
    problems = Problems()
    compile_conditions(stubs[0], method, USERS, problems)
    tracemalloc.start()
    try:
        kept = [compile_conditions(stub, method, USERS, problems) for stub in stubs]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / len(kept) < 700
