"""Where a file of protos says something."""

from __future__ import annotations

import pytest
import support

from grpcmock.errors import Location
from grpcmock.schema import Registry
from grpcmock.schema.locations import location_of

USERS = support.registry("user.proto")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("user.UserService", "service UserService"),
        ("user.UserService.GetUser", "rpc GetUser"),
        ("user.GetUserRequest", "message GetUserRequest"),
        ("user.GetUserRequest.id", "int32 id = 1"),
    ],
)
def test_a_symbol_is_found_at_its_line(name: str, line: str) -> None:
    found = location_of(USERS, name)
    assert found is not None
    text = (support.ROOT / "protos" / found.file).read_text().splitlines()[found.line - 1]
    assert text[found.column - 1 :].startswith(line)


def test_without_source_information_its_file_is_known() -> None:
    bare = type(USERS.files)()
    bare.CopyFrom(USERS.files)
    for file in bare.file:
        file.ClearField("source_code_info")
    assert location_of(Registry(bare), "user.GetUserRequest.id") == Location("user.proto")
    assert location_of(USERS, "user.Nobody") is None
