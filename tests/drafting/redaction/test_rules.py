"""Rules: how they are written, what they fit, and that nothing of a secret is left."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import messages
from support import registry

from grpcmock.drafting.assembly import make_stub
from grpcmock.drafting.captured_call import CapturedCall, EventKind
from grpcmock.drafting.recorded_stub import RecordedStub, SkippedCall
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.drafting.stub_writer import StubWriter
from grpcmock.engine.compile import compile_stub
from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import ConfigError, Problems
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.schema import sources
from grpcmock.status import Code
from grpcmock.stubs.dump import to_yaml

PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";

service Shop { rpc Buy(Order) returns (Receipt); rpc Back(Receipt) returns (Order); }

message Card { string number = 1; int32 code = 2; bytes raw = 3 [debug_redact = true]; }
message Order {
  string id = 1; Card card = 2; repeated Card cards = 3; map<string, Card> wallet = 4; repeated string tags = 5;
  map<string, string> labels = 6; google.protobuf.Struct extra = 7; google.protobuf.Any any = 8; int64 total = 9;
  google.protobuf.Timestamp created_at = 10; string password = 11;
}
message Receipt {
  string id = 1; Card card = 2; google.protobuf.Timestamp created_at = 3; string trace = 4; int64 number = 5;
  repeated Card cards = 6; google.protobuf.Struct extra = 7; map<string, string> labels = 8; bool paid = 9;
}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("protos") / "shop.proto"
    file.write_text(PROTO)
    return sources.load([file])


def tell(
    shop: Any,
    order: dict[str, Any],
    receipt: dict[str, Any],
    *,
    redact: tuple[str, ...] = (),
    varying: tuple[str, ...] = (),
    **end: Any,
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Tell one call; gives its matching, its answer, and the whole stub as YAML."""
    from google.protobuf.json_format import ParseDict

    captured = CapturedCall("/shop.Shop/Buy", end.pop("metadata", ()), 0.0)
    captured.add(
        EventKind.REQUEST,
        ParseDict(order, shop.message("shop.Order")(), descriptor_pool=shop.pool).SerializeToString(),
        0,
    )
    captured.add(EventKind.HALF_CLOSE, None, 0)
    if headers := end.pop("headers", ()):
        captured.add(EventKind.HEADERS, headers, 0)
    if receipt or not end.get("code"):
        made = ParseDict(receipt, shop.message("shop.Receipt")(), descriptor_pool=shop.pool)
        captured.add(EventKind.RESPONSE, made.SerializeToString(), 0)
    match = end.pop("match", ())
    for key, value in end.items():
        setattr(captured, key, value)
    told = StubWriter(shop, Rules.parse(redact, varying), match_metadata=match).write(captured)
    assert isinstance(told, RecordedStub), told
    problems = Problems()
    stub = make_stub("it", told, [told], problems)
    assert stub is not None
    assert compile_stub(stub, shop, problems, layer=Layer.FILE, order=0, faults=AIO_FAULTS) is not None, list(problems)
    return told.matching, told.answer, to_yaml([stub])


# --- How they are written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("redact", "varying", "said"),
    [
        (["nonsense"], [], "--redact 'nonsense': A rule is metadata:KEY, field:PATH or pattern:REGEX"),
        (["metdata:x"], [], "Did you mean 'metadata'?"),
        (["field:"], [], "A rule is"),
        ([], ["field:=now"], "--ignore-varying 'field:=now': a key or a path is missing."),
        (["pattern:("], [], "'(' is no regular expression"),
        ([], ["field:x={gt: 1}"], "is no operator, such as {$gt: 0}"),
        (["a", "b"], ["c"], "--redact 'a'"),
    ],
)
def test_what_is_no_rule_is_told_at_once(redact: list[str], varying: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Rules.parse(redact, varying)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == len(redact) + len(varying)


def test_rules_that_fit_nothing_are_named_with_the_nearest_field(shop: Any) -> None:
    rules = Rules.parse(["field:shop.Card.numbre", "field:pasword", "metadata:x-*", "field:shop.Card.number"])
    nothing = "matched nothing that was recorded. No message type has such a field."
    assert rules.unused(shop) == [
        f"--redact 'field:shop.Card.numbre' {nothing} Did you mean 'shop.Card.number'?",
        f"--redact 'field:pasword' {nothing} Did you mean 'password'?",
        "--redact 'metadata:x-*' matched nothing that was recorded.",
        "--redact 'field:shop.Card.number' matched nothing that was recorded.",
    ]


# --- What they fit ----------------------------------------------------------------------------------------------------

ORDER = {"id": "o1", "card": {"number": "4111", "code": 7}}


@pytest.mark.parametrize(
    "rule", ["field:number", "field:shop.Card.number", "field:*.number", "field:shop.*.card.number"]
)
def test_a_secret_field_is_free_in_requests_and_all_else_is_held_to(shop: Any, rule: str) -> None:
    matching, answer, text = tell(shop, ORDER, {"card": {"number": "4111", "code": 7}}, redact=(rule,))
    assert matching == {"request": {"$only": {"id": "o1", "card": {"$only": {"number": {"$exists": True}, "code": 7}}}}}
    assert answer == {"response": {"card": {"number": "REDACTED", "code": 7}}}
    assert "ignore: [card.number]" in text
    assert "4111" not in text


@pytest.mark.parametrize(
    ("order", "pattern"),
    [
        (
            {"cards": [{"number": "1"}, {"code": 2}]},
            {"cards": [{"$only": {"number": {"$exists": True}}}, {"$eq": {"code": 2}}]},
        ),
        (
            {"wallet": {"a": {"number": "1"}}},
            {"wallet": {"$and": [{"$size": 1}, {"a": {"$only": {"number": {"$exists": True}}}}]}},
        ),
        ({"extra": {"number": "1", "b": 2}}, {"extra": {"number": {"$exists": True}, "b": 2.0}}),
        (
            {"any": {"@type": "type.googleapis.com/shop.Card", "number": "1"}},
            {"any": {"@type": "type.googleapis.com/shop.Card", "number": {"$exists": True}}},
        ),
    ],
)
def test_secret_fields_are_found_wherever_they_are(shop: Any, order: dict[str, Any], pattern: dict[str, Any]) -> None:
    matching, _, _ = tell(shop, order, {}, redact=("field:number",))
    assert matching["request"] == {"$only": pattern}


def test_whole_messages_lists_and_maps_are_redacted_in_their_shape(shop: Any) -> None:
    receipt = {
        "card": {"number": "1", "code": 5},
        "cards": [{"code": 6}],
        "labels": {"k": "v"},
        "extra": {"n": 1, "l": ["x"]},
        "number": "77",
        "paid": True,
        "createdAt": "2026-01-02T03:04:05Z",
    }
    fields = ("card", "cards", "labels", "extra", "number", "paid", "created_at")
    _, answer, _ = tell(shop, {"id": "1"}, receipt, redact=tuple(f"field:shop.Receipt.{name}" for name in fields))
    assert answer["response"] == {
        "card": {"number": "REDACTED", "code": 0},
        "cards": [{"code": 0}],
        "labels": {"REDACTED": "REDACTED"},
        "extra": {},
        "number": "0",
        "paid": False,
        "created_at": "1970-01-01T00:00:00Z",
    }


def test_what_is_not_compared_is_named_by_fields(shop: Any) -> None:
    receipt = {"card": {"number": "1"}, "cards": [{"number": "1"}], "extra": {"number": "1"}}
    _, _, text = tell(shop, {}, receipt, redact=("field:number",))
    assert "ignore: [card.number, cards.number, extra.number]" in text
    captured = CapturedCall("/shop.Shop/Back", (), 0.0)
    order = shop.message("shop.Order")
    order_with_map = order()
    order_with_map.wallet["k"].number = "1"
    captured.add(EventKind.REQUEST, b"", 0)
    captured.add(EventKind.RESPONSE, order_with_map.SerializeToString(), 0)
    told = StubWriter(shop, Rules.parse(["field:number"])).write(captured)
    assert isinstance(told, RecordedStub)
    assert told.ignored == ("wallet",)


def test_what_a_proto_marks_as_secret_is(shop: Any) -> None:
    order = {"card": {"raw": base64.b64encode(b"s3cr3t").decode()}}
    matching, answer, text = tell(shop, order, {"card": order["card"]})
    assert matching["request"] == {"$only": {"card": {"$only": {"raw": {"$exists": True}}}}}
    assert base64.b64decode(answer["response"]["card"]["raw"]) == b"REDACTED"
    assert base64.b64encode(b"s3cr3t").decode() not in text


def test_patterns_are_sought_in_every_text(shop: Any) -> None:
    raw = base64.b64encode(b"key=sk_live_1").decode()
    _, answer, text = tell(
        shop,
        {"id": "sk_live_1", "tags": ["a", "sk_live_2"], "labels": {"x": "sk_live_3"}, "extra": {"deep": ["sk_live_4"]}},
        {"id": "it is sk_live_5 {{ x }}", "extra": {"a": "sk_live_6"}, "labels": {"x": "sk_live_7"}},
        redact=("pattern:sk_live_\\d+",),
        headers=(("x-note", "see sk_live_8"), ("x-note-bin", base64.b64decode(raw))),
        trailers=(("x-end", "sk_live_9"),),
    )
    assert "sk_live" not in text
    assert raw not in text
    assert answer["headers"]["x-note"] == "see REDACTED"


def test_a_status_is_redacted_with_its_details(shop: Any) -> None:
    from google.rpc.error_details_pb2 import ErrorInfo
    from google.rpc.status_pb2 import Status

    status = Status(code=5, message="no sk_live_1")
    status.details.add().Pack(ErrorInfo(reason="sk_live_2"))
    trailers = (("grpc-status-details-bin", status.SerializeToString()), ("cookie", "sk_live_3"))
    _, answer, text = tell(
        shop,
        {"id": "1"},
        {},
        redact=("pattern:sk_live_\\d",),
        code=Code.NOT_FOUND,
        message="no sk_live_1",
        trailers=trailers,
    )
    assert answer["error"]["message"] == "no REDACTED"
    assert answer["error"]["details"][0]["reason"] == "REDACTED"
    assert "sk_live" not in text
    assert base64.b64encode(b"sk_live_2").decode()[:-2] not in text


@pytest.mark.parametrize(
    "key", ["authorization", "set-cookie", "x-api-key", "x-session-id", "x-auth-token", "x-amz-signature"]
)
def test_metadata_that_sound_secret_are_never_written(shop: Any, key: str) -> None:
    secret = ((key, "s3cr3t"), ("x-plain", "shown"))
    matching, answer, text = tell(
        shop, {}, {}, headers=secret, trailers=secret, metadata=secret, match=(key, "x-plain")
    )
    assert answer["headers"] == answer["trailers"] == {"x-plain": "shown"}
    assert matching["metadata"] == {key: {"$exists": True}, "x-plain": "shown"}
    assert "s3cr3t" not in text


def test_what_varies_becomes_a_template_or_an_operator(shop: Any) -> None:
    order = {"id": "6f1c9a52-9b0e-4a37-8a5e-0d5a2f2f7c11", "total": "5", "createdAt": "2026-01-01T00:00:00Z"}
    receipt = {
        "id": "6f1c9a52-9b0e-4a37-8a5e-0d5a2f2f7c12",
        "createdAt": "2026-01-01T00:00:00Z",
        "trace": "t-1",
        "number": "9",
    }
    matching, answer, text = tell(
        shop,
        order,
        receipt,
        varying=(
            "field:shop.Order.id",
            "field:total={$gt: 0}",
            "field:created_at=now",
            "field:shop.Receipt.id={{ request.id }}",
            "field:number",
            "pattern:^t-\\d+$={{ 't-' ~ call.count }}",
            "metadata:x-request-id=uuid",
            "metadata:x-took",
        ),
        headers=(("x-request-id", "1"), ("x-took", "12")),
    )
    assert matching["request"] == {
        "$only": {"id": {"$exists": True}, "total": {"$gt": 0}, "created_at": {"$exists": True}}
    }
    assert answer == {
        "headers": {"x-request-id": "{{ uuid() }}"},
        "response": {
            "id": "{{ request.id }}",
            "created_at": "{{ now() }}",
            "trace": "{{ 't-' ~ call.count }}",
            "number": "9",
        },
    }
    assert "ignore: [number]" in text


def test_a_template_that_fits_no_field_leaves_what_was_recorded(shop: Any) -> None:
    captured = CapturedCall("/shop.Shop/Buy", (), 0.0)
    captured.add(EventKind.REQUEST, b"", 0)
    captured.add(EventKind.RESPONSE, shop.message("shop.Receipt")(number=9).SerializeToString(), 0)
    told = StubWriter(shop, Rules.parse((), ["field:number={{ request.nothing }}"])).write(captured)
    assert isinstance(told, RecordedStub)
    assert told.answer == {"response": {"number": "9"}}
    assert "a template doesn't fit, response.number" in told.notes[0]


def test_fields_that_sound_secret_are_pointed_out(shop: Any) -> None:
    captured = CapturedCall("/shop.Shop/Buy", (), 0.0)
    captured.add(EventKind.REQUEST, shop.message("shop.Order")(password="x").SerializeToString(), 0)
    captured.add(EventKind.RESPONSE, b"", 0)
    writer = StubWriter(shop, Rules())
    writer.write(captured)
    assert writer.redactor.suspects == {"shop.Order.password"}


# --- Laws -------------------------------------------------------------------------------------------------------------

SECRET = "zq9Secret"


@given(st.data())
def test_nothing_of_a_redacted_text_is_left(data: st.DataObject) -> None:
    kitchen = registry("kitchen_sink.proto")
    method = kitchen.method("KitchenService/Unary")
    request, response = (data.draw(messages(cls, depth=3)) for cls in (method.request_class, method.response_class))
    _sow(request)
    _sow(response)
    captured = CapturedCall(method.path, (("x-a", SECRET),), 0.0)
    captured.add(EventKind.REQUEST, request.SerializePartialToString(), 0)
    captured.add(EventKind.HEADERS, (("x-h", SECRET),), 0)
    captured.add(EventKind.RESPONSE, response.SerializePartialToString(), 0)
    told = StubWriter(kitchen, Rules.parse([f"pattern:{SECRET}"]), match_metadata=["x-a"]).write(captured)
    assert isinstance(told, (RecordedStub, SkippedCall))
    if isinstance(told, SkippedCall):
        assert SECRET not in told.reason
        return
    problems = Problems()
    stub = make_stub("it", told, [told], problems)
    assert stub is not None
    text = to_yaml([stub])
    assert SECRET not in text
    assert base64.b64encode(SECRET.encode()).decode()[:-2] not in json.dumps([told.matching, told.answer])


def _sow(message: Any) -> None:
    """Put the secret into each text and each bytes field that is set."""
    for field, value in message.ListFields():
        if field.is_extension:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entry = field.message_type.fields_by_name
            if entry["key"].type == field.TYPE_STRING and entry["value"].type == field.TYPE_STRING:
                value[f"a {SECRET}"] = SECRET
            continue
        if field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                if not one.DESCRIPTOR.full_name.startswith("google.protobuf."):
                    _sow(one)
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            sown = SECRET if field.type == field.TYPE_STRING else SECRET.encode()
            if field.is_repeated:
                value[:] = [sown] * len(value)
            else:
                setattr(message, field.name, sown)
