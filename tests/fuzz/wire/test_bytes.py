"""What is malformed is refused by protobuf's parser, and what isn't canonical decodes to an equal message."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import messages
from support import registry

from grpcmock.fuzz.checks.response_values import _undecodable
from grpcmock.fuzz.wire import framing, requests
from grpcmock.fuzz.wire.encoding import free_number, group_depth, is_map, read_varint, records, varint, wrapped
from grpcmock.fuzz.wire.malformed import BAD_TEXTS, DEEPEST, DEPTHS, bad_texts, deepest, malformed, too_deep
from grpcmock.fuzz.wire.non_canonical import non_canonical
from grpcmock.fuzz.wire.variants import shown

FILES = ("user", "kitchen_sink", "legacy", "editions2023", "editions2024", "required", "rules")
TYPES = [
    registry(f"{file}.proto").message(name)
    for file in FILES
    for name in registry(f"{file}.proto").message_names()
    if not name.startswith(("google.", "buf."))
]
EVERYTHING = registry().message("kitchen.Everything")


def canonical(message: Any) -> bytes:
    return bytes(message.SerializePartialToString(deterministic=True))


def known(message_class: Any, data: bytes) -> bytes:
    """What a message says, without the fields that its type doesn't know; bytes, for NaN differs from itself."""
    message = message_class.FromString(data)
    message.DiscardUnknownFields()
    return canonical(message)


@settings(max_examples=60)
@given(st.data())
def test_what_is_malformed_is_refused(data: st.DataObject) -> None:
    message_class = data.draw(st.sampled_from(TYPES))
    good = canonical(data.draw(messages(message_class)))
    descriptor: Any = message_class.DESCRIPTOR
    variants = [*malformed(descriptor, good), *bad_texts(descriptor, good), *too_deep(descriptor, good)]
    assert len({variant.name for variant in variants}) == len(variants)
    for variant in variants:
        with pytest.raises((DecodeError, RecursionError)):
            message_class.FromString(variant.data)
            pytest.fail(f"{variant.name} of {descriptor.full_name} was accepted: {variant.data[:60]!r}")


@settings(max_examples=60)
@given(st.data())
def test_what_is_odd_says_the_same(data: st.DataObject) -> None:
    message_class = data.draw(st.sampled_from(TYPES))
    descriptor: Any = message_class.DESCRIPTOR
    variants = list(non_canonical(descriptor, canonical(data.draw(messages(message_class)))))
    assert len({variant.name for variant in variants}) == len(variants)
    for variant in variants:
        assert variant.data != variant.canonical, variant.name
        assert known(message_class, variant.data) == known(message_class, variant.canonical), variant.name


@settings(max_examples=100)
@given(st.sampled_from(TYPES).flatmap(messages))
def test_records_are_read_and_written_back(message: Any) -> None:
    data = canonical(message)
    assert b"".join(record.encoded() for record in records(data)) == data


@given(st.integers(0, 2**64 - 1), st.integers(0, 10))
def test_varints(number: int, width: int) -> None:
    data = varint(number, width)
    assert read_varint(data, 0) == (number, len(data))
    assert len(data) >= width
    assert varint(-1) == b"\xff" * 9 + b"\1"


@pytest.mark.parametrize("message_class", TYPES, ids=lambda c: c.DESCRIPTOR.full_name)
def test_a_free_number_is_nobodys(message_class: Any) -> None:
    descriptor = message_class.DESCRIPTOR
    pool = descriptor.file.pool
    for start in (15_000, 100, 1):
        number = free_number(descriptor, start)
        for each in (number, number + 1):
            assert each not in descriptor.fields_by_number
            assert not any(low <= each < high for low, high in descriptor.extension_ranges)
    assert pool is not None


def test_every_sort_of_oddity_is_made_for_a_type_that_has_it_all() -> None:
    rules = {variant.rule for variant in non_canonical(EVERYTHING.DESCRIPTOR, b"")}  # type: ignore[arg-type]
    names = "unknown last_wins default wide oneof packing merge map wrong_type"
    assert rules == {f"wire.{name}" for name in names.split()}
    good = canonical(EVERYTHING(f_string="a", f_int32=1, f_message={"name": "n", "number": 1}))
    rules |= {variant.rule for variant in non_canonical(EVERYTHING.DESCRIPTOR, good)}  # type: ignore[arg-type]
    assert {"wire.order", "wire.padding"} <= rules


def test_text_is_spoiled_in_every_sort_of_field() -> None:
    found = list(bad_texts(EVERYTHING.DESCRIPTOR, b""))  # type: ignore[arg-type]
    paths = {shown(variant.path) for variant in found}
    assert {"f_string", "f_message.name", "r_string", "m_string_string.key"} <= paths
    assert len([v for v in found if v.path == ("f_string",)]) == len(BAD_TEXTS)


def test_text_that_nobody_validates_is_left_alone() -> None:
    legacy = registry("legacy.proto").message("legacy.Required")
    assert not list(bad_texts(legacy.DESCRIPTOR, b""))  # type: ignore[arg-type]


def test_depth_goes_through_the_types_own_fields() -> None:
    nested = {v.name: v for v in too_deep(EVERYTHING.DESCRIPTOR, b"") if v.name.startswith("nested")}  # type: ignore[arg-type]
    assert set(nested) == {f"nested-{depth}" for depth in DEPTHS}
    body, depth = nested["nested-1000"].data, 0
    while body:
        (record,) = records(body)
        body, depth = record.value, depth + 1
    assert depth == 1000


def test_what_is_put_into_a_map_has_a_key() -> None:
    descriptor: Any = EVERYTHING.DESCRIPTOR
    maps = [field for field in descriptor.fields if is_map(field)]
    values = {field.name: field.message_type.fields_by_name["value"] for field in maps}
    found = {name for name, value in values.items() if value.message_type is not None}
    assert found
    for field in maps:
        if field.name in found:
            (entry,) = records(wrapped((field, values[field.name]), b""))
            assert [record.number for record in records(entry.value)] == [1, 2]


def test_a_type_without_fields_is_spoiled_too() -> None:
    nothing = registry().method("KitchenService/Nothing").input
    empty = message_factory.GetMessageClass(nothing)
    for variant in malformed(nothing, b""):
        with pytest.raises(DecodeError):
            empty.FromString(variant.data)


def test_the_deepest_message_is_taken_by_protobuf_and_fills_what_is_allowed() -> None:
    found = deepest(EVERYTHING.DESCRIPTOR, b"")  # type: ignore[arg-type]
    assert found is not None
    message, depth = EVERYTHING.FromString(found.data), 0
    while message.ListFields():
        (_, inner), *_ = message.ListFields()
        message, depth = (inner[0] if hasattr(inner, "extend") else inner), depth + 1
    assert DEEPEST - 2 <= depth <= DEEPEST
    assert deepest(registry("user.proto").message("user.GetUserRequest").DESCRIPTOR, b"") is None  # type: ignore[arg-type]


def test_a_request_without_messages_ends_with_a_frame_of_its_own() -> None:
    """grpc-go doesn't tell a handler of an end that came with the headers."""
    request = requests.good("/user.UserService/CreateUsers")
    assert (request.chunks, request.end_stream) == ((b"",), True)
    for variant in framing.broken("/user.UserService/CreateUsers", b"\x08\5"):
        assert len(variant.request.chunks) == 1


@pytest.mark.parametrize(
    ("data", "depth"),
    [
        (b"", 0),
        (b"\x08\x05", 0),
        (b"\x0a\x02ab\x4b\x4c", 1),
        (b"\x4b" * 20_000 + b"\x4c" * 20_000, 20_000),
        (b"\x4b\x08\x05\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x4c", 1),
        (b"\x4b" * 200 + b"\x4c" * 199, 0),  # one isn't ended
        (b"\x4b\x54", 0),  # ended by another
        (b"\x4c", 0),
        (b"\x4b\x4c\x0a\x05ab", 0),  # cut short
        (b"\x4b\x4c\x0f", 0),  # no type
    ],
)
def test_groups_inside_each_other_are_counted_without_a_bound(data: bytes, depth: int) -> None:
    assert group_depth(data) == depth


@pytest.mark.parametrize(
    ("data", "is_read"),
    [
        (b"\x4b" * 20_000 + b"\x4c" * 20_000, True),  # what somebody had sent, as it was kept
        (b"\x4b" * 20_000 + b"\x4c" * 19_999, False),
        (b"\x0a\x05ab", False),
    ],
)
def test_a_response_that_is_merely_too_deep_for_us_is_one(data: bytes, is_read: bool) -> None:
    method = registry("user.proto").method("UserService/GetUser")
    assert (not _undecodable(method, data)) is is_read
