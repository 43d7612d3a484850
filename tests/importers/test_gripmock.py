from __future__ import annotations

from typing import Any

import pytest
from engine.playbook import Playbook, ask
from importers.imported import engine, gripmock, read, stub

from grpcmock.importers.go_templates import Scope, Untranslatable, translate


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ({"equals": {"name": "Ann", "count": 2}}, {"name": "Ann", "count": 2}),
        ({"equals": {"userId": "u1"}}, {"userId": "u1"}),
        ({"equals": {"stall": {"town": "Rome", "number": 0}}}, {"stall": {"$eq": {"town": "Rome", "number": 0}}}),
        ({"equals": {"at": {"seconds": 1704110400, "nanos": 0}}}, {"at": "2024-01-01T12:00:00Z"}),
        ({"equals": {"wait": {"seconds": 1, "nanos": 500000000}}}, {"wait": "1.5s"}),
        ({"equals": {"mask": {"paths": ["name", "stall.town"]}}}, {"mask": "name,stall.town"}),
        ({"equals": {"nick": {"value": "A"}}}, {"nick": "A"}),
        (
            {"equals": {"extra": {"fields": {"beta": {"bool_value": True}, "level": {"numberValue": 2}}}}},
            {"extra": {"$eq": {"beta": True, "level": 2}}},
        ),
        (
            {"equals": {"more": {"type_url": "type.googleapis.com/google.protobuf.StringValue", "value": "CgR0ZXN0"}}},
            {"more": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "test"}},
        ),
        ({"equals": {"note": ""}}, {"note": {"$in": [None, ""]}}),
        (
            {"contains": {"tags": ["red"], "stall": {"town": "Oslo"}}},
            {"tags": {"$all": ["red"]}, "stall": {"town": "Oslo"}},
        ),
        ({"contains": {"stalls": [{"number": 1}]}}, {"stalls": {"$all": [{"number": 1}]}}),
        ({"matches": {"name": "^A", "kind": "FL"}}, {"name": {"$regex": "^A"}, "kind": "FLOWER"}),
        ({"matches": {"tags": ["^r", "e$"]}}, {"tags": {"$unordered": [{"$regex": "^r"}, {"$regex": "e$"}]}}),
        ({"matches": {"count": r"^\d+$"}}, {"count": {"$gte": 0}}),
        ({"glob": {"name": "user_*"}}, {"name": {"$regex": "^user_[^/]*$"}}),
        ({"equals": {"tags": ["a", "b"]}, "ignoreArrayOrder": True}, {"tags": {"$unordered": ["a", "b"]}}),
        (
            {"equals": {"count": 1}, "anyOf": [{"equals": {"name": "a"}}, {"matches": {"name": "^b"}}]},
            {"$and": [{"count": 1}, {"$or": [{"name": "a"}, {"name": {"$regex": "^b"}}]}]},
        ),
        ({"equals": {"name": "a"}, "matches": {"name": "^a"}}, {"name": {"$and": ["a", {"$regex": "^a"}]}}),
    ],
)
def test_matchers(written: dict[str, Any], pattern: Any) -> None:
    assert stub("gripmock", gripmock({"input": written})) == {"request": pattern, "response": {}}


def test_a_regular_expression_on_a_number_is_cel() -> None:
    found = stub("gripmock", gripmock({"input": {"matches": {"count": "^1"}}}))
    assert found == {"when": 'string(request.count).matches("^1")', "response": {}}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"input": {"equals": {"nmae": "x"}}}, "market.Basket has no field 'nmae'"),
        ({"input": {"equals": {"name": 5}}}, "market.Basket.name is a string, which no int is equal to"),
        ({"input": {"matches": {"gift": "true"}}}, "is a bool, which GripMock compares with no regular expression"),
        ({"inputs": []}, "`inputs` is empty"),
        ({"inputs": [{"equals": {"count": 1}}, {"equals": {"count": 2}}]}, "`inputs` are several, but the client"),
    ],
)
def test_what_fits_no_call_is_left_out_and_told(written: dict[str, Any], reason: str) -> None:
    drafts, warnings = read("gripmock", gripmock(written))
    assert drafts == []
    (warning,) = warnings
    assert "left out, since no call fits it in GripMock either" in warning
    assert reason in warning
    assert warning.startswith("theirs.yaml:")


def test_headers_and_sessions() -> None:
    written = {"headers": {"contains": {"X-Tenant": "acme"}, "matches": {"authorization": "^Bearer "}}, "session": "s1"}
    found = stub("gripmock", gripmock(written))
    assert found["metadata"] == {
        "x-tenant": "acme",
        "authorization": {"$regex": "^Bearer "},
        "x-gripmock-session": "s1",
    }
    drafts, _ = read("gripmock", gripmock({"headers": {"anyOf": [{"equals": {"a": "1"}}, {"equals": {"b": "2"}}]}}))
    assert [draft.keys["metadata"] for draft in drafts] == [{"a": "1"}, {"b": "2"}]


@pytest.mark.parametrize(
    ("method", "output", "answer"),
    [
        ("Order", {"data": {"text": "hi"}, "delay": "1m30s"}, {"delay": "90s", "response": {"text": "hi"}}),
        ("Order", {"error": "no", "code": 5}, {"error": {"code": "NOT_FOUND", "message": "no"}}),
        ("Order", {"error": "no"}, {"error": {"code": "ABORTED", "message": "no"}}),
        (
            "Order",
            {"code": 3, "details": [{"type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}]},
            {
                "error": {
                    "code": "INVALID_ARGUMENT",
                    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}],
                }
            },
        ),
        (
            "Order",
            {"data": {}, "headers": {"X-A": "1;2", "content-type": "x"}, "trailers": {"x-b": "3"}},
            {"headers": {"x-a": ["1", "2"]}, "response": {}, "trailers": {"x-b": "3"}},
        ),
        (
            "Watch",
            {"stream": [{"number": 1}, {"number": 2}], "delay": "5ms", "error": "lost", "code": 15},
            {
                "delay": "5ms",
                "interval": "5ms",
                "responses": [{"number": 1}, {"number": 2}],
                "error": {"code": "DATA_LOSS", "message": "lost"},
            },
        ),
        (
            "Watch",
            {"stream": [{"number": 1}, {"_gripmock": {"delay": "2ms", "error": "over", "code": 8}}, {"number": 3}]},
            {
                "script": [
                    {"send": {"number": 1}},
                    {"wait": "2ms"},
                    {"error": {"code": "RESOURCE_EXHAUSTED", "message": "over"}},
                ]
            },
        ),
        ("Watch", {"stream": []}, {"responses": []}),
        (
            "Order",
            {"data": {"text": "{{.Request.name | upper}}"}},
            {"response": {"text": "{{ request.name | upper }}"}},
        ),
        ("Watch", {"stream": [{"text": "{{.MessageIndex}}"}]}, {"responses": [{"text": "{{ 0 }}"}]}),
    ],
)
def test_answers(method: str, output: dict[str, Any], answer: Any) -> None:
    assert stub("gripmock", gripmock({"method": method, "output": output})) == answer


@pytest.mark.parametrize(
    ("go", "jinja"),
    [
        ("Hello {{.Request.name}}!", "Hello {{ request.name }}!"),
        ('{{index .Headers "X-User"}}', '{{ metadata["x-user"] }}'),
        ('{{.Request.user_id | split "_" | index 1 | title}}', '{{ request.user_id.split("_")[1] | title }}'),
        ("{{(index .Requests 0).value}}", "{{ requests[0].value }}"),
        ("{{sum (extract .Requests `value`)}}", '{{ (requests | map(attribute="value") | list) | sum }}'),
        ("{{mul (extract .Requests `value`)}}", "{{ requests[0].value * requests[1].value }}"),
        ("{{mul (len .Request.items) 25.50}}", "{{ (request.items | length) * 25.50 }}"),
        ("{{div .Request.a .Request.b}}", "{{ request.a / request.b if request.b else 0 }}"),
        ('{{if eq .Request.a "x"}}A{{else}}B{{end}}', '{% if request.a == "x" %}A{% else %}B{% endif %}'),
        ("{{range $i, $x := .Request.tags}}{{$x}}{{end}}", "{% for x in request.tags %}{{ x }}{% endfor %}"),
        ('{{now | format "2006-01-02T15:04:05Z"}}', '{{ now().strftime("%Y-%m-%dT%H:%M:%SZ") }}'),
        ("{{faker.Person.FirstName}}", "{{ fake.first_name() }}"),
        ("{{faker.Commerce.Price 5 100}}", "{{ random.float(5, 100) | round(2) }}"),
        ("{{.AttemptNumber}} of {{.MaxAttempts}}", "{{ call.count }} of {{ 3 }}"),
    ],
)
def test_templates(go: str, jinja: str) -> None:
    assert translate(go, Scope(count=2, constants={"MaxAttempts": "3"})) == jinja


@pytest.mark.parametrize(
    "go", ["{{sha256 .Request.a}}", "{{.State}}", "{{if .Request.a}}x", "{{with .Request}}{{end}}"]
)
def test_templates_without_a_counterpart(go: str) -> None:
    with pytest.raises(Untranslatable):
        translate(go, Scope())


def test_a_field_whose_template_has_no_counterpart_is_left_out_and_told() -> None:
    drafts, warnings = read(
        "gripmock", gripmock({"output": {"data": {"text": "{{sha256 .Request.name}}", "number": 1}}})
    )
    assert drafts[0].keys["response"] == {"number": 1}
    assert "there is no counterpart to the function `sha256`" in warnings[0]
    assert any("Not as in GripMock" in comment for comment in drafts[0].comments)


def test_bare_templates_and_functions_of_constants_in_yaml() -> None:
    text = """
- service: market.Market
  method: Order
  input:
    equals:
      photo: {{ string2base64 "hi" }}
  output:
    data:
      text: {{ .Request.name }}
"""
    found = stub("gripmock", text)
    assert found == {"request": {"photo": "aGk="}, "response": {"text": "{{ request.name }}"}}


def test_a_client_stream_is_matched_as_a_whole_or_by_any_message() -> None:
    stubs: list[Any] = [
        {"method": "Fill", "inputs": [{"equals": {"name": "a"}}, {"matches": {"name": "^b"}}]},
        {"method": "Fill", "inputs": [{"equals": {"kind": "FRUIT"}}], "output": {"data": {"text": "fruit"}}},
        {"method": "Fill", "input": {"equals": {"name": "z"}}, "output": {"data": {"text": "z"}}},
    ]
    drafts, warnings = read("gripmock", gripmock(*stubs))
    assert warnings == []
    found = [draft.keys["requests"] for draft in drafts]
    assert found == [
        [{"name": "a"}, {"name": {"$regex": "^b"}}],
        {"$each": {"kind": "FRUIT"}, "$size": {"$gte": 1}},
        {"$last": {"name": "z"}},
        {"$some": {"name": "z"}},
    ]


def test_a_conversation_of_inputs_parts_where_stubs_do() -> None:
    def talk(*names: str) -> dict[str, Any]:
        return {
            "method": "Talk",
            "inputs": [{"equals": {"name": name}} for name in names],
            "output": {"stream": [{"text": f"{name} in {'/'.join(names)}"} for name in names]},
        }

    drafts, warnings = read("gripmock", gripmock(talk("hello", "how"), talk("hello", "bye"), talk("good")))
    assert warnings == []
    made = engine(drafts)
    call = Playbook(made, "market.Market/Talk").sends({"name": "hello"}).gets({"text": "hello in hello/how"})
    call.sends({"name": "bye"}).gets({"text": "bye in hello/bye"})
    assert call.sends({"name": "bye"}).finish().code.name == "NOT_FOUND"
    call = Playbook(made, "market.Market/Talk").sends({"name": "good"}).gets({"text": "good in good"})
    assert call.half_closes().finish().code.name == "OK"


def test_stubs_of_input_answer_each_message_of_a_conversation() -> None:
    stubs: list[Any] = [
        {"method": "Talk", "input": {"equals": {"name": name}}, "output": {"data": {"text": f"{name}!"}}}
        for name in ("a", "b")
    ]
    drafts, _ = read("gripmock", gripmock(*stubs, {"method": "Talk", "output": {"error": "who?", "code": 5}}))
    assert len(drafts) == 1
    call = Playbook(engine(drafts), "market.Market/Talk")
    for name in ("b", "a", "b"):
        call.sends({"name": name}).gets({"text": f"{name}!"})
    assert call.sends({"name": "c"}).finish().message == "who?"


def test_effects_are_states() -> None:
    done = {"id": "D1", "service": "market.Market", "method": "Order", "input": {"equals": {"name": "get"}}}
    stubs: list[Any] = [
        {
            "id": "C1",
            "input": {"equals": {"name": "do"}},
            "output": {"data": {"text": "did"}},
            "effects": [
                {"action": "upsert", "stub": {**done, "output": {"data": {"text": "done"}}}},
                {"action": "delete", "id": "C1"},
            ],
        },
        {**done, "output": {"data": {"text": "not yet"}}},
    ]
    drafts, warnings = read("gripmock", gripmock(*stubs))
    assert warnings == []
    made = engine(drafts)
    method = "market.Market/Order"
    ask(made, method, {"name": "get"}).gets({"text": "not yet"})
    ask(made, method, {"name": "do"}).gets({"text": "did"})
    ask(made, method, {"name": "get"}).gets({"text": "done"})
    assert ask(made, method, {"name": "do"}).finish().code.name == "UNIMPLEMENTED"


def test_effects_that_rest_on_the_call_are_told() -> None:
    effect = {
        "action": "upsert",
        "stub": {"service": "market.Market", "method": "Order", "output": {"data": {"text": "{{.Request.name}}"}}},
    }
    drafts, warnings = read("gripmock", gripmock({"effects": [effect]}))
    assert len(drafts) == 1
    assert "its effects are left out: the stub of an `upsert` is made from the call" in warnings[0]


def test_times_and_what_follows() -> None:
    stubs: list[Any] = [
        {
            "priority": 10,
            "input": {"equals": {"name": "a"}},
            "options": {"times": 1},
            "output": {"error": "x", "code": 14},
        },
        {"priority": 1, "input": {"equals": {"name": "a"}}, "output": {"data": {"text": "ok"}}},
    ]
    drafts, _ = read("gripmock", gripmock(*reversed(stubs)))
    made = engine(drafts)
    assert "priority" not in drafts[0].keys, "the order of the file does it"
    assert ask(made, "market.Market/Order", {"name": "a"}).finish().message == "x"
    ask(made, "market.Market/Order", {"name": "a"}).gets({"text": "ok"})


def test_times_of_a_stub_that_becomes_several_are_told() -> None:
    anyof = {"anyOf": [{"equals": {"a": "1"}}, {"equals": {"b": "2"}}]}
    drafts, warnings = read("gripmock", gripmock({"headers": anyof, "options": {"times": 1}}))
    assert len(drafts) == 2
    assert "`times` is counted for each of the stubs that this one becomes" in warnings[0]


def test_a_priority_is_written_where_the_number_of_conditions_would_decide_otherwise() -> None:
    nested = {"contains": {"stall": {"town": "Rome", "number": 1}}}
    flat = {"equals": {"name": "a", "count": 1}}
    drafts, _ = read("gripmock", gripmock({"input": nested}, {"input": flat}))
    assert [draft.keys.get("priority") for draft in drafts] == [None, None]
    drafts, _ = read("gripmock", gripmock({"input": nested}, {"input": {"equals": {"name": "b"}}}))
    assert [draft.keys.get("priority") for draft in drafts] == [1, None]
    deep = {"contains": {"stall": {"town": "Rome", "number": 1}, "labels": {"a": "x", "b": "y"}}}
    drafts, _ = read(
        "gripmock", gripmock({"input": deep}, {"input": {"equals": {"name": "a", "count": 1, "gift": True}}})
    )
    assert [draft.keys.get("priority") for draft in drafts] == [1, None]
    assert "name" in drafts[0].keys["request"]


def test_the_older_gripmock_compares_the_whole_message() -> None:
    found = stub("gripmock", gripmock({"input": {"equals_unordered": {"tags": ["a", "b"]}}}))
    assert found["request"] == {"$only": {"tags": {"$unordered": ["a", "b"]}}}


def test_without_protos_it_is_guessed_from_the_stub() -> None:
    drafts, warnings = read(
        "gripmock", gripmock({"input": {"equals": {"a": 1}}, "output": {"stream": [{}, {}]}}), protos=False
    )
    assert warnings == []
    assert drafts[0].keys["responses"] == [{}, {}]
