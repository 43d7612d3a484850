from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.playbook import ask
from importers.imported import engine, market, read, stub

from grpcmock.importers.run import import_files

PATH = "/market.Market/Order"


def mapping(request: dict[str, Any] | None = None, response: dict[str, Any] | None = None, **more: Any) -> str:
    return json.dumps(
        {"request": {"method": "POST", "urlPath": PATH} | (request or {}), "response": response or {}, **more}
    )


def body(*patterns: Any) -> dict[str, Any]:
    return {"bodyPatterns": list(patterns)}


@pytest.mark.parametrize(
    ("pattern", "request_"),
    [
        ({"equalToJson": '{"name": "Tom"}'}, {"$eq": {"name": "Tom"}}),
        ({"equalToJson": {"name": "Tom"}, "ignoreExtraElements": True}, {"name": "Tom"}),
        (
            {"equalToJson": {"tags": ["a", "b"]}, "ignoreArrayOrder": True},
            {"$only": {"tags": {"$unordered": ["a", "b"]}}},
        ),
        (
            {
                "equalToJson": {"tags": ["a"], "stall": {"town": "Rome"}},
                "ignoreArrayOrder": True,
                "ignoreExtraElements": True,
            },
            {"tags": {"$all": ["a"]}, "stall": {"town": "Rome"}},
        ),
        ({"equalToJson": {"name": "${json-unit.any-string}"}}, {"$only": {"name": {"$exists": True}}}),
        ({"equalToJson": {"name": "${json-unit.regex}[A-Z]+"}}, {"$only": {"name": {"$regex": "^(?:[A-Z]+)$"}}}),
        ({"matchesJsonPath": "$.name"}, {"name": {"$exists": True}}),
        ({"matchesJsonPath": "$.stalls[?(@.town == 'Rome')]"}, {"stalls": {"$some": {"town": "Rome"}}}),
        (
            {"matchesJsonPath": "$.stalls[?(@.number > 2 && @.town =~ /ro.*/i)]"},
            {"stalls": {"$some": {"number": {"$gt": 2}, "town": {"$regex": "(?i)^(?:ro.*)$"}}}},
        ),
        ({"matchesJsonPath": "$[?(@.stalls.size() == 2)]"}, {"stalls": {"$size": 2}}),
        ({"matchesJsonPath": {"expression": "$.name", "contains": "om"}}, {"name": {"$contains": "om"}}),
        ({"matchesJsonPath": {"expression": "$.count", "equalTo": "5"}}, {"count": 5}),
        ({"matchesJsonPath": {"expression": "$.name", "absent": True}}, {"name": {"$exists": False}}),
        (
            {"matchesJsonPath": {"expression": "$.stall", "equalToJson": {"number": 4}}},
            {"stall": {"$eq": {"number": 4}}},
        ),
        ({"matchesJsonPath": {"expression": "$.name", "matches": "T.m"}}, {"name": {"$regex": "^T.m$"}}),
        ({"not": {"matchesJsonPath": {"expression": "$.name", "equalTo": "x"}}}, {"$not": {"name": "x"}}),
        (
            {
                "matchesJsonSchema": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string", "minLength": 2}, "count": {"minimum": 1}},
                }
            },
            {"name": {"$size": {"$gte": 2}}, "count": {"$or": [{"$exists": False}, {"$gte": 1}]}},
        ),
    ],
)
def test_bodies(pattern: dict[str, Any], request_: Any) -> None:
    assert stub("wiremock", mapping(body(pattern))) == {"request": request_, "response": {}}


def test_headers() -> None:
    headers = {
        "X-Tenant": {"equalTo": "acme"},
        "X-Trace": {"absent": True},
        "X-Kind": {"or": [{"contains": "a"}, {"matches": "b+|c"}]},
        "Content-Type": {"equalTo": "application/grpc"},
    }
    found = stub("wiremock", mapping({"headers": headers}))
    assert found["metadata"] == {
        "x-tenant": "acme",
        "x-trace": None,
        "x-kind": {"$or": [{"$contains": "a"}, {"$regex": "^(?:b+|c)$"}]},
    }


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ({"body": '{"text": "Hi"}', "headers": {"grpc-status-name": "OK"}}, {"response": {"text": "Hi"}}),
        ({"jsonBody": {"number": 1}, "fixedDelayMilliseconds": 1500}, {"delay": "1.5s", "response": {"number": 1}}),
        (
            {"headers": {"grpc-status-name": "NOT_FOUND", "grpc-status-reason": "no", "X-A": "1"}},
            {"headers": {"x-a": "1"}, "error": {"code": "NOT_FOUND", "message": "no"}},
        ),
        ({"status": 503}, {"error": {"code": "UNAVAILABLE", "message": "HTTP 503"}}),
        (
            {"delayDistribution": {"type": "lognormal", "median": 80, "sigma": 0.4}},
            {"delay": {"median": "80ms", "sigma": 0.4}, "response": {}},
        ),
        (
            {"body": '{"text": "Hello {{jsonPath request.body \'$.userId\'}}"}', "transformers": ["response-template"]},
            {"response": {"text": "Hello {{ request.user_id }}"}},
        ),
        (
            {"body": '{"number": {{randomInt lower=1 upper=7}}}', "transformers": ["response-template"]},
            {"response": {"number": "{{ random.int(1, 7 - 1) }}"}},
        ),
        ({"fault": "CONNECTION_RESET_BY_PEER"}, {"fault": {"abort": "UNAVAILABLE"}}),
    ],
)
def test_answers(response: dict[str, Any], answer: Any) -> None:
    assert stub("wiremock", mapping(response=response)) == answer


def test_braces_are_no_template_without_the_transformer() -> None:
    drafts, warnings = read("wiremock", mapping(response={"body": '{"text": "{{x}}"}'}))
    assert warnings == []
    ask(engine(drafts), "market.Market/Order", {}).gets({"text": "{{x}}"})


def test_later_mappings_win_unless_a_lower_number_says_otherwise() -> None:
    def one(text: str, **more: Any) -> dict[str, Any]:
        return {"request": {"method": "POST", "urlPath": PATH}, "response": {"jsonBody": {"text": text}}, **more}

    drafts, _ = read("wiremock", json.dumps({"mappings": [one("first"), one("second")]}))
    ask(engine(drafts), "market.Market/Order", {"name": "x"}).gets({"text": "second"})
    drafts, _ = read("wiremock", json.dumps({"mappings": [one("first", priority=1), one("second")]}))
    ask(engine(drafts), "market.Market/Order", {"name": "x"}).gets({"text": "first"})


def test_a_body_in_a_file(tmp_path: Path) -> None:
    for name in ("mappings", "__files/hello"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mappings" / "a.json").write_text(mapping(response={"bodyFileName": "hello/a.json"}))
    (tmp_path / "__files" / "hello" / "a.json").write_text('{"text": "from a file"}')
    imported = import_files("wiremock", [tmp_path], market())
    assert [str(problem) for problem in imported.problems] == []
    assert imported.drafts[0].keys["response"] == {"text": "from a file"}


def test_scenarios() -> None:
    more: Any = {"scenarioName": "order", "requiredScenarioState": "Started", "newScenarioState": "paid"}
    found = stub("wiremock", mapping(**more))
    assert (found["state"], found["set"]) == ({"order": "started"}, {"order": "paid"})


def test_a_pattern_of_paths_is_written_for_each_method() -> None:
    text = json.dumps({"request": {"method": "POST", "urlPathPattern": "/market.Market/(Order|Watch)"}, "response": {}})
    drafts, warnings = read("wiremock", text)
    assert [draft.method for draft in drafts] == ["market.Market/Order", "market.Market/Watch"]
    assert warnings == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (mapping({"method": "GET", "urlPath": "/hello"}), "it is of plain HTTP (GET /hello)"),
        (mapping(body({"matchesXPath": "//a"})), "`matchesXPath` isn't looked at"),
        (mapping(body({"matchesJsonPath": "$..name"})), "`..` in '$..name'"),
        (mapping(response={"bodyFileName": "a.json"}), "the body stands in a file, 'a.json', which isn't there"),
        (mapping(response={"proxyBaseUrl": "http://x"}), "`grpcmock serve --forward` does"),
        (mapping(response={"body": "no json"}), "the body 'no json' is no JSON"),
        (mapping({"cookies": {"a": {"equalTo": "b"}}}), "`cookies` of the request isn't looked at"),
        (mapping(postServeActions=[{"name": "webhook"}]), "`postServeActions` is left out"),
    ],
)
def test_what_cant_be_said_is_told_with_its_place(text: str, told: str) -> None:
    _, warnings = read("wiremock", text)
    assert any(told in warning and warning.startswith("theirs.yaml:1:1: warning: ") for warning in warnings), warnings
