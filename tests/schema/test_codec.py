"""Messages, their ProtoJSON and their bytes are the same thing in three forms."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import messages
from support import registry

from grpcmock.errors import Problems, SchemaError
from grpcmock.schema import Registry, codec
from grpcmock.tree import Node

FILES = ("kitchen_sink.proto", "legacy.proto", "editions2023.proto", "editions2024.proto", "user.proto")
ALL = registry(*FILES)
KITCHEN = registry()
EVERYTHING: Any = KITCHEN.message("kitchen.Everything")
CLASSES = [ALL.message(name) for name in ALL.message_names()]


def build(tree: Any, message_class: Any = EVERYTHING, from_registry: Registry = KITCHEN) -> Any:
    problems = Problems()
    message = codec.build(Node.of(tree), message_class, from_registry, problems)
    assert not list(problems), list(map(str, problems))
    return message


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CLASSES).flatmap(messages))
def test_a_message_comes_back_from_its_tree(message: Message) -> None:
    tree = codec.to_tree(message)
    assert build(tree, type(message), ALL) == message
    assert build(json.loads(json.dumps(tree)), type(message), ALL) == message


@settings(max_examples=100, deadline=None)
@given(messages(EVERYTHING))
def test_the_tree_is_the_protojson_that_protobuf_itself_reads(message: Any) -> None:
    again = json_format.ParseDict(codec.to_tree(message), EVERYTHING(), descriptor_pool=KITCHEN.pool)
    # Its reader of FieldMask and ours agree on the paths that can be said in JSON, as all those drawn can.
    assert again == message


@settings(max_examples=100, deadline=None)
@given(messages(EVERYTHING))
def test_what_protobuf_itself_writes_is_read(message: Any) -> None:
    for names in (True, False):
        written = json_format.MessageToDict(
            message,
            preserving_proto_field_name=names,
            descriptor_pool=KITCHEN.pool,
            always_print_fields_with_no_presence=True,
        )
        assert build(written) == message


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(CLASSES))
def test_any_bytes_are_decoded_or_refused_and_what_is_decoded_can_be_shown(data: bytes, message_class: Any) -> None:
    try:
        message = codec.decode(message_class, data)
    except codec.DecodeError:
        return
    json.dumps(codec.to_tree(message))
    codec.to_text(message)


@pytest.mark.parametrize(
    ("message", "tree"),
    [
        (EVERYTHING(), {}),
        (EVERYTHING(f_int64=2**53 + 1, o_uint64=0), {"f_int64": "9007199254740993", "o_uint64": "0"}),
        (EVERYTHING(f_float=0.1, f_double=0.1), {"f_double": 0.1, "f_float": 0.1}),
        (EVERYTHING(f_float=16777216.0, r_float=[1 / 3]), {"f_float": 16777216.0, "r_float": [0.33333334]}),
        (
            EVERYTHING(f_double=math.inf, r_float=[-math.inf, math.nan]),
            {"f_double": "Infinity", "r_float": ["-Infinity", "NaN"]},
        ),
        (EVERYTHING(f_bytes=b"\xfb\xff", f_string="ü"), {"f_string": "ü", "f_bytes": "+/8="}),
        (
            EVERYTHING(f_enum=1, r_enum=[5, 99], size=1),
            {"f_enum": "COLOR_RED", "r_enum": ["COLOR_BLUE", 99], "size": "SIZE_BIG"},
        ),
        (
            EVERYTHING(m_bool_bool={True: False}, m_int32_string={-1: "x"}),
            {"m_int32_string": {"-1": "x"}, "m_bool_bool": {"true": False}},
        ),
        (EVERYTHING(c_null=0), {"c_null": None}),
        (EVERYTHING(renamed="x", camelCase="y"), {"renamed": "x", "camelCase": "y"}),
        (EVERYTHING(w_timestamp={"seconds": 2**60}), {"w_timestamp": {"seconds": str(2**60), "nanos": 0}}),
        (EVERYTHING(w_duration={"seconds": 1, "nanos": -1}), {"w_duration": {"seconds": "1", "nanos": -1}}),
        (
            EVERYTHING(w_any={"type_url": "x/no.Such", "value": b"\x00"}),
            {"w_any": {"@type": "x/no.Such", "value": "AA=="}},
        ),
        (EVERYTHING(w_any={}), {"w_any": {}}),
        (EVERYTHING(wr_value=[{}]), {"wr_value": [None]}),
    ],
    ids=lambda value: "" if isinstance(value, Message) else str(value)[:40],
)
def test_trees(message: Any, tree: Any) -> None:
    assert codec.to_tree(message) == tree


def test_an_any_that_holds_what_is_not_its_type_is_shown_raw() -> None:
    message = EVERYTHING(w_any={"type_url": "x/kitchen.Nested", "value": b"\xff"})
    assert codec.to_tree(message) == {"w_any": {"@type": "x/kitchen.Nested", "value": "/w=="}}


def test_anys_and_values_nested_without_end_are_shown() -> None:
    inner = EVERYTHING()
    for _ in range(400):
        outer = EVERYTHING()
        outer.w_any.Pack(inner)
        inner = outer
    codec.to_text(inner)
    value = EVERYTHING().w_value
    message: Any = type(value)()
    deepest = message
    for _ in range(500):
        deepest = deepest.list_value.values.add()
    codec.to_text(message)


def test_messages_nested_without_end_are_shown() -> None:
    message = EVERYTHING()
    deepest = message
    for _ in range(2000):
        deepest = deepest.f_self
    deepest.f_int32 = 1
    assert "…" in json.dumps(codec.to_tree(message), ensure_ascii=False)


def test_the_error_details_that_no_proto_imports_are_shown_in_an_any() -> None:
    from google.rpc.error_details_pb2 import ErrorInfo

    message = EVERYTHING()
    message.w_any.Pack(ErrorInfo(reason="GONE"))
    tree = codec.to_tree(message)
    assert tree == {"w_any": {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE"}}
    assert build(tree) == message


@pytest.mark.parametrize(("limit", "text"), [(100, '{"f_string": "añb"}'), (12, '{"f_string"…'), (1, "…")])
def test_text_is_one_line_cut_at_the_limit(limit: int, text: str) -> None:
    assert codec.to_text(EVERYTHING(f_string="añb"), limit) == text
    assert len(text) <= limit


@pytest.mark.parametrize("data", [b"\xff", b"\x0d\x01", b"\x72\x01\xff"], ids=["tag", "length", "utf-8"])
def test_bytes_that_are_no_message_are_refused_with_the_name_of_the_type(data: bytes) -> None:
    with pytest.raises(codec.DecodeError, match=r"bytes? (is|are) not a valid kitchen.Everything: ") as raised:
        codec.decode(EVERYTHING, data)
    assert isinstance(raised.value, SchemaError)
    assert codec.try_decode(EVERYTHING, data) is None


def test_bytes_that_are_a_message_are_decoded_either_way() -> None:
    data = EVERYTHING(f_string="añb").SerializeToString()
    assert codec.try_decode(EVERYTHING, data) == codec.decode(EVERYTHING, data) == EVERYTHING(f_string="añb")


def test_a_message_nested_too_deep_is_refused() -> None:
    message = EVERYTHING()
    deepest = message
    for _ in range(150):
        deepest = deepest.f_self
    deepest.f_int32 = 1
    with pytest.raises(codec.DecodeError):
        codec.decode(EVERYTHING, message.SerializeToString())
