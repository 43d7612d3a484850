"""What comments say that values are like: how it is read, and how a server is held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_values import told_of_values
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import comment_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package ferry;
service Ferries {{
  rpc Sail(SailRequest) returns (SailRequest);
  rpc Turn(TurnRequest) returns (SailRequest);
}}
enum Kind {{
  KIND_UNSPECIFIED = 0;
  KIND_CAR = 1;
}}
message SailRequest {{
{fields}
}}
message TurnRequest {{
  // The same as in SailRequest.
  string field = 1;
}}
"""


def ferries(tmp_path: Any, comment: str, type_name: str) -> Registry:
    lines = "\n".join(f"  // {line}" for line in comment.split("\n"))
    file = tmp_path / "ferry.proto"
    file.write_text(PROTO.format(fields=f"{lines}\n  {type_name} field = 1;"))
    return sources.load([file])


def told(tmp_path: Any, comment: str, type_name: str) -> tuple[Any, list[Any]]:
    registry = ferries(tmp_path, comment, type_name)
    descriptor: Any = registry.message("ferry.SailRequest").DESCRIPTOR
    return descriptor, told_of_values(descriptor.fields[0], registry)


@pytest.mark.parametrize(
    ("comment", "type_name", "right", "excluded"),
    [
        ("Must not be blank.", "string", "a", [" ", "\t  "]),
        ("1 to 60 characters, not all of them blank.", "string", "a", [" "]),
        ("Not just whitespace.", "string", "a", [" "]),
        ("Letters A-Z in either case, digits and dashes.", "string", "ab-1", ["ab-!", "ab- "]),
        ("3 to 20 capital letters, digits and hyphens, starting with a letter.", "string", "AB-1", ["7B-1", "ab-1"]),
        ("Small letters and digits, a letter first.", "string", "ab1", ["7b1", "AB1"]),
        ("Only digits.", "string", "12", ["1!"]),
        ("2 to 8 capital letters.", "string", "AB", ["ab", "A!"]),
        ("At most 10 characters.", "string", "a", ["a" * 45]),
        ("How many seats: 1 to 100, and 1 if it's left out.", "optional int32", 2, [0, 225]),
        ("0 to 1000.", "int32", 2, [2025]),
        ("More than zero.", "double", 1.5, [0, -1]),
        ("Always positive; the direction comes from elsewhere.", "int64", 3, [0, -1]),
        ("Must be positive.", "uint32", 3, [0]),
        ("Must not be negative.", "sint64", 0, [-1]),
        ("Negative sizes are refused.", "int32", 4, [-1]),
        ("More than 200 is the same as 200, less than 0 is INVALID_ARGUMENT.", "int32", 4, [-1]),
        ("0 for no extensions, at most 3600.", "int32", 4, [-1]),
        ("In steps of one half.", "double", 1.5, [1.75]),
        ("A multiple of 15.", "int32", 30, [37]),
        ("At least one.", "repeated string", ["a"], [[]]),
        ("Must not be empty.", "repeated int32", [1], [[]]),
        ("No duplicates.", "repeated string", ["a"], [["a", "a"]]),
        ("Don't repeat any.", "repeated Kind", [1], [[1, 1]]),
        ("At most 100 tags, each once.", "repeated string", ["a"], [["a", "a"]]),
        (
            "Each of them 1-20 lowercase letters or digits.",
            "repeated string",
            ["a1"],
            [["a!"], ["a1", "a!"], ["a!", "a1"]],
        ),
        ("No more than 5.", "repeated string", ["tag one"], [[f"tag {number:03}" for number in range(6)]]),
        ("Required.", "Kind", 1, [0]),
        ("UNSPECIFIED isn't allowed here.", "Kind", 1, [0]),
        ("Lowercase letters and digits.\nDuplicates are dropped.", "repeated string", ["a"], []),
    ],
)
def test_what_a_comment_plainly_says_is_read(
    tmp_path: Any, comment: str, type_name: str, right: Any, excluded: list[Any]
) -> None:
    _, found = told(tmp_path, comment, type_name)
    assert all(one.allows(right) for one in found)
    wrong = [value for one in found for value in one.wrong(right) if not one.allows(value)]
    assert all(value in wrong for value in excluded), wrong
    assert bool(wrong) == bool(excluded)


@pytest.mark.parametrize(
    ("comment", "type_name"),
    [
        ("Must not be blank if there is a tail.", "string"),
        ("Should be at most 10 characters.", "string"),
        ("At most 10 characters; longer ones are cut.", "string"),
        ("A letter for the deck and one to three digits, such as B12.", "string"),
        ("Must contain letters and digits.", "string"),
        ("Letters, digits and other characters.", "string"),
        ("More than 100 is treated as 100.", "int32"),
        ("0 stands for 50; at most 100.", "int32"),
        ("From 1 to 20000; 0 where it isn't known.", "int32"),
        ("Not more than 5000 above the last one.", "int32"),
        ("The default is 5, at most 10.", "int32"),
        ("At least one of these fields.", "repeated string"),
        ("At least one is to be added or taken away.", "repeated string"),
        ("No more than 5. Duplicates are dropped, before counting.", "repeated string"),
        ("Must be positive or zero.", "int32"),
        ("Usually only digits.", "string"),
        ("Required unless it is a bus.", "Kind"),
        ("Required, or it is made up.", "Kind"),
        ("The kind of what is on it.", "Kind"),
    ],
)
def test_what_is_said_of_some_cases_or_put_right_claims_nothing(tmp_path: Any, comment: str, type_name: str) -> None:
    assert told(tmp_path, comment, type_name)[1] == []


def alarms(registry: Registry, name: str, right: Any, takes: Callable[[Any], bool]) -> list[str]:
    """What is told of a server that takes some values of the field and refuses the others."""
    method = registry.method(f"ferry.Ferries/{name}")
    expectations = Expectations(registry=registry)
    plan = Plan(registry=registry, methods=(method,), expectations=expectations, generators=Generators(registry))
    data = method.request_class(field=right).SerializeToString()
    plan.acceptance.keep(AcceptedRequest(method=method, data=data), b"")
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        request: Any = method.request_class.FromString(call.messages[0])
        if takes(request.field):
            return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))
        return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message="no")

    found = []
    for case in comment_cases.cases(method, plan):
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found += [
            one.path for one in suite.evaluate(case, result) if one.code == "G125" and "the comment of" in one.expected
        ]
    return found


@pytest.mark.parametrize(
    ("comment", "type_name", "right", "takes", "expected"),
    [
        ("Not blank.", "string", "a", lambda value: bool(value), ["field"]),
        ("Not blank.", "string", "a", lambda value: bool(value.strip()), []),
        ("Only lowercase letters.", "string", "B", lambda value: True, []),  # what is right isn't so: it is read wrong
        (
            "Each of them lowercase letters and digits.",
            "repeated string",
            ["a"],
            lambda items: "!" not in items[0],
            ["field"],
        ),
        ("Each of them lowercase letters and digits.", "repeated string", ["a"], lambda items: items == ["a"], []),
        ("At least one.", "repeated string", ["a"], lambda items: True, ["field"]),
        ("More than 0.", "int32", 3, lambda value: value >= 0, ["field"]),
    ],
)
def test_a_server_is_held_to_what_comments_say_of_values(
    tmp_path: Any, comment: str, type_name: str, right: Any, takes: Callable[[Any], bool], expected: list[str]
) -> None:
    assert alarms(ferries(tmp_path, comment, type_name), "Sail", right, takes) == expected


def test_what_is_not_there_has_no_size(tmp_path: Any) -> None:
    _, found = told(tmp_path, "3 to 20 characters.", "string")
    assert all(one.allows("") for one in found)
    _, found = told(tmp_path, "From 1 to 20.", "optional int32")
    assert not all(one.allows(0) for one in found)


def test_a_comment_may_speak_of_all_fields_below_it(tmp_path: Any) -> None:
    file = tmp_path / "all.proto"
    file.write_text(
        """syntax = "proto3";
        package all;
        message Ferry {
          // Not blank.
          string name = 1;
          // At most 10 cars.
          int32 cars = 2; }
        message Change { string id = 1;
          // The limits are the same as in Ferry.
          string name = 2;
          int32 cars = 3; }
        service Ferries { rpc Turn(Change) returns (Ferry); }"""
    )
    registry = sources.load([file])
    descriptor: Any = registry.message("all.Change").DESCRIPTOR
    assert [len(told_of_values(one, registry)) for one in descriptor.fields] == [0, 1, 1]


def test_a_comment_may_lead_to_the_field_of_another_message(tmp_path: Any) -> None:
    registry = ferries(tmp_path, "Must not be blank.", "string")
    assert alarms(registry, "Turn", "a", lambda value: bool(value)) == ["field"]
