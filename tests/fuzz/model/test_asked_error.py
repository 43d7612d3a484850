"""Requests that say which error shall be answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from grpcmock.client.actions import HalfClose, Send
from grpcmock.fuzz.model.asked_error import asks_for_error
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.model.wording import unhandled
from grpcmock.schema import sources

ECHO = """
syntax = "proto3";
package echo;
import "google/rpc/status.proto";
message Request {
  string text = 1;
  google.rpc.Status error = 2;
  Request inner = 3;
  map<string, Request> more = 4;
  repeated Request all = 5;
}
message Plain { string text = 1; Plain inner = 2; }
service Echo { rpc Echo(Request) returns (Request); rpc Say(Plain) returns (Plain); }
"""


@pytest.mark.parametrize(
    ("method", "given", "asks"),
    [
        ("Echo", {"error": {"code": 13}}, True),
        ("Echo", {"error": {"code": -1}}, True),
        ("Echo", {"inner": {"inner": {"error": {"code": 2}}}}, True),
        ("Echo", {"more": {"a": {"error": {"code": 2}}}}, True),
        ("Echo", {"all": [{}, {"error": {"code": 2}}]}, True),
        ("Echo", {"error": {"code": 0, "message": "all is well"}}, False),
        ("Echo", {"text": "13"}, False),
        ("Say", {"inner": {"text": "13"}}, False),
    ],
)
def test_what_is_asked_for_is_no_failure(tmp_path: Path, method: str, given: dict[str, Any], asks: bool) -> None:
    (tmp_path / "echo.proto").write_text(ECHO)
    made = sources.load([tmp_path]).method(f"echo.Echo/{method}")
    data = json_format.ParseDict(given, made.request_class()).SerializeToString()
    call = Call(path=made.path, method=made, actions=(Send(data), HalfClose()))
    assert asks_for_error(call) is asks
    assert unhandled(Reply(call=call, termination=Termination.SERVER, code=2)) is not asks


def test_bytes_that_are_no_givenask_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "echo.proto").write_text(ECHO)
    made = sources.load([tmp_path]).method("echo.Echo/Echo")
    assert not asks_for_error(Call(path=made.path, method=made, actions=(Send(b"\xff"), HalfClose())))
    assert not asks_for_error(Call(path=made.path, method=None, actions=(Send(b"\xff"), HalfClose())))
