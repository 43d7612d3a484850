"""Priorities: however drafts are ranked, the one that comes first wins among those that a call fits."""

from __future__ import annotations

from typing import Any

import pytest
from engine.playbook import ask
from hypothesis import given, settings
from hypothesis import strategies as st
from importers.imported import engine, market

from grpcmock.errors import Location
from grpcmock.importers import precedence
from grpcmock.importers.draft import Draft
from grpcmock.importers.patterns import condition_count, disjoint, regex_of_glob

METHOD = "market.Market/Order"
PATTERNS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", {"$prefix": "a"}]),
        "count": st.sampled_from([1, {"$gte": 1}]),
        "stall": st.sampled_from([{}, {"town": "Rome"}, {"$eq": {"town": "Rome"}}]),
        "tags": st.sampled_from([["x"], {"$all": ["x", {"$regex": "x"}]}]),
    },
)


@pytest.mark.parametrize("many", [0, 1500])
@settings(max_examples=40)
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=6), name=st.sampled_from(["a", "b"]))
def test_the_first_that_fits_wins(many: int, patterns: list[Any], name: str) -> None:
    drafts = [
        Draft(
            {"name": str(number), "method": METHOD, "request": pattern, "response": {"number": number + 1}},
            Location("x"),
        )
        for number, pattern in enumerate(patterns)
    ]
    for number, draft in enumerate(drafts):
        draft.rank = (number,)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precedence, "MANY", many)
        ordered = precedence.in_order(reversed(drafts))
    assert [draft.keys["name"] for draft in ordered] == [str(number) for number in range(len(drafts))]
    basket = {"name": name, "count": 1, "stall": {"town": "Rome"}, "tags": ["x"]}
    fitting = [
        number for number, pattern in enumerate(patterns) if pattern.get("name", name) in (name, {"$prefix": name})
    ]
    call = ask(engine(ordered), METHOD, basket)
    if not fitting:
        assert call.finish().code.name == "UNIMPLEMENTED"
        return
    answer: Any = market().method(METHOD).response_class.FromString(call.step.data)  # type: ignore[union-attr]
    expected = [number for number in fitting if _holds(patterns[number], name)][:1]
    assert [answer.number - 1] == expected


def _holds(pattern: dict[str, Any], name: str) -> bool:
    wanted = pattern.get("name")
    return wanted in (None, name) or wanted == {"$prefix": name}


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, 3),
        ({"a": {"$gte": 1, "$lt": 5}}, 2),
        ({"a": {"$in": [1, 2, 3]}}, 1),
        ({"a": {"$all": ["x", "y"]}}, 2),
        ({"$or": [{"a": 1}, {"b": 2}]}, 1),
        ({"a": {}, "b": []}, 2),
        ({"$and": [{"a": 1}, {"b": {"$not": {"c": 1, "d": 2}}}]}, 3),
    ],
)
def test_conditions_are_counted_as_precedence_does(pattern: Any, count: int) -> None:
    assert condition_count(pattern) == count


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({"a": 1}, {"a": 2, "b": 1}, True),
        ({"a": 1}, {"b": 2}, False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": {"$eq": {"b": 1}}}, {"a": {"$eq": {"b": 2}}}, True),
        ({"a": {"$regex": "x"}}, {"a": {"$regex": "y"}}, False),
        ([{"a": 1}], [{"a": 1}, {}], True),
    ],
)
def test_what_no_call_can_fit_both_of(one: Any, other: Any, apart: bool) -> None:
    assert disjoint(one, other) is apart


@pytest.mark.parametrize(
    ("glob", "regex"),
    [("user_*", "^user_[^/]*$"), ("a?c", "^a[^/]c$"), ("[!ab]x", "^[^ab]x$"), (r"a\*", r"^a\*$"), ("a.b", r"^a\.b$")],
)
def test_globs(glob: str, regex: str) -> None:
    assert regex_of_glob(glob) == regex
