"""What is imported from GripMock holds for the same calls, and the same stub wins."""

from __future__ import annotations

from typing import Any

from engine.playbook import ask
from hypothesis import given, settings
from hypothesis import strategies as st
from importers.gripmock_rules import fits, seen, specificity
from importers.imported import engine, gripmock, market, read

from grpcmock.errors import Problems
from grpcmock.importers.gripmock.matching import Matchers, NeverHolds
from grpcmock.matching.patterns import compile_pattern
from grpcmock.schema.codec import build
from grpcmock.tree import Node

ORDER = market().method("market.Market/Order")

NAMES = ["ann", "ben", "a/b", "Ann"]
STALLS = st.fixed_dictionaries({"town": st.sampled_from(["Rome", "Oslo"]), "number": st.integers(1, 3)})
BASKETS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "count": st.integers(-2, 12),
        "weight": st.sampled_from([0.5, 2.0, 12.0]),
        "gift": st.booleans(),
        "kind": st.sampled_from(["FRUIT", "FLOWER"]),
        "tags": st.lists(st.sampled_from(["red", "blue"]), max_size=3),
        "stalls": st.lists(STALLS, max_size=2),
        "labels": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), max_size=2),
        "stall": STALLS,
        "note": st.sampled_from(["", "hello"]),
    },
)
EQUALS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["", *NAMES]),
        "count": st.integers(-1, 2),
        "gift": st.booleans(),
        "kind": st.sampled_from(["NONE", "FRUIT"]),
        "tags": st.lists(st.sampled_from(["red", "blue"]), min_size=1, max_size=3),
        "stall": st.one_of(st.none(), STALLS),
        "note": st.sampled_from(["", "hello"]),
        "labels": st.just({"a": "x"}),
    },
)
CONTAINS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "tags": st.sampled_from([["red"], ["blue"], ["blue", "red"]]),
        "stalls": st.lists(st.sampled_from([{"town": "Rome"}, {"number": 2}]), min_size=1, max_size=1),
        "labels": st.just({"a": "x"}),
        "stall": st.sampled_from([{"town": "Oslo"}, {"town": "Rome", "number": 1}]),
    },
)
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["^a", "n", "[AB]"]),
        "count": st.sampled_from([r"\d+", r"^\d+$", "^1"]),
        "kind": st.sampled_from(["^F", "RUIT$"]),
        "tags": st.just(["^r", "^[rb]"]),
        "stall": st.just({"town": "o"}),
    },
)
GLOBS = st.fixed_dictionaries({}, optional={"name": st.sampled_from(["a*", "*/?", "[ab]??", "ben"])})
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "equals": EQUALS,
        "contains": CONTAINS,
        "matches": MATCHES,
        "glob": GLOBS,
        "ignoreArrayOrder": st.booleans(),
    },
)
INPUTS = st.one_of(
    BLOCKS,
    st.builds(
        lambda block, arms: {**block, "anyOf": arms},
        BLOCKS,
        st.lists((EQUALS.map(lambda one: {"equals": {"name": "ann", **one}})), min_size=1, max_size=2),
    ),
)


def _built(basket: dict[str, Any]) -> Any:
    problems = Problems()
    made = build(Node.of(basket), ORDER.request_class, market(), problems)
    problems.raise_errors()
    return made


@given(INPUTS, BASKETS)
def test_a_pattern_holds_for_what_gripmock_takes(written: dict[str, Any], basket: dict[str, Any]) -> None:
    message = _built(basket)
    warnings: list[str] = []
    matchers = Matchers(ORDER.input, market(), warnings.append)
    expected = fits(written, seen(message))
    try:
        pattern = matchers.pattern(written)
    except NeverHolds:
        assert not expected
        return
    problems = Problems()
    held = compile_pattern(Node.of({} if pattern is None else pattern), ORDER.input, market(), problems)
    problems.raise_errors()
    # What patterns can't say is said by CEL, or in a warning: the pattern then takes more than GripMock does.
    if matchers.when or warnings:
        assert held.holds(message) or not expected
    else:
        assert held.holds(message) == expected


FULL = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["ann", "ben"]),
        "count": st.integers(1, 2),
        "kind": st.sampled_from(["FRUIT", "FLOWER"]),
        "user_id": st.sampled_from(["u1", "u2"]),
    }
)
NARROW = st.fixed_dictionaries(
    {},
    optional={
        "equals": st.fixed_dictionaries({}, optional={"count": st.integers(1, 2), "kind": st.just("FRUIT")}),
        "matches": st.fixed_dictionaries({}, optional={"name": st.sampled_from(["^a", "n"]), "user_id": st.just("^u")}),
        "contains": st.fixed_dictionaries({}, optional={"count": st.integers(1, 2)}),
    },
)


@settings(max_examples=40)
@given(st.lists(st.tuples(NARROW, st.integers(0, 2)), min_size=1, max_size=5), FULL)
def test_the_stub_that_names_most_fields_wins(inputs: list[tuple[Any, int]], basket: dict[str, Any]) -> None:
    stubs = [
        {"input": written, "priority": priority, "output": {"data": {"number": number}}}
        for number, (written, priority) in enumerate(inputs)
    ]
    drafts, warnings = read("gripmock", gripmock(*stubs))
    assert warnings == []
    actual = seen(_built(basket))
    fitting = {number: specificity(written) for number, (written, _) in enumerate(inputs) if fits(written, actual)}
    call = ask(engine(drafts), "market.Market/Order", basket)
    if not fitting:
        assert call.finish().code.name == "UNIMPLEMENTED"
        return
    answer: Any = ORDER.response_class.FromString(call.step.data)
    won = answer.number
    best = max(fitting.values())
    assert fitting[won] == best
    of_best = [number for number, found in fitting.items() if found == best]
    if all(inputs[number][0] == inputs[won][0] for number in of_best):
        assert inputs[won][1] == max(inputs[number][1] for number in of_best)
