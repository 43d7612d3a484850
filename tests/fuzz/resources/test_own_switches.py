"""A switch that comes back turned off: the server's own business, unless the protos say which fields are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.schema import sources

PROTO = """\
syntax = "proto3";
package bins;
import "google/api/field_behavior.proto";
service Bins {{
  rpc CreateBin(CreateBinRequest) returns (Bin);
  rpc GetBin(GetBinRequest) returns (Bin);
}}
message Bin {{ string id = 1; bool sealed = 2; string label = 3{label}; int32 weight = 4{weight}; }}
message CreateBinRequest {{ Bin bin = 1; }}
message GetBinRequest {{ string id = 1; }}
"""


@pytest.mark.parametrize(
    ("label", "weight", "codes"),
    [
        ("", "", set()),
        (" [(google.api.field_behavior) = REQUIRED]", "", set()),
        ("", " [(google.api.field_behavior) = OUTPUT_ONLY]", {"G129"}),
    ],
)
def test_whose_a_switch_is(
    label: str,
    weight: str,
    codes: set[str],
    tmp_path: Path,
    judging: Callable[..., Callable[..., dict[str, str]]],
) -> None:
    file = tmp_path / "bins.proto"
    file.write_text(PROTO.format(label=label, weight=weight))
    made: list[tuple[str, Any, Any]] = [
        ("CreateBin", {"bin": {"label": label, "sealed": True}}, {"id": f"b{number}", "label": label})
        for number, label in enumerate(("abc", "def"))
    ]
    assert set(judging(sources.load([file]), "bins.")(*made)) & {"G129"} == codes
