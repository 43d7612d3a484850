"""Pact's own library on what is written for it, and on each rule: it says what this project says."""

from __future__ import annotations

import json
from typing import Any

import pact_judge as pact
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pact_judge import Rule
from verifying import USERS_STUBS, kitchen, stubs, users

from grpcmock.errors import Location, Problems
from grpcmock.matching import compile_pattern
from grpcmock.matching.messages import Kinds
from grpcmock.schema.codec import to_tree
from grpcmock.tree import Node
from grpcmock.verify.contracts.pact_rules import Rules
from grpcmock.verify.contracts.pact_writing import to_pact

pytestmark = pact.needs_pact

EVERYTHING = kitchen().message("kitchen.Everything")
KIND = Kinds.of(kitchen()).message(EVERYTHING.DESCRIPTOR)  # type: ignore[arg-type]

TEXTS = ["abc", "1", "-1", "+2", "1.5", "1e5", ".5", "1.", "inf", "NaN", "001", "true", "a\nb", "", " 1",
         "2020-01-02", "2020-13-02", "10:11:12", "25:00:00", "10:11:60", "1.2.3", "01.2.3", "1.2.3-a.1+b", "1.2.3-01",
         "2020-01-02T10:11:12+01:00", "2020-01-02T10:11:12Z", "2020-01-02T10:11:12",
         "Tue, 7 Jan 2020", "12 PM"]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "o_string": TEXTS,
    "o_int32": [0, 1, -3, 12, 21],
    "o_int64": [0, 2**40],
    "o_double": [0.0, 1.0, 1.5, -2.0],
    "o_bool": [True, False],
}
RULES: list[Rule] = [
    {"match": "equality"},
    {"match": "type"},
    {"match": "type", "min": 1},
    {"match": "min", "min": 3},
    {"match": "regex", "regex": "1"},
    {"match": "regex", "regex": "1.*|.*b"},
    {"match": "regex", "regex": "^(1|12)$"},
    {"match": "regex", "regex": "t.*"},
    {"match": "regex", "regex": "a[\\s\\S]b"},
    {"match": "include", "value": "1"},
    {"match": "include", "value": "r"},
    {"match": "number"},
    {"match": "integer"},
    {"match": "decimal"},
    {"match": "boolean"},
    {"match": "null"},
    {"match": "date"},
    {"match": "date", "format": "yyyy-MM-dd"},
    {"match": "date", "format": "EEE, d MMM yyyy"},
    {"match": "time"},
    {"match": "time", "format": "h a"},
    {"match": "datetime"},
    {"match": "timestamp", "format": "yyyy-MM-dd'T'HH:mm:ss"},
    {"match": "semver"},
    {"match": "notEmpty"},
    {"match": "values"},
    {"match": "contentType", "value": "text/plain"},
]


def taken(field: str, rule: Rule, expected: Any, actual: Any) -> tuple[bool, bool]:
    """Whether this project takes a value by a rule; whether it has warned that it can't say the rule."""
    said: list[str] = []
    rules = Rules.read({f"$.{field}": {"matchers": [rule]}}, "", lambda text, *_: said.append(text))
    pattern = rules.pattern(to_tree(EVERYTHING(**{field: expected})), KIND)
    problems = Problems()
    made = compile_pattern(Node.of(pattern, Location("pact")), EVERYTHING.DESCRIPTOR, kitchen(), problems)  # type: ignore[arg-type]
    problems.raise_errors()
    return made.holds(EVERYTHING(**{field: actual})), bool(said)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: json.dumps(rule))
@pytest.mark.parametrize("field", VALUES)
def test_a_rule_takes_what_pact_takes(field: str, rule: Rule) -> None:
    for expected in VALUES[field][:2]:
        for actual in VALUES[field]:
            ours, warned = taken(field, rule, expected, actual)
            if not warned:
                assert ours is pact.accepts(rule, expected, actual), (expected, actual)


def test_few_rules_cannot_be_said() -> None:
    """The test above would hold of a reader that warns of everything."""
    untold = {
        (field, json.dumps(rule))
        for field, values in VALUES.items()
        for rule in RULES
        if taken(field, rule, *values[:2])[1]
    }
    of_texts = {json.loads(rule)["match"] for field, rule in untold if field == "o_string"}
    assert of_texts == {"null", "contentType"}
    for field, rule in untold - {(field, rule) for field, rule in untold if field == "o_string"}:
        known = [one for one in VALUES[field] if pact.accepts(json.loads(rule), VALUES[field][0], one)]
        assert known != VALUES[field], f"{rule} takes any {field}"


DIGITS = st.text("0123456789", min_size=1, max_size=4)


@given(
    st.sampled_from([rule for rule in RULES if rule["match"] not in ("null", "contentType")]),
    st.one_of(
        st.text("01+-.eE ab\n:TZ", max_size=12),
        st.builds("{}-{}-{}".format, DIGITS, DIGITS, DIGITS),
        st.builds("{}:{}:{}".format, DIGITS, DIGITS, DIGITS),
        st.builds("{}.{}.{}-{}".format, DIGITS, DIGITS, DIGITS, st.text("0a-.", max_size=4)),
    ),
)
@example({"match": "integer"}, "+1")
def test_any_text_is_judged_alike(rule: Rule, text: str) -> None:
    assert taken("o_string", rule, "abc", text) == (pact.accepts(rule, "abc", text), False)


def test_what_is_written_is_read_by_pact() -> None:
    written = to_pact("web", "users", stubs(USERS_STUBS), users())
    document = json.loads(written.text)
    with pact.model(written.text) as loaded:
        found = list(pact.messages(loaded))
        assert [pact.description(message) for message in found] == ["alice", "nobody", "made", "all"]
        for message, interaction in zip(found, document["interactions"], strict=True):
            expected = [interaction["request"], *interaction["response"]]
            for (name, contents), part in zip(pact.parts(message), expected, strict=True):
                known = part["matchingRules"]
                for category in ("body", "metadata"):
                    listed = {path: rule["matchers"] for path, rule in known.get(category, {}).items()}
                    assert pact.rules(contents, metadata=category == "metadata") == listed, name
        first = [pact.content(contents) for _, contents in pact.parts(found[0])]
        assert users().message("user.GetUserRequest").FromString(first[0]).id == 1  # type: ignore[attr-defined]
        assert users().message("user.UserResponse").FromString(first[1]).name == "Alice"  # type: ignore[attr-defined]
