"""Rich status details are decoded as far as their types are known, and never lost."""

from __future__ import annotations

from typing import Any

import handmade
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from grpcmock.client.details import decode_details, message_in
from grpcmock.schema.codec import to_tree


def test_known_types_are_decoded_and_unknown_ones_kept() -> None:
    rich = decode_details((("a", "b"), ("grpc-status-details-bin", handmade.rich_details(5, "gone"))))
    assert rich is not None
    assert (rich.code, rich.message) == (5, "gone")
    assert [detail.tree() for detail in rich.details] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NO_SUCH_USER", "domain": "users"},
        {"@type": "type.googleapis.com/nobody.Knows", "value": "CAE="},
    ]


def test_types_of_the_registry_are_decoded() -> None:
    registry = handmade.user_registry()
    packed = any_pb2.Any(type_url="type.googleapis.com/user.GetUserRequest", value=b"\x08\x07")
    data = status_pb2.Status(code=3, details=[packed]).SerializeToString()
    rich = decode_details((("grpc-status-details-bin", data),), registry)
    assert rich is not None
    assert rich.details[0].tree() == {"@type": "type.googleapis.com/user.GetUserRequest", "id": 7}


def test_a_detail_that_does_not_hold_its_type_is_kept_as_bytes() -> None:
    packed = any_pb2.Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    data = status_pb2.Status(code=3, details=[packed]).SerializeToString()
    rich = decode_details((("grpc-status-details-bin", data),))
    assert rich is not None
    assert rich.details[0].tree()["value"] == "/w=="


@pytest.mark.parametrize("trailers", [(), (("x", "y"),), (("grpc-status-details-bin", b"\xff"),)])
def test_no_status_is_none(trailers: tuple[tuple[str, str | bytes], ...]) -> None:
    assert decode_details(trailers) is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("google.rpc.retryinfo-bin", b"\x0a\x02\x08\x01", error_details_pb2.RetryInfo(retry_delay={"seconds": 1})),  # type: ignore[dict-item]
        ("user.userresponse-bin", b"\x08\x07", handmade.user_registry().message("user.UserResponse")(id=7)),  # type: ignore[call-arg]
        ("google.rpc.retryinfo-bin", b"\xff", None),
        ("google.rpc.retryinfo", "text", None),
        ("no.such-bin", b"", None),
    ],
)
def test_metadata_under_the_name_of_a_type_holds_a_message(key: str, value: bytes | str, expected: Any) -> None:
    found = message_in(key, value, handmade.user_registry())
    assert (found and to_tree(found)) == (expected and to_tree(expected))
