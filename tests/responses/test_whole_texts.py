"""A text with a template in the place of a whole message, where the ProtoJSON of its type is a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive, Send
from grpcmock.errors import Problems, StubError
from grpcmock.schema import Registry, sources
from grpcmock.stubs import loader

TYPES = ("StringValue", "Timestamp", "Duration", "FieldMask", "BytesValue", "Value", "Int64Value", "Struct")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("protos") / "whole.proto"
    files = ("wrappers", "timestamp", "duration", "field_mask", "struct")
    imports = "".join(f'import "google/protobuf/{name}.proto";' for name in files)
    methods = "".join(f"rpc {name}(google.protobuf.StringValue) returns (google.protobuf.{name});" for name in TYPES)
    path.write_text(f'syntax = "proto3"; package whole; {imports} service S {{ {methods} }}')
    return sources.load([path])


def answered(registry: Registry, type_: str, text: str, request: str) -> Any:
    stubs = loader.load_text(f"- {{method: whole.S/{type_}, response: {text!r}}}", "s.yaml", Problems())
    method = registry.method(f"whole.S/{type_}")
    exchange = Engine(registry, stubs).open(Open(method.path))
    events: Iterator[Any] = iter((Message(method.request_class(value=request).SerializeToString()), HALF_CLOSE))
    found = None
    step = exchange.resume()
    while not isinstance(step, Finish):
        if isinstance(step, Send):
            found = json_format.MessageToDict(method.response_class.FromString(step.data))
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)
    return found if found is not None else step.message


@pytest.mark.parametrize(
    ("type_", "text", "request_text", "expected"),
    [
        ("StringValue", "Hello {{ request }}", "Ann", "Hello Ann"),
        ("StringValue", "{{ request }}", "Ann", "Ann"),
        ("Timestamp", "2024-01-0{{ request }}T00:00:00Z", "2", "2024-01-02T00:00:00Z"),
        ("Duration", "{{ request }}s", "3", "3s"),
        ("FieldMask", "a,{{ request }}", "b", "a,b"),
        ("BytesValue", "aG{{ request }}", "k=", "aGk="),
        ("Value", "Hello {{ request }}", "Ann", "Hello Ann"),
        ("Int64Value", "4{{ request }}", "2", "42"),
    ],
)
def test_it_is_rendered_and_read_as_protojson(
    registry: Registry, type_: str, text: str, request_text: str, expected: str
) -> None:
    assert answered(registry, type_, text, request_text) == expected


def test_what_does_not_fit_is_told(registry: Registry) -> None:
    assert "response" in answered(registry, "Timestamp", "the {{ request }}th", "5")
    with pytest.raises(StubError, match="not a text with templates in it"):
        answered(registry, "Struct", "a {{ request }}", "5")
