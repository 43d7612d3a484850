"""Pacts that are written: read back, they hold a server to what the stubs say, and to no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from verifying import USERS_STUBS as STUBS
from verifying import kitchen, mock, outcomes, stubs, users, verified

from grpcmock.errors import Problems
from grpcmock.verify.contracts import contract_file
from grpcmock.verify.contracts.pact_matchers import Matchers, answer_rules
from grpcmock.verify.contracts.pact_writing import PactText, to_pact
from grpcmock.verify.planning.interactions import Source
from grpcmock.verify.planning.planner import plan


@pytest.fixture
def written() -> PactText:
    return to_pact("web", "users", stubs(STUBS), users())


def read_back(pact: PactText, folder: Path) -> Source:
    path = folder / "web-users.json"
    path.write_text(pact.text)
    problems = Problems()
    source = contract_file.read(path, None, problems)
    assert [str(problem) for problem in problems] == []
    return source


def test_the_form_of_a_pact(written: PactText) -> None:
    document = json.loads(written.text)
    assert (document["consumer"], document["provider"]) == ({"name": "web"}, {"name": "users"})
    assert document["metadata"]["pactSpecification"] == {"version": "4.0"}
    (plugin,) = document["metadata"]["plugins"]
    assert plugin["name"] == "protobuf"
    first = document["interactions"][0]
    protobuf = first["pluginConfiguration"]["protobuf"]
    assert protobuf["service"] == ".user.UserService/GetUser"
    assert set(plugin["configuration"][protobuf["descriptorKey"]]) == {"protoDescriptors", "protoFile"}
    assert (first["type"], first["transport"]) == ("Synchronous/Messages", "grpc")
    assert first["providerStates"] == [{"name": "user 1 is Alice"}]
    assert first["request"]["contents"]["contentType"] == "application/protobuf;message=.user.GetUserRequest"
    assert first["response"][0]["matchingRules"]["body"] == {
        "$.id": {"combine": "AND", "matchers": [{"match": "type"}]},
        "$.email": {"combine": "AND", "matchers": [{"match": "type"}]},
    }
    assert document["interactions"][1]["response"][0]["metadata"] == {
        "grpc-status": "NOT_FOUND",
        "grpc-message": "no such user",
    }
    assert written.left_out == ["echo: a Pact knows no conversations"]
    assert written.interactions == 4


async def test_read_back_it_asks_for_what_the_stubs_say(written: PactText, tmp_path: Path) -> None:
    found = plan([read_back(written, tmp_path)], users())
    passed = {f"web: {name}": "passed" for name in ("alice", "nobody", "made", "all")}
    async with mock(STUBS, tmp_path) as address:
        assert outcomes(await verified(address, found)) == passed
    other = STUBS.replace("name: Alice", "name: Bob").replace("a@example.com", "b@example.com")
    async with mock(other, tmp_path) as address:
        told = outcomes(await verified(address, found))
    assert told.pop("web: alice").startswith("failed; response.name: "), "the email may be another, the name not"
    assert told == {name: "passed" for name in passed if name != "web: alice"}


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ({"name": {"$regex": "^A"}}, {"match": "regex", "regex": r"^A[\s\S]*"}),
        ({"name": {"$regex": "a|b"}}, {"match": "regex", "regex": r"[\s\S]*(?:a|b)[\s\S]*"}),
        ({"name": {"$regex": "^(a|b)$"}}, {"match": "regex", "regex": "^(a|b)$"}),
        ({"name": {"$prefix": "a."}}, {"match": "regex", "regex": r"^a\.[\s\S]*"}),
        ({"name": {"$suffix": "z"}}, {"match": "regex", "regex": r"[\s\S]*z$"}),
        ({"name": {"$contains": "x"}}, {"match": "include", "value": "x"}),
        ({"name": {"$ignoreCase": "Ab"}}, {"match": "regex", "regex": "(?i)^Ab$"}),
        ({"name": {"$in": ["a", "b"]}}, {"match": "regex", "regex": "^(a|b)$"}),
        ({"name": {"$exists": True}}, {"match": "notEmpty"}),
    ],
)
def test_operators_as_rules(pattern: Any, rule: Any) -> None:
    method = users().method("CreateUsers")
    found = Matchers(method.input, pytest.fail).rules(pattern, {"name": "abc"})
    assert found == {"$.name": {"combine": "AND", "matchers": [rule]}}


@pytest.mark.parametrize("pattern", [{"$size": 3}, {"$regex": "(?P<a>x)"}, {"$regex": r"\pL"}, {"$ne": "a"}])
def test_an_operator_without_a_rule_is_told_and_its_example_compared(pattern: Any) -> None:
    told: list[str] = []
    method = users().method("CreateUsers")
    assert Matchers(method.input, told.append).rules({"name": pattern}, {"name": "abc"}) == {}
    [operator] = pattern
    assert told == [f"{operator} at $.name has no counterpart among the rules of a Pact"]


def test_what_is_absent_needs_no_rule() -> None:
    method = users().method("CreateUsers")
    assert Matchers(method.input, pytest.fail).rules({"name": {"$exists": False}}, {}) == {}


def test_parts_of_a_list_are_array_contains_and_names_of_an_enum_a_regex(tmp_path: Path) -> None:
    written = """
- name: parts
  method: Unary
  request: {r_string: {$all: [red, {$prefix: b}]}, f_enum: {$in: [COLOR_RED, COLOR_GREEN]}}
"""
    pact = to_pact("web", "kitchen", stubs(written), kitchen())
    rules = json.loads(pact.text)["interactions"][0]["request"]["matchingRules"]["body"]
    (contains,) = rules["$.r_string"]["matchers"]
    assert contains["match"] == "arrayContains"
    assert [list(variant["rules"].values()) for variant in contains["variants"]] == [
        [],
        [{"combine": "AND", "matchers": [{"match": "regex", "regex": r"^b[\s\S]*"}]}],
    ]
    assert rules["$.f_enum"]["matchers"] == [{"match": "regex", "regex": "^(COLOR_RED|COLOR_GREEN)$"}]
    (stub,) = read_back(pact, tmp_path).stubs
    assert stub.request is not None
    back = stub.request.plain()
    assert back["r_string"]["$or"][1] == {"$all": ["red", {"$regex": r"^b[\s\S]*$"}]}
    assert back["f_enum"]["$or"][1] == {"$in": ["COLOR_RED", "COLOR_GREEN"]}


def test_what_verify_leaves_open_is_open_in_the_pact() -> None:
    (stub,) = stubs("""
- method: user.UserService/GetUser
  response: {id: 1, name: "{{ fake.name() }}", email: a@b}
  verify: {response: {email: {$contains: "@"}}}
""")
    output = users().method("GetUser").output
    assert answer_rules(stub, "", 0, output, {"id": 1, "name": "x", "email": "a@b"}) == {
        "$.name": {"combine": "AND", "matchers": [{"match": "type"}]},
        "$.email": {"combine": "AND", "matchers": [{"match": "include", "value": "@"}]},
    }
