"""The protos that come along are there, and are told from others."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.schema import shipped


@pytest.mark.parametrize(
    "name",
    [
        "google/protobuf/any.proto",
        "google/protobuf/compiler/plugin.proto",
        "google/api/annotations.proto",
        "google/rpc/status.proto",
        "google/type/money.proto",
        "google/longrunning/operations.proto",
    ],
)
def test_files_that_come_along_are_found(name: str) -> None:
    path = shipped.find(name)
    assert path is not None
    assert "syntax" in path.read_text()
    assert shipped.is_shipped(name)
    assert shipped.is_shipped_path(path)
    assert shipped.described(name) is None


@pytest.mark.parametrize(
    "name", ["user.proto", "google/protobuf/no.proto", "google/api/no.proto", "google/ads/a.proto", ""]
)
def test_others_are_not(name: str) -> None:
    assert shipped.find(name) is None
    assert not shipped.is_shipped(name)
    assert not shipped.is_shipped_path(Path("/nowhere") / name)


def test_the_rules_of_protovalidate_come_as_a_descriptor() -> None:
    file = shipped.described(shipped.RULES)
    assert file is not None
    assert file.package == "buf.validate"
    assert {"field", "message", "oneof"} <= {extension.name for extension in file.extension}
