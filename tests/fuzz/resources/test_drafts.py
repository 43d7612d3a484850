"""Where requests have what a thing is made of: by themselves, or in a draft; and what differs by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.cases import Call, call_of
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.model.wording import unhandled
from grpcmock.fuzz.resources.locations import given_in
from grpcmock.fuzz.resources.resource import Resource
from grpcmock.fuzz.wire.equivalence import _differing
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package desk;
service Desk {
  rpc CreateTask(InDraft) returns (Task);
  rpc AddTask(Flat) returns (Task);
  rpc MakeTask(Whole) returns (Task);
  rpc BuildTask(WithOptions) returns (Task);
  rpc PlanTask(TwoDrafts) returns (Task);
  rpc StartTask(Nothing) returns (Task);
}
message Task { string id = 1; string title = 2; string owner = 3; int32 effort = 4; }
message TaskDraft { string title = 1; string owner = 2; int32 effort = 3; }
message Options { bool quiet = 1; bool notify = 2; string title = 3; }
message InDraft { string project_id = 1; TaskDraft task = 2; }
message Flat { string title = 1; string owner = 2; }
message Whole { Task task = 1; }
message WithOptions { string title = 1; string owner = 2; Options options = 3; }
message TwoDrafts { TaskDraft first = 1; TaskDraft second = 2; }
message Nothing { string project_id = 1; }
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    (file := Path(tmp_path_factory.mktemp("desk")) / "desk.proto").write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CreateTask", ("task",)),
        ("AddTask", ()),
        ("MakeTask", ("task",)),
        ("BuildTask", ()),
        ("PlanTask", None),
        ("StartTask", None),
    ],
)
def test_what_a_thing_is_made_of(name: str, expected: tuple[str, ...] | None, desk: Registry) -> None:
    method = desk.method(f"desk.Desk/{name}")
    task = Resource(name="Task", descriptor=method.output, key="id")
    assert given_in(method.input, task, Role.CREATE) == expected
    assert given_in(method.input, task, Role.GET) is None


ONE, OTHER = {"id": "1", "tags[0]": "a"}, {"id": "1", "tags[0]": "b"}


@pytest.mark.parametrize(
    ("ours", "theirs", "paths"),
    [
        ([ONE, ONE], [OTHER, OTHER], ["tags[0]"]),
        ([ONE, OTHER], [OTHER, OTHER], []),
        ([ONE, OTHER], [{"id": "2", "tags[0]": "b"}] * 2, ["id"]),
        ([{"tags[0]": "a", "tags[1]": "b"}, {"tags[0]": "a", "tags[1]": "c"}], [{"tags[0]": "z"}] * 2, []),
        ([ONE, ONE], [ONE, ONE], []),
    ],
)
def test_lists_that_differ_for_the_same_bytes_show_nothing(
    ours: list[dict[str, str]], theirs: list[dict[str, str]], paths: list[str]
) -> None:
    assert [path for path, _, _ in _differing(ours, theirs)] == paths


@pytest.mark.parametrize(
    ("size", "code", "message", "expected"),
    [
        (10, 13, "Stream removed (error code 2)", True),
        (9_000, 13, "Received RST_STREAM with error code 2", False),
        (9_000, 13, "Received RST_STREAM with error code 8", True),
        (10, 8, "received trailing metadata size exceeds limit", False),
    ],
)
def test_a_reset_for_a_status_that_is_too_large(
    size: int, code: int, message: str, expected: bool, desk: Registry
) -> None:
    call: Call = call_of(desk.method("desk.Desk/StartTask"), b"a" * size)
    assert unhandled(Reply(call=call, termination=Termination.RESET, code=code, message=message)) is expected
