"""Pact files: their interactions become stubs, and their rules patterns."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from verifying import kitchen, mock, outcomes, users, verified

from grpcmock.errors import Problems, StubError
from grpcmock.matching.messages import Kinds
from grpcmock.regex import compile_regex
from grpcmock.schema.codec import to_tree
from grpcmock.verify.contracts import contract_file
from grpcmock.verify.contracts.importing import stubs_of
from grpcmock.verify.contracts.pact_dates import date_regex
from grpcmock.verify.contracts.pact_rules import Rules
from grpcmock.verify.contracts.pact_scalars import ANY
from grpcmock.verify.planning.interactions import Source
from grpcmock.verify.planning.planner import plan


def read(path: Path, registry: Any = None) -> Source:
    problems = Problems()
    source = contract_file.read(path, registry, problems)
    problems.raise_errors()
    return source


def pact(interactions: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    files_ = descriptor_pb2.FileDescriptorSet(file=users().files.file)
    descriptors = base64.b64encode(files_.SerializeToString()).decode()
    plugin = {"name": "protobuf", "version": "0.6.4", "configuration": {"abc": {"protoDescriptors": descriptors}}}
    metadata = {"pactSpecification": {"version": "4.0"}, "plugins": [plugin]}
    return {"consumer": {"name": "web"}, "provider": {"name": "users"}, "interactions": interactions,
            "metadata": metadata, **more}  # fmt: skip


def contents(type_: str, **fields: Any) -> dict[str, Any]:
    message = users().message(f"user.{type_}")(**fields)
    content = base64.b64encode(message.SerializeToString()).decode()
    return {"content": content, "contentType": f"application/protobuf;message=.user.{type_}", "encoded": "base64"}


def rules(**paths: Any) -> dict[str, Any]:
    return {path.replace("__", "."): {"combine": "AND", "matchers": [rule]} for path, rule in paths.items()}


def interaction(method: str = "GetUser", **keys: Any) -> dict[str, Any]:
    plugin = {"protobuf": {"descriptorKey": "abc", "service": f".user.UserService/{method}"}}
    return {"type": "Synchronous/Messages", "description": "a user", "pluginConfiguration": plugin, **keys}


@pytest.fixture
def web(tmp_path: Path) -> Any:
    def write(*interactions: dict[str, Any], **more: Any) -> Path:
        path = tmp_path / "web-users.json"
        path.write_text(json.dumps(pact(list(interactions), **more)))
        return path

    return write


FULL = interaction(
    providerStates=[{"name": "user 1 exists"}, {"name": "it is", "params": {"day": 1}}],
    request={
        "contents": contents("GetUserRequest", id=1),
        "matchingRules": {
            "body": rules(**{"$.id": {"match": "integer"}}),
            "metadata": rules(**{"x-a": {"match": "type"}}),
        },
        "metadata": {"contentType": "application/protobuf", "X-A": "yes"},
    },
    response=[
        {
            "contents": contents("UserResponse", id=1, name="Alice", email="alice@example.com"),
            "matchingRules": {
                "body": rules(**{"$.name": {"match": "type"}, "$.email": {"match": "regex", "regex": ".*@.*"}})
            },
        }
    ],
)


def test_a_pact_becomes_stubs(web: Any) -> None:
    source = read(web(FULL))
    [stub] = source.stubs
    assert source.consumer == "web"
    assert (stub.name, stub.method, stub.given) == (
        "a user",
        "user.UserService/GetUser",
        'user 1 exists and it is {"day": 1}',
    )
    assert stub.request is not None
    assert stub.request.plain() == {"id": {"$or": [1, ANY]}}
    assert stub.metadata is not None
    assert stub.metadata.plain() == {"x-a": {"$or": ["yes", {"$exists": True}]}}
    [response] = stub.answers[0].responses or ()
    assert response.plain() == {"id": 1, "name": "Alice", "email": "alice@example.com"}
    [pattern] = source.expectations["a user"].responses
    assert pattern.plain() == {"id": 1, "name": ANY, "email": {"$regex": "^.*@.*$"}}


async def test_a_server_is_held_to_the_rules_of_a_pact(web: Any, tmp_path: Path) -> None:
    source = read(web(FULL))
    found = plan([source], users())
    assert to_tree(found.interactions[0].calls[0].requests[0]) == {"id": 1}, "the example is what is sent"
    assert not found.warnings
    served = "- {method: user.UserService/GetUser, response: {id: 1, name: Bob, email: %s}}"
    async with mock(served % "bob@corp.example", tmp_path) as address:
        assert outcomes(await verified(address, found)) == {"web: a user": "passed"}
    async with mock(served % "nowhere", tmp_path) as address:
        assert outcomes(await verified(address, found)) == {
            "web: a user": 'failed; response.email: matching /^.*@.*$/ / "nowhere"; '
            "It takes 'user 1 exists and it is {\"day\": 1}' as given, and no set-up hook was told. See --setup."
        }


def test_errors_of_a_pact_are_errors(web: Any) -> None:
    failing = interaction(
        request={"contents": contents("GetUserRequest", id=9)},
        response=[
            {
                "metadata": {"grpc-status": "NOT_FOUND", "grpc-message": "gone", "x-b": "c"},
                "matchingRules": {"metadata": rules(**{"grpc-message": {"match": "type"}})},
            }
        ],
    )
    source = read(web(failing))
    [stub] = source.stubs
    error = stub.answers[0].error
    assert error is not None
    assert error.plain() == {"code": "NOT_FOUND", "message": "gone"}
    assert source.expectations["a user"].any_message
    [found] = plan([source], users()).interactions
    status = found.calls[0].status
    assert status is not None
    assert status.message is None


def test_the_stubs_of_a_pact_ignore_what_its_rules_leave_open(web: Any) -> None:
    problems = Problems()
    [stub] = stubs_of([read(web(FULL))], problems)
    assert stub.verify.ignore == ("name", "email")
    [warning] = problems.warnings
    assert "the rules on name, email of 'a user' are no part of the stub" in str(warning)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"type": "Synchronous/HTTP"}, "this interaction (Synchronous/HTTP) is left out"),
        ({"pluginConfiguration": {}}, "is left out: it is not of the Protobuf plugin"),
        ({"pluginConfiguration": {"protobuf": {"service": "user.UserService/GetUser", "descriptorKey": "?"}}},
         "brings no descriptors along"),
        ({"pluginConfiguration": {"protobuf": {"service": "user.UserService/GetUsr", "descriptorKey": "abc"}}},
         "There is no method 'user.UserService/GetUsr'. Did you mean 'user.UserService/GetUser'?"),
        ({"request": {"contents": {"content": "!!", "encoded": "base64"}}}, "the contents can't be read"),
        ({"request": {"contents": {"content": "/w==", "encoded": "base64"}}}, "1 byte is not a valid user.Get"),
        ({"request": {"contents": {"content": "", "encoded": "rot13"}}}, "encoded in a way that isn't known: 'rot13'"),
        ({"response": [{"metadata": {"grpc-status": "NOPE"}}]}, "'NOPE' is not a status code."),
        ({"request": {"contents": contents("GetUserRequest", id=1),
                      "matchingRules": {"body": rules(**{"$.id": {"match": "regex", "regex": "1.*"}})}}},
         "the rule 'regex' of id (an int32) has no counterpart; its example is compared."),
        ({"request": {"contents": contents("GetUserRequest", id=1),
                      "matchingRules": {"body": rules(**{"$.id": {"match": "arrayContains"}})}}},
         "the rule 'arrayContains' of id"),
    ],
)  # fmt: skip
def test_what_a_pact_says_and_stubs_cannot_is_named(web: Any, broken: dict[str, Any], message: str) -> None:
    problems = Problems()
    contract_file.read(web({**interaction(), **broken}), None, problems)
    assert message in "\n".join(map(str, problems))


def test_pacts_of_other_versions_are_refused(web: Any) -> None:
    with pytest.raises(StubError, match="this Pact is of version 2"):
        read(web(metadata={"pactSpecification": {"version": "2.0.0"}}))


EXAMPLE = {
    "f_string": "abc",
    "f_bool": True,
    "f_enum": "COLOR_RED",
    "r_int32": [1, 2],
    "r_message": [{"name": "x", "number": 1}],
    "m_string_int32": {"a": 1},
    "w_timestamp": "2030-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("path", "rule", "expected"),
    [
        ("$.f_string", {"match": "equality"}, "abc"),
        ("$.f_string", {"match": "include", "value": "b"}, {"$contains": "b"}),
        ("$.f_string", {"match": "notEmpty"}, {"$size": {"$gte": 1}}),
        ("$.f_string", {"match": "regex", "regex": "a|b"}, {"$regex": "^(?:a|b)$"}),
        ("$.f_string", {"match": "boolean"}, {"$regex": "^(?:true|false)$"}),
        ("$.f_bool", {"match": "boolean"}, ANY),
        ("$['f_enum']", {"match": "type"}, ANY),
        ("$.r_int32", {"match": "type", "min": 1, "max": 5}, {"$size": {"$gte": 1, "$lte": 5}}),
        ("$.r_int32[*]", {"match": "number"}, [ANY, ANY]),
        ("$.r_int32[1]", {"match": "number"}, [1, ANY]),
        ("$.r_int32", {"match": "equality"}, [1, 2]),
        ("$.r_message.*.name", {"match": "regex", "regex": "x"}, [{"name": {"$regex": "^x$"}, "number": 1}]),
        ("$.m_string_int32", {"match": "type"}, {"a": {"$exists": True}}),
        ("$.m_string_int32", {"match": "eachKey", "rules": [{"match": "regex", "regex": "a+"}]},
         {"$keys": {"$regex": "^a+$"}}),
        ("$.m_string_int32", {"match": "eachValue", "rules": [{"match": "equality"}]}, {"$values": 1}),
        ("$.f_enum", {"match": "regex", "regex": "(.*RED|COLOR_GR.*)"}, {"$in": ["COLOR_RED", "COLOR_GREEN"]}),
        ("$.w_timestamp", {"match": "type"}, ANY),
        ("$.w_timestamp.seconds", {"match": "integer"}, ANY),
        ("$.r_int32", {"match": "notEmpty"}, {"$and": [{"$size": {"$gte": 1}}, {"$each": {"$or": [1, 2]}}]}),
        ("$.r_message", {"match": "arrayContains", "variants": [
            {"index": 0, "rules": {"$.name": {"matchers": [{"match": "regex", "regex": "x.*"}]}}}]},
         {"$all": [{"name": {"$regex": "^x.*$"}, "number": 1}]}),
    ],
)  # fmt: skip
def test_each_rule_has_its_pattern(path: str, rule: dict[str, Any], expected: Any) -> None:
    kind = Kinds.of(kitchen()).message(kitchen().message("kitchen.Everything").DESCRIPTOR)  # type: ignore[arg-type]
    said: list[str] = []
    made = Rules.read({path: {"matchers": [rule]}}, "", lambda text, *_: said.append(text)).pattern(EXAMPLE, kind)
    name = path.strip("$.[']").partition("[")[0].partition(".")[0]
    assert made == {**EXAMPLE, name: expected}
    # A list hands its rule on to its items, of which not every rule can be said.
    assert bool(said) is (rule["match"] == "notEmpty" and "r_" in path)


@pytest.mark.parametrize(
    ("path", "rule", "kind"),
    [
        ("$.r_int32", {"match": "minmax", "min": 1}, "a list of int32s"),
        ("$.m_string_int32", {"match": "contentType", "value": "text/plain"}, "a map"),
        ("$.f_string", {"match": "null"}, "a string"),
        ("$.f_string", {"match": "regex", "regex": "(?=a)"}, "a string"),
        ("$.f_string", {"match": "date", "format": "yyyy VV"}, "a string"),
        ("$.f_bool", {"match": "number"}, "a bool"),
        ("$.r_int32[0]", {"match": "decimal"}, "an int32"),
        ("$.m_string_int32.a", {"match": "semver"}, "an int32"),
        ("$.w_timestamp", {"match": "datetime", "format": "yyyy-MM-dd"}, "a Timestamp"),
        ("$.f_enum", {"match": "regex", "regex": "nothing"}, "a value of enum kitchen.Color"),
        ("$.f_enum", {"match": "regex", "regex": "("}, "a value of enum kitchen.Color"),
    ],
)
def test_a_rule_without_a_counterpart_is_named_and_the_example_compared(
    path: str, rule: dict[str, Any], kind: str
) -> None:
    said: list[str] = []
    known = Kinds.of(kitchen()).message(kitchen().message("kitchen.Everything").DESCRIPTOR)  # type: ignore[arg-type]
    made = Rules.read({path: {"matchers": [rule]}}, "", lambda text, *_: said.append(text)).pattern(EXAMPLE, known)
    assert made == EXAMPLE
    [text] = said
    assert f"the rule {rule['match']!r} of " in text
    assert f"({kind}" in text


def test_one_of_several_rules_may_be_enough() -> None:
    kind = Kinds.of(users()).message(users().message("user.UserResponse").DESCRIPTOR)  # type: ignore[arg-type]
    matchers = [{"match": "regex", "regex": "a"}, {"match": "include", "value": "b"}]
    made = Rules.read({"$.name": {"combine": "OR", "matchers": matchers}}, "", pytest.fail)
    assert made.pattern({"name": "a"}, kind) == {"name": {"$or": [{"$regex": "^a$"}, {"$contains": "b"}]}}


@pytest.mark.parametrize(
    ("written", "fits", "other"),
    [
        ("HH:mm:ss", "23:59:60", "24:00:00"),
        ("yyyy-MM-dd'T'HH:mm", "2030-01-31T00:00", "2030-01-31 00:00"),
        ("EEE, d MMM yyyy", "Tue, 1 jan 2030", "Tue, 1 01 2030"),
        ("h 'o''clock' a", "12 o'clock PM", "13 o'clock PM"),
    ],
)
def test_formats_of_dates(written: str, fits: str, other: str) -> None:
    regex = compile_regex(date_regex(written) or pytest.fail("unknown"))
    assert regex.search(fits)
    assert not regex.search(other)


def test_a_format_with_letters_that_nobody_knows() -> None:
    assert date_regex("yyyy qq") is None


def test_planning_a_whole_pact_twice_gives_the_same_requests(web: Any) -> None:
    path = web(FULL)
    asked = [plan([read(path)], users()).interactions[0].calls[0].requests for _ in range(2)]
    assert asked[0] == asked[1]
