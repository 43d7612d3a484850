from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from support import registry

from grpcmock.client.keys import error_keys, metadata_keys
from grpcmock.status import DETAILS_KEY
from grpcmock.stubs.dump import literals


@pytest.mark.parametrize(
    ("pairs", "keys"),
    [
        ((), {}),
        ((("x-a", "1"), ("x-b", "2")), {"x-a": "1", "x-b": "2"}),
        ((("x-a", "1"), ("x-a", "2")), {"x-a": ["1", "2"]}),
        ((("x-bin", b"\x00\x01"),), {"x-bin": "AAE="}),
        ((("x-a", "{{ 1 }}"),), {"x-a": literals("{{ 1 }}")}),
        ((("grpc-status", "5"), (DETAILS_KEY, b"\x08\x05")), {}),
    ],
)
def test_metadata(pairs: Any, keys: dict[str, Any]) -> None:
    assert metadata_keys(pairs) == keys


def test_an_error_with_all_that_it_may_have() -> None:
    known, unknown = any_pb2.Any(), any_pb2.Any(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")
    known.Pack(error_details_pb2.ErrorInfo(reason="GONE"))
    status = status_pb2.Status(code=5, message="gone", details=[known, unknown])
    trailers = (("x-a", "1"), (DETAILS_KEY, status.SerializeToString()))
    assert error_keys("NOT_FOUND", "gone", trailers, registry("user.proto")) == {
        "code": "NOT_FOUND",
        "message": "gone",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE"}],
        "trailers": {"x-a": "1"},
    }
    assert error_keys("NOT_FOUND", "", (), registry("user.proto")) == {"code": "NOT_FOUND"}
