"""The smaller formats: one example of each thing that they can say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from engine.playbook import Playbook
from importers.imported import engine, market, read, stub

from grpcmock.importers import durations
from grpcmock.importers.formats import FORMATS
from grpcmock.stubs.foreign import TOOLS


def keys(name: str, text: str) -> tuple[list[dict[str, Any]], list[str]]:
    drafts, warnings = read(name, text)
    return [{key: one for key, one in draft.ordered().items() if key != "method"} for draft in drafts], warnings


def test_ditto() -> None:
    text = """
- request:
    method: /market.Market/Order
    body_patterns:
      - matches_jsonpath: {expression: $.name, eq: Bob}
      - matches_jsonpath: {expression: $.count, eq: "3"}
  response: [{body: {text: hello Bob}}]
- request:
    method: /market.Market/Order
    body_patterns: [{matches_jsonpath: {expression: $.name, regexp: "^J"}}]
  response: [{status: {code: NOT_FOUND, message: user not found}}]
- request:
    method: /market.Market/Order
    body_patterns: [{equal_to_json: {name: all}}]
  response: {body: {text: all}}
- request:
    method: /market.Market/Fill
    body_patterns:
      - matches_jsonpath: {expression: "$[0].name", eq: a}
      - matches_jsonpath: {expression: $.length, eq: "2"}
  response: [{body: {number: 2}}]
"""
    found, warnings = keys("ditto", text)
    assert warnings == []
    assert [{key: one for key, one in stub.items() if key != "name"} for stub in found] == [
        {"request": {"name": {"$ignoreCase": "Bob"}, "count": 3}, "response": {"text": "hello Bob"}},
        {"request": {"name": {"$regex": "^J"}}, "error": {"code": "NOT_FOUND", "message": "user not found"}},
        {"request": {"$eq": {"name": "all"}}, "response": {"text": "all"}},
        {"requests": [{"name": {"$ignoreCase": "a"}}, {}], "response": {"number": 2}},
    ]


def test_mockd() -> None:
    text = """
version: "1.0"
mocks:
  - type: http
    http: {}
  - type: grpc
    enabled: true
    grpc:
      services:
        market.Market:
          methods:
            Order:
              match: {request: {name: a}, metadata: {x-tenant: "ac*"}}
              response: {text: "{{uuid}} for {{request.userId}}"}
              delay: 100ms
              variants:
                - response: {text: anyone}
                - match: {request: {name: b}}
                  error: {code: not_found, message: no b}
            Watch:
              responses: [{number: 1}, {number: 2}]
              streamDelay: 5ms
            Talk:
              responses: [{number: 1}, {number: 2}]
"""
    found, warnings = keys("mockd", text)
    assert warnings == ["theirs.yaml:4:5: warning: This mock is left out: it is of http."]
    first, second, third, watch, talk = found
    assert first["metadata"] == {"x-tenant": {"$prefix": "ac"}}
    assert first["response"] == {"text": "{{ uuid() }} for {{ request.user_id }}"}
    assert (second["request"], second["error"]) == ({"name": "b"}, {"code": "NOT_FOUND", "message": "no b"})
    assert third["response"] == {"text": "anyone"}
    assert (watch["interval"], len(watch["responses"])) == ("5ms", 2)
    assert talk["script"] == [{"on": [{"send": {"number": 1}}], "until": {}}, {"on": [{"send": {"number": 2}}]}]
    drafts, _ = read("mockd", text)
    call = Playbook(engine(drafts), "market.Market/Talk")
    for number in (1, 2, 2):
        call.sends({}).gets({"number": number})
    assert call.half_closes().finish().code.name == "OK"


def test_microcks() -> None:
    text = """
apiVersion: mocks.microcks.io/v1alpha1
kind: APIExamples
metadata: {name: market.Market, version: v1}
operations:
  Order:
    Ann:
      request: {body: {name: Ann}}
      response:
        body: |-
          {"number": {{ randomInt(5,10) }}, "text": "{{ request.body/userId }}"}
    Bob:
      request: {body: '{"name": "Bob"}'}
      response: {status: 5, body: nobody}
  GET /pets:
    all: {request: {}, response: {}}
"""
    found, warnings = keys("microcks", text)
    assert found == [
        {
            "name": "Ann",
            "request": {"name": "Ann"},
            "response": {"number": "{{ random.int(5,10) }}", "text": "{{ request.user_id }}"},
        },
        {"name": "Bob", "request": {"name": "Bob"}, "error": {"code": "NOT_FOUND", "message": "nobody"}},
    ]
    assert "The operation 'GET /pets' is left out" in warnings[0]


def test_mockserver() -> None:
    text = json.dumps(
        [
            {
                "httpRequest": {"path": "/market.Market/Order", "headers": {"x-a": ["!b"]}, "body": {"name": "Ann"}},
                "httpResponse": {
                    "statusCode": 200,
                    "body": '{"text": "hi"}',
                    "delay": {"timeUnit": "SECONDS", "value": 1},
                },
                "times": {"remainingTimes": 2},
            },
            {
                "httpRequest": {"path": "/market.Market/Order", "body": {"type": "JSON_PATH", "jsonPath": "$.tags[*]"}},
                "httpResponse": {"headers": {"grpc-status": ["5"], "grpc-message": ["no"]}},
            },
            {
                "httpRequest": {
                    "path": "/market.Market/Order",
                    "body": {"type": "JSON", "json": {"name": "b"}, "matchType": "STRICT"},
                },
                "httpForward": {"host": "x"},
            },
            {
                "httpRequest": {"path": "/market.Market/Watch"},
                "grpcStreamResponse": {
                    "statusName": "DATA_LOSS",
                    "messages": [
                        {"json": '{"number": 1}'},
                        {"json": '{"number": 2}', "delay": {"timeUnit": "MILLISECONDS", "value": 5}},
                    ],
                },
            },
            {"httpRequest": {"path": "/hello"}, "httpResponse": {}},
        ]
    )
    found, warnings = keys("mockserver", text)
    bodies = [{key: one for key, one in stub.items() if key != "name"} for stub in found]
    assert bodies == [
        {
            "request": {"name": "Ann"},
            "metadata": {"x-a": {"$ne": "b"}},
            "times": 2,
            "delay": "1s",
            "response": {"text": "hi"},
        },
        {"request": {"tags": {"$exists": True}}, "error": {"code": "NOT_FOUND", "message": "no"}},
        {"request": {"$eq": {"name": "b"}}, "error": {"code": "UNIMPLEMENTED"}},
        {
            "script": [
                {"send": {"number": 1}},
                {"wait": "5ms"},
                {"send": {"number": 2}},
                {"error": {"code": "DATA_LOSS"}},
            ]
        },
    ]
    assert [warning.partition("warning: ")[2] for warning in warnings] == [
        "Order: `httpForward` is left out.",
        "Order: its answer is none of a gRPC method: UNIMPLEMENTED is answered.",
        "This expectation is left out: its path is no /package.Service/Method.",
    ]


LINES = """\
What we tried:

```console
$ grpcurl -plaintext -H 'x-tenant: acme' -H 'authorization: Bearer s3cret' -d '{"name": "Bob"}' \\
    localhost:50051 market.Market/Order
{
  "text": "hello Bob"
}
$ grpcurl -plaintext localhost:50051 list
market.Market
$ grpcurl -d '{"name": "x"}' localhost:50051 market.Market.Order
ERROR:
  Code: NotFound
  Message: no such basket
$ grpcurl -plaintext -d '{"name": "w"}' localhost:50051 market.Market/Watch
{"number": 1}
{"number": 2}
$ curl --json '{"name": "c"}' http://localhost:8080/market.Market/Order
{"code": "already_exists", "message": "there"}
$ curl -s http://localhost:8080/health
ok
$ grpcurl -d '{"name": "later"}' localhost:50051 market.Market/Order
```
"""


@pytest.mark.parametrize("name", ["grpcurl", "curl"])
def test_lines_of_grpcurl_and_curl(name: str) -> None:
    found, warnings = keys(name, LINES)
    bodies = [{key: one for key, one in stub.items() if key != "name"} for stub in found]
    assert bodies == [
        {
            "request": {"name": "Bob"},
            "metadata": {"x-tenant": "acme", "authorization": {"$exists": True}},
            "response": {"text": "hello Bob"},
        },
        {"request": {"name": "x"}, "error": {"code": "NOT_FOUND", "message": "no such basket"}},
        {"request": {"name": "w"}, "responses": [{"number": 1}, {"number": 2}]},
        {"request": {"name": "c"}, "error": {"code": "ALREADY_EXISTS", "message": "there"}},
        {"request": {"name": "later"}, "response": {}},
    ]
    assert warnings == [
        "notes.md:22:3: warning: No answer stands below this call: write it into `response`.",
    ]


def _entry(path: str, kind: str, sent: bytes, answered: bytes, **response: Any) -> dict[str, Any]:
    def content(data: bytes) -> dict[str, Any]:
        if "json" in kind and not kind.startswith("application/connect"):
            return {"mimeType": kind, "text": data.decode()}
        return {"mimeType": kind, "text": base64.b64encode(data).decode(), "encoding": "base64"}

    headers = [{"name": "Content-Type", "value": kind}]
    return {
        "request": {"method": "POST", "url": f"https://x.example{path}", "headers": headers, "postData": content(sent)},
        "response": {"status": 200, "headers": headers, "content": content(answered)} | response,
    }


def _framed(data: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(data).to_bytes(4, "big") + data


def test_har_of_grpc_web_and_connect() -> None:
    order, watch = (market().method(f"market.Market/{name}") for name in ("Order", "Watch"))
    sent: Any = order.request_class(name="Ann")
    answers = [watch.response_class(number=number).SerializeToString() for number in (1, 2)]
    web = b"".join(map(_framed, answers)) + _framed(b"grpc-status: 8\r\ngrpc-message: too%20much\r\n", 0x80)
    stream = _framed(b'{"number": 3}') + _framed(b'{"error": {"code": "aborted", "message": "cut"}}', 0x02)
    entries = [
        _entry("/market.Market/Watch", "application/grpc-web+proto", _framed(sent.SerializeToString()), web),
        _entry("/market.Market/Order", "application/json", b'{"name": "Bob"}', b'{"text": "hi"}'),
        _entry("/market.Market/Watch", "application/connect+json", _framed(b'{"name": "c"}'), stream),
        _entry("/market.Market/Order", "application/json", b'{"name": "x"}', b'{"code": "not_found"}', status=404),
        _entry("/rest/0.0.1/pets", "application/json", b"{}", b"{}"),
        _entry("/market.Market/Order", "application/grpc-web+proto", b"\x00\x00", b""),
    ]
    found, warnings = keys("har", json.dumps({"log": {"entries": entries}}))
    bodies = [{key: one for key, one in stub.items() if key != "name"} for stub in found]
    assert bodies == [
        {
            "request": {"name": "Ann"},
            "responses": [{"number": 1}, {"number": 2}],
            "error": {"code": "RESOURCE_EXHAUSTED", "message": "too much"},
        },
        {"request": {"name": "Bob"}, "response": {"text": "hi"}},
        {"request": {"name": "c"}, "responses": [{"number": 3}], "error": {"code": "ABORTED", "message": "cut"}},
        {"request": {"name": "x"}, "error": {"code": "NOT_FOUND"}},
    ]
    assert [warning.partition("warning: ")[2] for warning in warnings] == [
        "Order: This call is left out: its body ends within a frame."
    ]


def test_har_needs_the_protos_for_binary_messages() -> None:
    entry = _entry("/market.Market/Order", "application/grpc-web+proto", _framed(b""), _framed(b""))
    _, warnings = read("har", json.dumps({"log": {"entries": [entry]}}), protos=False)
    assert "binary, and no protos were given" in warnings[0]


def test_each_tool_that_is_recognized_has_a_reader_or_another_command() -> None:
    assert {tool.name for tool in TOOLS if not tool.command} <= FORMATS.keys()


@pytest.mark.parametrize(
    ("text", "here"),
    [
        ("100ms", "100ms"),
        ("1.5s", "1.5s"),
        ("1m30s", "90s"),
        ("1h", "1h"),
        ("250us", "250us"),
        ("0s", None),
        ("", None),
    ],
)
def test_durations_of_go(text: str, here: str | None) -> None:
    assert durations.of_go(text) == here


@pytest.mark.parametrize("text", ["soon", "-1s", "5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        durations.of_go(text)


def test_a_method_that_the_protos_lack_is_told() -> None:
    text = json.dumps({"request": {"method": "POST", "urlPath": "/market.Market/Ordr"}, "response": {}})
    _, warnings = read("wiremock", text, protos=False)
    assert warnings == []
    assert stub("wiremock", text, protos=False) == {"response": {}}
