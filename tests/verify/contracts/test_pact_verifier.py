"""Pact's own verifier, with its plugin for Protobuf, and this one: they say the same of a server and a Pact."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, json_format
from pact_judge import needs_plugin
from pact_judge import verified as judged
from verifying import ROOT, kitchen, mock, outcomes, stubs, users, verified
from verifying import USERS_STUBS as STUBS

from grpcmock.errors import Problems
from grpcmock.verify.contracts import contract_file
from grpcmock.verify.contracts.pact_writing import to_pact
from grpcmock.verify.planning.planner import plan

pytestmark = needs_plugin

Tree = dict[str, Any]

KITCHEN = ROOT / "tests" / "protos" / "kitchen_sink.proto"


def rule(match: str, **more: Any) -> Tree:
    return {"match": match, **more}


DATES = {"date": "yyyy-MM-dd", "time": "HH:mm", "datetime": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"}

CASES: list[tuple[dict[str, list[Tree]], Tree, list[Tree]]] = [
    # What has no rule has to be equal; what the example lacks may be there.
    ({}, {"f_string": "a", "f_int32": 1},
     [{"f_string": "a", "f_int32": 1}, {"f_string": "a"}, {"f_string": "a", "f_int32": 1, "f_bool": True}]),
    ({"$.f_string": [rule("type")]}, {"f_string": "a"}, [{"f_string": "b"}, {}]),
    ({"$.o_string": [rule("type")]}, {"o_string": "a"}, [{"o_string": ""}, {}]),
    ({"$.f_string": [rule("regex", regex="b+")]}, {"f_string": "b"}, [{"f_string": "bb"}, {"f_string": "abb"}, {}]),
    ({"$.f_string": [rule("regex", regex="a|bc?")]}, {"f_string": "a"}, [{"f_string": "bc"}, {"f_string": "ac"}]),
    ({"$.f_string": [rule("include", value="b")]}, {"f_string": "b"}, [{"f_string": "abc"}, {"f_string": "ac"}]),
    ({"$.f_string": [rule("notEmpty")]}, {"f_string": "b"}, [{"f_string": "x"}, {}]),
    ({"$.f_string": [rule("semver")]}, {"f_string": "1.0.0"}, [{"f_string": "2.0.0-rc.1"}, {"f_string": "01.0.0"}]),
    *[
        ({"$.f_string": [rule(name, format=form)]}, {"f_string": fits}, [{"f_string": fits}, {"f_string": other}])
        for (name, form), fits, other in zip(
            DATES.items(),
            ("2030-01-31", "23:59", "2030-01-31T10:20:30.123+01:00"),
            ("2030-01-32", "24:00", "2030-01-31T10:20:30.123"),
            strict=True,
        )
    ],
    ({"$.f_string": [rule("regex", regex="a.*"), rule("include", value="b")]}, {"f_string": "ab"},
     [{"f_string": "acb"}, {"f_string": "ac"}]),
    ({"$.f_int32": [rule("integer")]}, {"f_int32": 1}, [{"f_int32": -7}, {}]),
    ({"$.f_int64": [rule("regex", regex="^(1|2)$")]}, {"f_int64": 1},
     [{"f_int64": 2}, {"f_int64": 3}, {"f_int64": 12}]),
    ({"$.f_double": [rule("decimal")]}, {"f_double": 1.5}, [{"f_double": 2.0}, {}]),
    ({"$.f_bool": [rule("boolean")]}, {"f_bool": True}, [{"f_bool": True}, {}]),
    ({"$.f_enum": [rule("regex", regex="COLOR_.*E.*")]}, {"f_enum": "COLOR_RED"},
     [{"f_enum": "COLOR_GREEN"}, {"f_enum": "COLOR_BLUE"}, {}]),
    ({"$.f_enum": [rule("type")]}, {"f_enum": "COLOR_RED"}, [{"f_enum": "COLOR_GREEN"}, {}]),
    ({"$.f_bytes": [rule("type")]}, {"f_bytes": "YQ=="}, [{"f_bytes": "Yg=="}, {}]),
    # Messages: a rule holds for all that is below, unless there is one that is more specific.
    ({"$.f_message": [rule("type")]}, {"f_message": {"name": "a", "number": 1}}, [{"f_message": {"name": "b"}}, {}]),
    ({"$.f_message": [rule("type")], "$.f_message.name": [rule("equality")]}, {"f_message": {"name": "a", "number": 1}},
     [{"f_message": {"name": "a", "number": 9}}, {"f_message": {"name": "b", "number": 1}}, {}]),
    ({"$.f_message.*": [rule("type")]}, {"f_message": {"name": "a", "number": 1}},
     [{"f_message": {"name": "b", "number": 2}}]),
    ({}, {"f_message": {"name": "a"}}, [{"f_message": {"name": "a", "number": 3}}, {"f_message": {}}, {}]),
    ({"$.w_timestamp": [rule("type")]}, {"w_timestamp": "2030-01-01T00:00:00Z"},
     [{"w_timestamp": "2031-01-01T00:00:00Z"}]),
    ({}, {"w_timestamp": "2030-01-01T00:00:00Z"}, [{"w_timestamp": "2031-01-01T00:00:00Z"}]),
    ({"$.w_timestamp.seconds": [rule("integer")]}, {"w_timestamp": "2030-01-01T00:00:00Z"},
     [{"w_timestamp": "2031-01-01T00:00:00Z"}]),
    # Lists.
    ({}, {"r_int32": [1, 2]}, [{"r_int32": [1, 2]}, {"r_int32": [1]}, {"r_int32": [1, 2, 3]}, {"r_int32": [2, 1]}, {}]),
    ({"$.r_int32": [rule("type", min=2, max=3)]}, {"r_int32": [1, 2]},
     [{"r_int32": [1]}, {"r_int32": [7, 8]}, {"r_int32": [7, 8, 9, 10]}]),
    ({"$.r_int32": [rule("type")]}, {"r_int32": [1, 2]}, [{"r_int32": [5]}, {"r_int32": [5, 6, 7]}, {}]),
    ({"$.r_string[*]": [rule("regex", regex="a+")]}, {"r_string": ["a"]},
     [{"r_string": ["aa"]}, {"r_string": ["b"]}, {"r_string": ["a", "a"]}]),
    ({"$.r_string": [rule("type")], "$.r_string[*]": [rule("regex", regex="a+")]}, {"r_string": ["a"]},
     [{"r_string": ["aa", "aaa"]}, {"r_string": ["aa", "b"]}]),
    ({"$.r_string": [rule("eachValue", rules=[rule("regex", regex="a+")])]}, {"r_string": ["a"]},
     [{"r_string": ["aa", "aaa"]}, {"r_string": ["aa", "b"]}]),
    ({"$.r_string": [rule("notEmpty")]}, {"r_string": ["a"]}, [{"r_string": ["a"]}, {"r_string": ["b"]}, {}]),
    ({"$.r_string": [rule("arrayContains", variants=[
        {"index": 0, "rules": {}}, {"index": 1, "rules": {"$": {"matchers": [rule("regex", regex="b.*")]}}}])]},
     {"r_string": ["a", "b"]},
     [{"r_string": ["x", "bc", "a"]}, {"r_string": ["a"]}, {"r_string": ["b", "x"]}]),
    ({"$.r_message": [rule("type", min=1)], "$.r_message[*].name": [rule("regex", regex="a.*")]},
     {"r_message": [{"name": "a", "number": 1}]},
     [{"r_message": [{"name": "ab", "number": 5}, {"name": "ac"}]}, {"r_message": [{"name": "b", "number": 1}]}, {}]),
    # Maps.
    ({}, {"m_string_int32": {"a": 1}}, [{"m_string_int32": {"a": 1, "b": 2}}, {"m_string_int32": {"a": 2}}, {}]),
    ({"$.m_string_int32": [rule("type")]}, {"m_string_int32": {"a": 1}},
     [{"m_string_int32": {"a": 7, "b": 2}}, {"m_string_int32": {"b": 2}}]),
    ({"$.m_string_int32": [rule("eachKey", rules=[rule("regex", regex="a+")])]}, {"m_string_int32": {"a": 1}},
     [{"m_string_int32": {"aa": 9}}, {"m_string_int32": {"b": 1}}]),
    ({"$.m_string_string": [rule("eachValue", rules=[rule("regex", regex="x+")])]}, {"m_string_string": {"a": "x"}},
     [{"m_string_string": {"b": "xx"}}, {"m_string_string": {"b": "y"}}]),
    ({"$.m_string_string": [rule("values")]}, {"m_string_string": {"a": "x"}},
     [{"m_string_string": {"b": "x"}}, {"m_string_string": {"b": "y"}}]),
    ({"$.m_string_string": [rule("eachKey", rules=[rule("regex", regex="a+")]),
                            rule("eachValue", rules=[rule("type")])]}, {"m_string_string": {"a": "x"}},
     [{"m_string_string": {"aa": "z"}}, {"m_string_string": {"b": "z"}}]),
]  # fmt: skip


OPEN: list[tuple[Tree, Tree, list[Tree]]] = [
    ({"f_string": {"$regex": "^a"}}, {"f_string": "abc"}, [{"f_string": "ax\ny"}, {"f_string": "xa"}, {}]),
    ({"f_string": {"$regex": "a|b"}}, {"f_string": "a"}, [{"f_string": "xbx"}, {"f_string": "c"}]),
    ({"f_string": {"$suffix": "."}}, {"f_string": "a."}, [{"f_string": "b."}, {"f_string": "b"}]),
    ({"f_string": {"$ignoreCase": "Abc"}}, {"f_string": "abc"}, [{"f_string": "ABC"}, {"f_string": "ABCD"}]),
    ({"f_string": {"$exists": True}}, {"f_string": "a"}, [{"f_string": "b"}, {}]),
    ({"f_string": {"$in": ["a", "b.c"]}}, {"f_string": "a"}, [{"f_string": "b.c"}, {"f_string": "b-c"}]),
    ({"f_enum": {"$in": ["COLOR_RED", "COLOR_GREEN"]}}, {"f_enum": "COLOR_RED"},
     [{"f_enum": "COLOR_GREEN"}, {"f_enum": "COLOR_BLUE"}]),
    ({"f_int32": {"$in": [1, 20]}}, {"f_int32": 1}, [{"f_int32": 20}, {"f_int32": 2}]),
    ({"f_message": {"name": {"$contains": "b"}}}, {"f_message": {"name": "abc", "number": 1}},
     [{"f_message": {"name": "b", "number": 1}}, {"f_message": {"name": "c", "number": 1}}]),
    ({"r_string": {"$each": {"$prefix": "a"}, "$size": {"$gte": 1}}}, {"r_string": ["a"]},
     [{"r_string": ["ab", "ac"]}, {"r_string": ["ab", "b"]}, {}]),
    ({"r_string": {"$size": {"$gt": 0, "$lt": 3}}}, {"r_string": ["a"]},
     [{"r_string": ["b", "c"]}, {"r_string": ["a", "b", "c"]}]),
    ({"r_message": {"$each": {"name": "a", "tags": {"$size": 2}}}}, {"r_message": [{"name": "a", "tags": ["x", "y"]}]},
     [{"r_message": [{"name": "a", "tags": ["z", "z"], "number": 3}]},
      {"r_message": [{"name": "a", "tags": ["z"] * 3}]},
      {"r_message": [{"name": "b", "tags": ["z", "z"]}]}]),
    ({"r_message": {"$all": [{"name": "a"}, {"number": 7}]}},
     {"r_message": [{"name": "a"}, {"name": "b", "number": 7}]},
     [{"r_message": [{"number": 7}, {"name": "a", "number": 1}]}, {"r_message": [{"name": "a"}]}]),
    ({"r_string": ["a", {"$prefix": "b"}]}, {"r_string": ["a", "b"]},
     [{"r_string": ["a", "bc"]}, {"r_string": ["a", "c"]}, {"r_string": ["a", "b", "c"]}]),
    ({"m_string_int32": {"$keys": {"$regex": "^a+$"}}}, {"m_string_int32": {"a": 1}},
     [{"m_string_int32": {"aa": 2}}, {"m_string_int32": {"b": 1}}]),
    ({"m_string_string": {"$values": {"$prefix": "x"}}}, {"m_string_string": {"a": "x"}},
     [{"m_string_string": {"b": "xy"}}, {"m_string_string": {"b": "y"}}]),
]  # fmt: skip


def message(tree: Tree) -> Any:
    return json_format.ParseDict(tree, kitchen().message("kitchen.Everything")())


def part(tree: Tree) -> Tree:
    content = base64.b64encode(message(tree).SerializeToString()).decode()
    kind = "application/protobuf;message=.kitchen.Everything"
    return {"content": content, "contentType": kind, "contentTypeHint": "BINARY", "encoded": "base64"}


def interaction(name: str, key: str, rules: dict[str, list[Tree]], example: Tree) -> Tree:
    expectations = {"request": {"c_string": name}, "response": example}
    return {
        "type": "Synchronous/Messages",
        "description": name,
        "transport": "grpc",
        "pluginConfiguration": {
            "protobuf": {"descriptorKey": key, "service": ".kitchen.KitchenService/Unary", "expectations": expectations}
        },
        "request": {"contents": part({"c_string": name})},
        "response": [
            {
                "contents": part(example),
                "matchingRules": {
                    "body": {path: {"combine": "AND", "matchers": found} for path, found in rules.items()}
                },
            }
        ],
    }


async def test_both_verifiers_say_the_same(tmp_path: Path) -> None:
    descriptors = descriptor_pb2.FileDescriptorSet(file=kitchen().files.file).SerializeToString()
    key = hashlib.md5(descriptors, usedforsecurity=False).hexdigest()
    configuration = {key: {"protoDescriptors": base64.b64encode(descriptors).decode(), "protoFile": ""}}
    tried = {
        f"{number}/{place}": (rules, example, actual)
        for number, (rules, example, actuals) in enumerate(CASES)
        for place, actual in enumerate(actuals)
    }
    document = {
        "consumer": {"name": "web"},
        "provider": {"name": "kitchen"},
        "interactions": [interaction(name, key, rules, example) for name, (rules, example, _) in tried.items()],
        "metadata": {
            "pactSpecification": {"version": "4.0"},
            "plugins": [{"name": "protobuf", "version": "0.6.4", "configuration": configuration}],
        },
    }
    file = tmp_path / "web-kitchen.json"
    file.write_text(json.dumps(document))
    served = [
        {"method": "kitchen.KitchenService/Unary", "request": {"c_string": name}, "response": actual}
        for name, (_, _, actual) in tried.items()
    ]
    problems = Problems()
    found = plan([contract_file.read(file, None, problems)], kitchen())
    assert [str(problem) for problem in problems] == []
    async with mock(json.dumps(served), tmp_path, KITCHEN) as address:
        ours = {name.removeprefix("web: "): said for name, said in outcomes(await verified(address, found)).items()}
        theirs = await asyncio.to_thread(judged, file, int(address.rpartition(":")[2]))
    assert ours.keys() == theirs.keys() == tried.keys()
    differing = {
        name: (*tried[name], {"ours": ours[name], "Pact's": theirs[name]})
        for name in tried
        if (ours[name] == "passed") is not (theirs[name] == "passed")
    }
    assert not differing, json.dumps(differing, indent=1)
    assert {said == "passed" for said in theirs.values()} == {True, False}


async def test_what_verify_leaves_open_is_open_to_pacts_verifier(tmp_path: Path) -> None:
    method = "kitchen.KitchenService/Unary"
    tried = {
        f"{number}/{place}": (pattern, example, actual)
        for number, (pattern, example, actuals) in enumerate(OPEN)
        for place, actual in enumerate(actuals)
    }
    promised = [
        {
            "name": name,
            "method": method,
            "request": {"c_string": name},
            "response": example,
            "verify": {"response": pattern},
        }
        for name, (pattern, example, _) in tried.items()
    ]
    served = [
        {"method": method, "request": {"c_string": name}, "response": actual} for name, (_, _, actual) in tried.items()
    ]
    kept = stubs(json.dumps(promised))
    written = to_pact("web", "kitchen", kept, kitchen())
    assert written.left_out == []
    file = tmp_path / "web-kitchen.json"
    file.write_text(written.text)
    problems = Problems()
    read_back = plan([contract_file.read(file, None, problems)], kitchen())
    assert [str(problem) for problem in problems] == []
    async with mock(json.dumps(served), tmp_path, KITCHEN) as address:
        ours = outcomes(await verified(address, plan(kept, kitchen())))
        back = outcomes(await verified(address, read_back))
        theirs = await asyncio.to_thread(judged, file, int(address.rpartition(":")[2]))
    assert {said == "passed" for said in theirs.values()} == {True, False}
    told = {name: (ours[name], back[f"web: {name}"], theirs[name]) for name in tried}
    differing = {
        name: (*tried[name], *said) for name, said in told.items() if len({one == "passed" for one in said}) > 1
    }
    assert not differing, json.dumps(differing, indent=1)


async def test_what_is_written_is_taken_by_pacts_verifier(tmp_path: Path) -> None:
    file = tmp_path / "web-users.json"
    file.write_text(to_pact("web", "users", stubs(STUBS), users()).text)
    passed = dict.fromkeys(("alice", "nobody", "made", "all"), "passed")
    async with mock(STUBS, tmp_path) as address:
        assert await asyncio.to_thread(judged, file, int(address.rpartition(":")[2])) == passed
    other = STUBS.replace("name: Alice", "name: Bob").replace("a@example.com", "b@example.com")
    async with mock(other, tmp_path) as address:
        told = await asyncio.to_thread(judged, file, int(address.rpartition(":")[2]))
    assert "Expected 'Bob' to be equal to 'Alice'" in told.pop("alice"), "the email may be another, the name not"
    assert told == {name: "passed" for name in passed if name != "alice"}
