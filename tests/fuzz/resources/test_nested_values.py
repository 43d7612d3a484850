"""What is given in a message within a request, and kept in one of the same name and fields within a thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto2";
package crates;
service Crates {
  rpc CreateCrate(CreateCrateRequest) returns (Crate);
  rpc GetCrate(GetCrateRequest) returns (Crate);
}
message Crate {
  required string id = 1;
  optional group Size = 2 { optional uint32 width = 3; optional uint32 height = 4 [default = 1]; }
  optional group Mark = 5 { optional string color = 6; optional string owner = 7; }
  optional string label = 8;
}
message CreateCrateRequest {
  optional group Size = 2 { optional uint32 width = 3; optional uint32 height = 4 [default = 1]; }
  optional group Mark = 5 { optional string color = 6; }
  optional string label = 8;
}
message GetCrateRequest { required string id = 1; }
"""


@pytest.fixture(scope="module")
def crates(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("crates") / "crates.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("given", "kept", "codes"),
    [
        ({"size": {"width": 5, "height": 7}}, {"size": {"width": 5, "height": 7}}, set()),
        ({"size": {"width": 5, "height": 7}}, {"size": {"width": 5, "height": 1}}, {"G129"}),
        ({"size": {"width": 5, "height": 7}}, {"size": {"width": 5}}, {"G129"}),
        ({"size": {"width": 5}}, {"size": {"width": 5, "height": 1}}, set()),
        ({"size": {"width": 5}}, {}, {"G129"}),
        ({"mark": {"color": "red"}}, {"mark": {"color": "blue"}}, set()),  # another kind of message
    ],
)
def test_what_was_given_within_is_kept_within(
    crates: Registry,
    judging: Callable[..., Callable[..., dict[str, str]]],
    given: dict[str, Any],
    kept: dict[str, Any],
    codes: set[str],
) -> None:
    made = {"id": "c1", "label": "abc", **kept}
    other = {"id": "c2", "label": "def"}
    said = [("CreateCrate", {"label": "def"}, other), ("CreateCrate", {"label": "abc", **given}, made)]
    assert set(judging(crates, "crates.")(*said)) == codes
