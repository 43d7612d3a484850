# mypy: disable-error-code="attr-defined"
"""Doors that one message doesn't open, and those that take two names at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Call, Case, Phase
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package scans;
service Scans {
  rpc Store(stream Piece) returns (Scan);
  rpc Keep(Sheet) returns (Scan);
  rpc Send(stream Line) returns (Count);
  rpc ShowScan(ScanId) returns (Scan);
  rpc Join(JoinRequest) returns (Scan);
}
message Piece { oneof part { Head head = 1; bytes chunk = 2; } }
message Head { string title = 1; int64 size = 2; string sha256 = 3; string author = 4; }
message Sheet { bytes content = 1; int64 size = 2; }
message Line { string text = 1; int32 number = 2; }
message Count { int32 lines = 1; }
message Scan { string id = 1; int64 size = 2; }
message ScanId { string id = 1; }
message JoinRequest { string scan_id = 1; string other_scan_id = 2; }
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("scans") / "scans.proto"
    file.write_text(PROTO)
    return sources.load([file])


class RefusedError(Exception):
    def __init__(self, words: str, code: Code = Code.INVALID_ARGUMENT) -> None:
        super().__init__(words)
        self.code = code


class Scans:
    """Refuses what isn't as announced, in words that don't say what is wrong with it."""

    def __init__(self, registry: Registry, *, at_least: int = 0) -> None:
        self.message = registry.message
        self.at_least = at_least
        self.scans: dict[str, int] = {}

    def _kept(self, size: int) -> Any:
        scan = self.message("scans.Scan")(id=f"scan-{len(self.scans) + 1:06}", size=size)
        self.scans[scan.id] = size
        return scan

    def Store(self, pieces: Sequence[Any]) -> Any:
        head, *chunks = pieces
        if not head.HasField("head"):
            raise RefusedError("a stream begins with its head")
        if not head.head.title:
            raise RefusedError("title is needed")
        if any(not chunk.HasField("chunk") for chunk in chunks):
            raise RefusedError("there is one head")
        whole = b"".join(chunk.chunk for chunk in chunks)
        digest = hashlib.sha256(whole).hexdigest()
        if head.head.size != len(whole) or head.head.sha256 not in ("", digest) or len(whole) < self.at_least:
            raise RefusedError("this isn't what was announced", Code.DATA_LOSS)
        return self._kept(len(whole))

    def Keep(self, sheets: Sequence[Any]) -> Any:
        if not sheets[0].content or sheets[0].size != len(sheets[0].content):
            raise RefusedError("something is wrong")
        return self._kept(sheets[0].size)

    def Send(self, lines: Sequence[Any]) -> Any:
        if len(lines) < 2:
            raise RefusedError("one is not enough")
        if lines[1].number != 7:
            raise RefusedError("number: the second must be 7")
        return self.message("scans.Count")(lines=len(lines))

    def ShowScan(self, requests: Sequence[Any]) -> Any:
        if requests[0].id not in self.scans:
            raise RefusedError("no such scan", Code.NOT_FOUND)
        return self.message("scans.Scan")(id=requests[0].id)

    def Join(self, requests: Sequence[Any]) -> Any:
        if not {requests[0].scan_id, requests[0].other_scan_id} <= set(self.scans):
            raise RefusedError("no such scan", Code.NOT_FOUND)
        return self._kept(0)


def answered(service: Scans, calls: tuple[Call, ...]) -> list[Reply]:
    replies: list[Reply] = []
    for call in calls:
        assert call.method is not None
        requests = [call.method.request_class.FromString(data) for data in bound(call, replies, calls).messages]
        try:
            data = getattr(service, call.method.name)(requests).SerializeToString()
        except RefusedError as error:
            reply = Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error))
        else:
            reply = Reply(call=call, termination=Termination.SERVER, code=0, responses=(data,))
        replies.append(reply)
    return replies


async def opened(registry: Registry, service: Scans, turns: int = 4) -> tuple[Plan, dict[str, int]]:
    """Return the plan after the beginning of a run, and how often each method was called."""
    methods = tuple(registry.methods.values())
    expectations = Expectations(registry=registry)
    plan = Plan(registry=registry, methods=methods, expectations=expectations, generators=Generators(registry))
    made: dict[str, int] = {}

    async def make(case: Case) -> Reply:
        made[case.method.name] = made.get(case.method.name, 0) + 1
        return answered(service, case.calls)[-1]

    opening = Opening(plan, Phase.BOUNDARY, make)
    for _ in range(turns):
        if not opening.is_done:
            await opening.go(())
    return plan, made


@pytest.mark.parametrize("at_least", [0, 1])
async def test_every_door_is_opened(scans: Registry, at_least: int) -> None:
    plan, made = await opened(scans, Scans(scans, at_least=at_least))
    assert {path.rpartition("/")[2] for path in plan.acceptance.first} == {m.name for m in scans.methods.values()}
    assert max(made.values()) <= 120
    storing = plan.acceptance.first["/scans.Scans/Store"]
    assert [storing.method.request_class.FromString(data).WhichOneof("part") for data in storing.later] == ["chunk"]
    assert {need.target for need in plan.acceptance.first["/scans.Scans/Join"].needs} == {
        ("scan_id",),
        ("other_scan_id",),
    }


async def test_what_was_learned_is_taken_by_a_fresh_server(scans: Registry) -> None:
    plan, _ = await opened(scans, Scans(scans))
    for accepted in plan.acceptance.first.values():
        assert answered(Scans(scans), accepted.calls(accepted.data))[-1].is_ok
