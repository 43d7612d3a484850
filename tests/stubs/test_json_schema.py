"""The JSON Schema lets every good stub pass, catches what people mistype, and tells an editor what there is."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support import ROOT, registry

from grpcmock.errors import Problems
from grpcmock.matching.operators import OPERATORS
from grpcmock.status import Code
from grpcmock.stubs.json_schema import for_registry
from grpcmock.stubs.json_words import KEYS
from grpcmock.stubs.parser import STUB_KEYS
from grpcmock.stubs.yaml import parse

EXAMPLES = sorted(path for path in (ROOT / "stubs").iterdir() if path.suffix in (".yaml", ".json"))


@cache
def validator(*files: str) -> Draft202012Validator:
    schema = for_registry(registry(*files), OPERATORS.values())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def errors(text: str, *protos: str) -> list[str]:
    return [
        f"{error.json_path}: {error.message}"
        for document in parse(text, "a.yaml", Problems())
        for error in validator(*(protos or ("user.proto",))).iter_errors(document.plain())
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_all_stubs_of_the_project_are_valid(path: Any) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("proto", ["kitchen_sink.proto", "legacy.proto", "rules.proto", "editions2023.proto"])
def test_it_is_a_schema_for_any_proto(proto: str) -> None:
    assert validator(proto)


GET = "- method: user.UserService/GetUser\n  "
LIST = "- method: user.UserService/ListUsers\n  "
CREATE = "- method: user.UserService/CreateUsers\n  "
LOOKUP = "- method: user.UserService/LookupUsers\n  "


@pytest.mark.parametrize(
    "text",
    [
        GET + "request: {id: '1'}",
        GET + "verify: {response: {name: {$regex: x}, id: 5}}",
        GET + "trailers: {x-bin: {'@type': google.rpc.RetryInfo, retry_delay: 1s}}",
        GET + "metadata: {x-bin: {'@type': google.rpc.RetryInfo}}",
        GET + "response: {name: {$text: a}}",
        GET + "response: {email: {$file: a.txt}}",
        LIST + "script: [{send: {}}, {wait: forever}]",
        GET + "request: {id: {$in: [1, 2], $not: {$gte: 5}}}",
        GET + "request: {id: null}",
        GET + "request: {$or: [{id: 1}, {$only: {id: 2}}]}",
        GET + "request: {id: '{{ row.id }}'}\n  each: rows.csv",
        GET + "response: {id: '{{ request.id }}', name: null}",
        GET + "response: '{{ request }}'",
        GET + "deadline: {$lt: 2.5}",
        GET + "error: {code: 5, details: ['{{ x }}', {'@type': t}], trailers: {a: [b, 1]}}",
        GET + "script: [{expect: {}}, {send: {id: 1}}, finish]",
        LIST + "request: {pageSize: 1}",
        LIST + "answers: [{responses: [{id: 1}]}, {delay: {min: 1ms, max: 2s}}]",
        CREATE + "requests: [{name: a}, {name: {$prefix: b}}]",
        CREATE + "requests: {$size: {$gt: 1}, $all: [{name: x}]}",
        LOOKUP + "script: [half_close, {on: [{request: {id: 1}, send: [{id: 1}]}], until: half_close}]",
        LOOKUP + "script: [{repeat: {times: forever, every: 1s, steps: [{send: {}}]}}]",
        "- method: UserService.GetUser\n  request: {id: 1}",
        "- {method: 'user.UserService/{{ row.m }}', each: [{m: GetUser}], request: {anything: 1}}",
        "{defaults: {method: user.UserService/GetUser}, stubs: [{request: {id: 1}}]}",
        "[]",
    ],
)
def test_what_the_format_allows_is_valid(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("- request: {id: 1}", "$[0]: 'method' is a required property"),
        ("- method: user.UserService/GetUsr", "$[0].method"),
        (GET + "respond: {}", "respond"),
        (GET + "request: {ix: 1}", "ix"),
        (GET + "request: {id: one}", "$[0].request.id"),
        (GET + "request: {id: 2147483648}", "$[0].request.id"),
        (GET + "request: {id: {$gtt: 1}}", "$gtt"),
        (GET + "request: {id: {$regex: x}}", "$regex"),
        (GET + "request: {id: {$in: 3}}", "$[0].request.id"),
        (GET + "request: {id: 1, $not: {id: 2}}", "$[0].request"),
        (GET + "response: {id: 1, nmae: x}", "nmae"),
        (GET + "response: {name: 5}", "$[0].response.name"),
        (GET + "response: {id: 1.5}", "$[0].response.id"),
        (GET + "response: []", "$[0].response"),
        (GET + "responses: []", "$[0].responses"),
        (GET + "requests: []", "$[0].requests"),
        (GET + "error: {code: NOTFOUND}", "$[0].error.code"),
        (GET + "error: {code: OK}", "$[0].error.code"),
        (GET + "error: {message: x}", "'code' is a required property"),
        (GET + "error: {code: 5, details: [{type: x}]}", "'@type' is a required property"),
        (GET + "delay: 5 parsecs", "$[0].delay"),
        (GET + "fault: {explode: true}", "explode"),
        (GET + "times: 0", "$[0].times"),
        (GET + "then: never", "$[0].then"),
        (GET + "headers: {Upper: x}", "$[0].headers"),
        (GET + "response: {}\n  script: []", "$[0].response"),
        (GET + "answers: [{response: {nmae: x}}]", "nmae"),
        (GET + "answers: [{times: 1}]", "times"),
        (GET + "each: rows.txt", "$[0].each"),
        (GET + "verify: {ignored: []}", "$[0].verify"),
        (LOOKUP + "script: [{sned: {}}]", "$[0].script[0]"),
        (LOOKUP + "script: [{send: {nmae: x}}]", "$[0].script[0]"),
        (LOOKUP + "script: [halfclose]", "$[0].script[0]"),
        (LOOKUP + "script: [{send: {}, wait: 1s}]", "$[0].script[0]"),
        (CREATE + "requests: {name: a}", "name"),
        (CREATE + "requests: [{nmae: a}]", "nmae"),
        ("{defaults: {name: x}, stubs: []}", "$.defaults.name"),
        ("{default: {}, stubs: []}", "default"),
        ("{defaults: {}}", "'stubs' is a required property"),
    ],
)
def test_what_people_mistype_is_caught(text: str, at: str) -> None:
    found = errors(text)
    assert found
    assert any(at in error for error in found), found


SINK = "- method: kitchen.KitchenService/Unary\n  "


@pytest.mark.parametrize(
    ("part", "valid"),
    [
        ("{f_int64: '9223372036854775807'}", True),
        ("{f_uint32: -1}", False),
        ("{f_bool: 'true'}", False),
        ("{f_double: NaN, f_float: -Infinity}", True),
        ("{f_double: fast}", False),
        ("{f_bytes: AAE=}", True),
        ("{f_bytes: '*'}", False),
        ("{f_enum: COLOR_RED, o_enum: 5}", True),
        ("{f_enum: RED}", False),
        ("{r_int32: [1, '2'], r_message: []}", True),
        ("{r_int32: 1}", False),
        ("{r_int32: [x]}", False),
        ("{m_string_int32: {a: 1}, m_int32_string: {1: a}}", True),
        ("{m_string_int32: {a: b}}", False),
        ("{m_int32_string: {a: b}}", False),
        ("{f_self: {f_self: {f_int32: 1}}}", True),
        ("{f_self: {f_self: {f_int: 1}}}", False),
    ],
)
def test_every_sort_of_field_in_an_answer(part: str, valid: bool) -> None:
    assert (errors(f"{SINK}response: {part}", "kitchen_sink.proto") == []) is valid


@pytest.mark.parametrize(
    ("part", "valid"),
    [
        ("{f_double: {$approx: {value: 1.5, within: 0.1}}}", True),
        ("{f_int32: {$approx: {value: 1, within: 1}}}", False),
        ("{f_double: {$approx: 1}}", False),
        ("{f_string: {$regex: x, $size: {$lt: 3}, $json: {a: [1]}}}", True),
        ("{f_string: {$size: x}}", False),
        ("{f_bytes: {$size: 3, $prefix: AAE=, $message: {type: a.B, pattern: {}}}}", True),
        ("{f_bytes: {$message: {type: a.B}}}", True),
        ("{f_bytes: {$message: {pattern: {}}}}", False),
        ("{f_enum: {$gt: COLOR_RED, $in: [1, COLOR_BLUE]}}", True),
        ("{f_enum: {$prefix: COLOR}}", False),
        ("{f_bool: {$gt: true}}", False),
        ("{r_int32: {$some: {$gt: 3}, $size: 2, $unordered: [1, {$lt: 2}]}}", True),
        ("{r_int32: {$some: {$prefix: a}}}", False),
        ("{r_int32: {$keys: a}}", False),
        ("{m_string_int32: {$keys: {$prefix: a}, $values: {$gt: 1}, $size: 1}}", True),
        ("{m_string_int32: {a: {$gt: 1}}}", True),
        ("{m_string_int32: {$values: {$prefix: a}}}", False),
        ("{f_message: {$exists: false}}", True),
        ("{f_message: {$gt: 1}}", False),
    ],
)
def test_operators_by_the_type_of_the_field(part: str, valid: bool) -> None:
    assert (errors(f"{SINK}request: {part}", "kitchen_sink.proto") == []) is valid


@cache
def user_schema() -> dict[str, Any]:
    return copy.deepcopy(for_registry(registry("user.proto"), OPERATORS.values()))


def test_it_offers_the_methods_with_what_the_protos_say() -> None:
    method = user_schema()["$defs"]["stub"]["properties"]["method"]["anyOf"]
    assert method[0]["enum"] == [
        f"user.UserService/{m}" for m in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
    ]
    assert method[0]["enumDescriptions"][0].startswith("Gives one user; NOT_FOUND if there is none with this id.")
    assert {"user.UserService.GetUser", "UserService/GetUser"} <= set(method[1]["enum"])


def test_it_describes_keys_fields_and_operators() -> None:
    stub = user_schema()["$defs"]["stub"]["properties"]
    assert stub.keys() == STUB_KEYS == KEYS.keys() - {"defaults", "stubs"}
    assert all(schema["description"] and schema["markdownDescription"] for schema in stub.values())
    page = user_schema()["$defs"]["pattern:user.ListUsersRequest"]["properties"]
    assert page["page"]["description"] == "Counts from 1; 0 means 1.\n\nint32"
    assert page["$only"]["description"]


def test_it_offers_every_status_code_but_ok() -> None:
    code = user_schema()["$defs"]["error"]["properties"]["code"]["anyOf"][0]["enum"]
    assert set(code) == {code.name for code in Code} - {"OK"}


def test_every_reference_leads_somewhere() -> None:
    schema = for_registry(registry(), OPERATORS.values())

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}
