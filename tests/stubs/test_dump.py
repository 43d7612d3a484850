"""What is dumped and parsed again is the same."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.errors import Problems
from grpcmock.stubs import Answer, Stub, Verify, loader
from grpcmock.stubs.dump import to_plain, to_yaml
from grpcmock.tree import Node


def parsed(text: str) -> list[Stub]:
    stubs = loader.load_text(text, "a.yaml", problems := Problems())
    assert [str(problem) for problem in problems] == []
    return stubs


@pytest.mark.parametrize(
    "text",
    [
        "- {name: a, method: a.B/C}",
        "- {name: a, method: a.B/C, request: {id: 1}, response: {id: 1}}",
        "- {name: a, method: a.B/C, requests: [{a: 1}], deadline: 3, when: 'a == 1', state: {s: x}, times: 1}",
        "- {name: a, method: a.B/C, responses: [{a: 1}], interval: 1s, error: {code: 5}, verify: false}",
        "- {name: a, method: a.B/C, responses: []}",
        "- {name: a, method: a.B/C, responses: [{}, {}], priority: -1, verify: {ignore: [x], compare: exact}}",
        "- {name: a, method: a.B/C, script: [half_close, {send: {a: 1}}], headers: {a: b}, trailers: {a: [b, c]}}",
        "- {name: a, method: a.B/C, answers: [{response: {}}, {error: {code: 1}, set: {s: x}}], then: cycle}",
        "- {name: a, method: a.B/C, answers: [{fault: {hang: true}, delay: 1s}], then: miss}",
        "- {name: a, method: a, request: '{{ row.r }}', response: {x: '{{ row.x }}'}, each: [{r: {a: '{{b}}'}, x: 1}]}",
    ],
)
def test_each_key_comes_back(text: str) -> None:
    stubs = parsed(text)
    assert parsed(to_yaml(stubs)) == stubs


def test_keys_that_say_nothing_are_left_out() -> None:
    (stub,) = parsed("- {name: a, method: a.B/C, priority: 0, answers: [{response: {x: 1}}]}")
    assert to_plain(stub) == {"name": "a", "method": "a.B/C", "response": {"x": 1}}


def test_python_values_are_written_as_protojson() -> None:
    request = Node.of({"data": b"\x00\x01", 2: True, True: StringValue(value="x")})
    assert to_plain(Stub(method="a", name="n", request=request))["request"] == {"data": "AAE=", "2": True, "true": "x"}


@pytest.mark.parametrize(
    "value", ["no", "0o17", "0x1f", "1e3", "~", "", "<<", "=", "1_000", "12:30", "{{ x }}", "- a", "a: b"]
)
def test_strings_that_look_like_something_else_are_quoted(value: str) -> None:
    stub = Stub(method="a", name="n", request=Node.of({"a": value, value or "k": 1}))
    assert parsed(to_yaml([stub])) == [stub]


# No lone surrogates: UTF-8 can't hold them, and so neither a file nor a message can.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    alphabet="{}%#\"'\\ ron.\n\r-", max_size=12
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
NODES = TREES.map(Node.of)
MAPPINGS = st.dictionaries(TEXT, TREES, max_size=3).map(Node.of)
LISTS = st.lists(TREES, max_size=3).map(Node.of)
NAMES = TEXT.filter(bool)
STATES = st.dictionaries(TEXT, NAMES, max_size=2)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    kind = draw(st.sampled_from(["none", "responses", "error", "broken", "script"]))
    responses = draw(st.lists(NODES, max_size=3).map(tuple)) if kind in ("responses", "broken") else None
    return Answer(
        responses=responses,
        error=draw(MAPPINGS) if kind in ("error", "broken") else None,
        script=draw(LISTS) if kind == "script" else None,
        interval=draw(st.none() | NODES) if responses is not None else None,
        headers=draw(st.none() | MAPPINGS),
        trailers=draw(st.none() | MAPPINGS),
        delay=draw(st.none() | NODES),
        fault=draw(st.none() | MAPPINGS),
        set=draw(STATES),
    )


@st.composite
def stubs(draw: st.DrawFn) -> Stub:
    row = draw(st.none() | st.dictionaries(TEXT, TREES, max_size=3))
    # A template in a pattern that names 'row' means a row; without one, the loader rightly refuses it.
    return Stub(
        method=draw(NAMES) if row is not None else "a.B/C",
        name=draw(NAMES) if row is not None else "n",
        priority=draw(st.integers()),
        request=draw(st.none() | NODES),
        requests=draw(st.none() | LISTS),
        metadata=draw(st.none() | MAPPINGS),
        deadline=draw(st.none() | NODES),
        when=draw(st.none() | NAMES.map(Node.of)),
        state=draw(STATES),
        times=draw(st.none() | st.integers(min_value=1)),
        given=draw(st.none() | NAMES),
        answers=draw(st.lists(answers(), min_size=1, max_size=3).map(tuple)),
        then=draw(st.sampled_from(["last", "cycle", "miss"])),
        verify=draw(
            st.builds(
                Verify, ignore=st.lists(NAMES, max_size=2).map(tuple), compare=st.sampled_from(["exact", "subset"])
            )
        )
        if draw(st.booleans())
        else Verify(enabled=False),
        row=row,
    )


@given(stubs())
@settings(max_examples=100, deadline=None)
def test_any_stub_comes_back(stub: Stub) -> None:
    assert parsed(to_yaml([stub])) == [stub]


@given(st.lists(TREES, max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_tree_comes_back(trees: list[Any]) -> None:
    made = [Stub(method="a", name=f"n{number}", request=Node.of(tree)) for number, tree in enumerate(trees)]
    assert parsed(to_yaml(made)) == made
