"""Whatever stands in a file, an import ends with drafts, warnings, or an error of ours."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importers.imported import market

from grpcmock.errors import GrpcmockError, Problems
from grpcmock.importers.check import errors_of
from grpcmock.importers.draft import Context
from grpcmock.importers.formats import FORMATS
from grpcmock.importers.writing import to_text
from grpcmock.stubs.yaml import parse
from grpcmock.tree import Node

_STREAM = [
    {"name": "a", "_gripmock": {"delay": "1s", "code": 5, "details": [{"type": "x"}]}},
    {"text": "{{.Request.name}}"},
]

DOCUMENTS: dict[str, Any] = {
    "gripmock": [
        {
            "id": "A",
            "service": "market.Market",
            "method": "Order",
            "priority": 3,
            "options": {"times": 2},
            "session": "s",
            "headers": {"equals": {"a": "b"}, "anyOf": [{"matches": {"c": "^d"}}]},
            "input": {
                "equals": {"name": "x", "at": {"seconds": 1}, "stall": {"town": "Rome"}},
                "contains": {"tags": ["a"], "labels": {"a": "x"}},
                "matches": {"count": "^1", "tags": ["^a"]},
                "glob": {"name": "*"},
                "anyOf": [{"equals": {"kind": "FRUIT"}}],
            },
            "output": {"data": {"text": "{{.Request.name}}"}, "delay": "5ms", "headers": {"a": "b;c"}},
            "effects": [{"action": "delete", "id": "A"}, {"action": "upsert", "stub": {"id": "B", "service": "S"}}],
        },
        {"service": "market.Market", "method": "Watch", "output": {"stream": _STREAM, "error": "x", "code": 3}},
        {
            "service": "market.Market",
            "method": "Talk",
            "inputs": [{"equals": {"name": "a"}}],
            "output": {"stream": [{}]},
        },
        {"service": "market.Market", "method": "Fill", "inputs": [{"equals": {"name": "a"}}], "output": {"data": {}}},
    ],
    "wiremock": {
        "mappings": [
            {
                "name": "n",
                "priority": 1,
                "scenarioName": "s",
                "newScenarioState": "t",
                "request": {
                    "method": "POST",
                    "urlPath": "/market.Market/Order",
                    "headers": {"a": {"equalTo": "b"}, "c": {"or": [{"contains": "d"}]}},
                    "bodyPatterns": [
                        {"equalToJson": {"name": "${json-unit.any-string}"}, "ignoreArrayOrder": True},
                        {"matchesJsonPath": {"expression": "$.stalls[?(@.town == 'x')].number", "equalTo": "1"}},
                        {"matchesJsonSchema": {"required": ["name"], "properties": {"name": {"pattern": "x"}}}},
                    ],
                },
                "response": {
                    "body": '{"text": "{{jsonPath request.body \'$.name\'}}"}',
                    "transformers": ["response-template"],
                    "delayDistribution": {"type": "uniform", "lower": 1, "upper": 2},
                    "headers": {"grpc-status-name": "OK"},
                },
            }
        ]
    },
    "mockserver": [
        {
            "httpRequest": {
                "path": "/market.Market/Order",
                "headers": [{"name": "a", "values": ["b"]}],
                "body": {"type": "JSON", "json": {"name": "x"}, "matchType": "STRICT"},
            },
            "httpResponse": {"statusCode": 200, "headers": {"grpc-status": ["5"]}, "body": "{}", "delay": {"value": 1}},
            "times": {"remainingTimes": 1},
        },
        {"httpRequest": {"path": "/market.Market/Watch"}, "grpcStreamResponse": {"messages": [{"json": "{}"}]}},
    ],
    "microcks": {
        "kind": "APIExamples",
        "metadata": {"name": "market.Market"},
        "operations": {"Order": {"a": {"request": {"body": {"name": "x"}}, "response": {"status": 5, "body": "{}"}}}},
    },
    "mockd": {
        "mocks": [
            {
                "type": "grpc",
                "grpc": {
                    "services": {
                        "market.Market": {
                            "methods": {
                                "Order": {
                                    "match": {"request": {"name": "x"}, "metadata": {"a": "b*"}},
                                    "response": {"text": "{{uuid}}"},
                                    "variants": [{"error": {"code": 5, "details": {"a": 1}}, "delay": "1s"}],
                                },
                                "Talk": {"responses": [{"number": 1}, {"number": 2}], "streamDelay": "1ms"},
                            }
                        }
                    }
                },
            }
        ]
    },
    "ditto": [
        {
            "request": {
                "method": "/market.Market/Order",
                "body_patterns": [
                    {"matches_jsonpath": {"expression": "$.name", "eq": "x"}},
                    {"equal_to_json": {"count": 1}},
                ],
            },
            "response": [{"body": {"text": "x"}}, {"status": {"code": "NOT_FOUND", "message": "m"}}],
        }
    ],
    "har": {
        "log": {
            "entries": [
                {
                    "request": {
                        "method": "POST",
                        "url": "http://x/market.Market/Order",
                        "headers": [{"name": "content-type", "value": "application/grpc-web+proto"}],
                        "postData": {"text": "AAAAAAA=", "encoding": "base64"},
                    },
                    "response": {"status": 200, "headers": [], "content": {"text": "AAAAAAA=", "encoding": "base64"}},
                }
            ]
        }
    },
}

_ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, -1, 2.5, "", "x", "{{", "$.", "[", "{{.Request.", "(", "999999999999h", [], [None], [[1]], {}, {"a": 1},
    {"": {}}, {1: 2}, {"$x": 1}, "5", 99,
])  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in below for place in _places(inner, (*path, key)))]


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=25)
@given(data=st.data())
def test_no_document_breaks_a_reader(name: str, data: st.DataObject) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    for _ in range(data.draw(st.integers(1, 2))):
        *above, last = data.draw(st.sampled_from([place for place in _places(document) if place]))
        holder = document
        for key in above:
            holder = holder[key]
        holder[last] = copy.deepcopy(data.draw(_ODD))
    _imported(name, Node.of(document), protos=data.draw(st.booleans()))


def _imported(name: str, document: Node, *, protos: bool) -> None:
    problems = Problems()
    try:
        drafts = FORMATS[name].reader()([document], Context(problems, market() if protos else None))
        assert next(iter(parse(to_text(drafts, "x"), "x.yaml", problems)), None) is not None or not drafts
        if protos:
            errors_of(drafts, market())
    except GrpcmockError:
        pass
    problems.raise_errors()


@settings(max_examples=40)
@given(st.text(st.sampled_from("grpculd -H'\"{}:\\\n$@/.market5M\t"), max_size=60))
def test_no_text_breaks_the_reader_of_lines(text: str) -> None:
    _imported("grpcurl", Node(f"grpcurl {text} x market.Market/Order\n{text}", "x.md", 1, 1), protos=True)


def test_a_document_is_what_its_format_says() -> None:
    for name, document in DOCUMENTS.items():
        recognizes = FORMATS[name].recognizes
        assert recognizes is not None
        first = document[0] if isinstance(document, list) else document
        assert recognizes(Node.of(json.loads(json.dumps(first))))
