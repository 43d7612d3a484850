"""The types that an Any names, found at any depth in messages, and anywhere in what a user wrote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.schema import any_types
from grpcmock.stubs.model import Answer, Stub
from grpcmock.tree import Node

KITCHEN = registry()
EVERYTHING: Any = KITCHEN.message("kitchen.Everything")
ANY: Any = KITCHEN.message("google.protobuf.Any")
UNKNOWN = ANY(type_url="x/no.Such", value=b"\x08\x01")


def packed(message: Any) -> Any:
    return ANY(type_url=f"x/{message.DESCRIPTOR.full_name}", value=message.SerializeToString())


@given(st.integers(0, 20))
def test_unknown_types_are_found_however_deep_they_are_packed(depth: int) -> None:
    held = UNKNOWN
    for _ in range(depth):
        held = packed(EVERYTHING(w_any=held))
    assert any_types.unknown_in(held) == {"no.Such"}


@pytest.mark.parametrize(
    "message",
    [
        EVERYTHING(),
        EVERYTHING(f_int32=1, w_any=packed(EVERYTHING())),
        EVERYTHING(w_any=ANY(type_url="x/kitchen.Nested", value=b"\xff")),
        EVERYTHING(w_any=ANY()),
        ANY(type_url="x/google.rpc.RetryInfo"),
        KITCHEN.message("kitchen.Nested")(name="no any in here"),  # type: ignore[call-arg]
    ],
)
def test_what_is_known_or_no_type_is_not_among_them(message: Any) -> None:
    assert any_types.unknown_in(message) == set()


def test_type_urls_are_found_in_all_that_is_written() -> None:
    def tree(name: str) -> Node:
        return Node.of({"a": [{"@type": name, "b": {"@type": f"{name}.inner"}}], "@type": 5})

    stub = Stub(method="m", name="n", request=tree("r"), answers=(Answer(error=tree("e"), script=tree("s")),))
    assert set(any_types.named_in([stub])) == {"r", "r.inner", "e", "e.inner", "s", "s.inner"}


def test_of_type_urls_those_that_are_unknown() -> None:
    urls = ["x/kitchen.Nested", "kitchen.Nested", "a/b/no.Such", "google.protobuf.Any", "", "x/"]
    assert any_types.unknown_among(urls, KITCHEN) == {"no.Such"}
