"""What reflection says is checked against the protos, and its versions against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from support import registry

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished
from grpcmock.fuzz.run.loop import Bounds, Run
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.fuzz.wire.reflection import disagreements, reflections
from grpcmock.schema import Registry, sources
from grpcmock.servers.reflection import Reflection

PROTO = """syntax = "proto3";
package shop;
service Shop { rpc Buy(Order) returns (Order); rpc Watch(Order) returns (stream Order); }
service Other { rpc Ping(Order) returns (Order); }
message Order {
  int32 id = 1; repeated string tags = 2; Size size = 3; Order part = 4;
  oneof o { int32 a = 5; int32 b = 6; }
}
enum Size { SMALL = 0; BIG = 1; }
"""


def shop(tmp_path: Path, *changes: tuple[str, str]) -> Registry:
    text = PROTO
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "shop.proto"
    path.write_text(text)
    return sources.load([path])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], []),
        ([("int32 id = 1", "int64 id = 1")], ["shop.Order.id: int32 id = 1 != int64 id = 1"]),
        ([("repeated string tags", "string tags")], ["shop.Order.tags: repeated string tags = 2 != string tags = 2"]),
        ([("id = 1;", "id = 1; int32 more = 9;")], ["shop.Order.more: nothing != int32 more = 9"]),
        (
            [("oneof o { int32 a = 5;", "int32 a = 5; oneof o {")],
            ["shop.Order.a: int32 a = 5 in oneof o != int32 a = 5"],
        ),
        ([("BIG = 1", "BIG = 2")], ["shop.Size.BIG: the number 1 != the number 2"]),
        ([("rpc Buy(Order)", "rpc Buy(stream Order)")], ["shop.Shop/Buy: unary != client streaming"]),
        ([("rpc Buy(Order) returns (Order);", "")], ["shop.Shop/Buy: a method != nothing"]),
        ([("service Other { rpc Ping(Order) returns (Order); }", "")], []),
    ],
)
def test_differences_are_told(changes: list[tuple[str, str]], told: list[str], tmp_path: Path) -> None:
    ours = shop(tmp_path)
    found = list(disagreements(ours, {"reflection v1": shop(tmp_path, *changes), "reflection v1alpha": "none"}))
    sides = [(f.expected.partition(", as ")[0], f.actual.partition(", as ")[0]) for f in found]
    assert [" != ".join(pair) for pair in sides] == told


def test_versions_are_held_against_each_other(tmp_path: Path) -> None:
    one, other = shop(tmp_path), shop(tmp_path, ("service Other { rpc Ping(Order) returns (Order); }", ""))
    (finding,) = disagreements(None, {"reflection v1": one, "reflection v1alpha": other})
    assert finding.expected == "shop.Other: a service, as reflection v1 says"
    assert finding.actual == "nothing, as reflection v1alpha says"
    assert not list(disagreements(None, {"reflection v1": one, "reflection v1alpha": "unimplemented"}))
    assert not list(disagreements(one, {"reflection v1": "unimplemented"}))


def test_a_contract_of_another_world_is_no_flood(tmp_path: Path) -> None:
    many = "".join(f" int32 f{n} = {n};" for n in range(100, 200))
    ours, theirs = shop(tmp_path), shop(tmp_path, ("int32 id = 1;", f"int32 id = 1;{many}"))
    assert len(list(disagreements(ours, {"reflection v1": theirs}))) == 20


async def test_both_versions_of_a_server_are_asked() -> None:
    users = registry("user.proto")
    handlers = Reflection(lambda: users).handlers()
    for offered, versions in ((handlers, 2), (dict([*handlers.items()][:1]), 1), ({}, 0)):

        class Handler(grpc.GenericRpcHandler):
            def service(self, details: Any, offered: Any = offered) -> Any:
                return offered.get(details.method)

        server = grpc.aio.server(handlers=[Handler()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with connect(Target(address=f"127.0.0.1:{port}")) as channel:
            found = await reflections(channel)
        await server.stop(None)
        assert sum(isinstance(each, Registry) for each in found.values()) == versions
        assert list(disagreements(users, found)) == []


async def test_a_run_tells_what_differs(tmp_path: Path) -> None:
    users = registry("user.proto")
    text = (Path(__file__).parents[3] / "protos" / "user.proto").read_text()
    changed = tmp_path / "user.proto"
    changed.write_text(text.replace("int32 id = 1;", "int64 id = 1;", 1))
    served = users
    handlers = Reflection(lambda: served).handlers()

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            return handlers.get(details.method)

    server = grpc.aio.server(handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    target = Target(address=f"127.0.0.1:{port}")
    for contract, told in ((users, []), (None, []), (sources.load([changed]), ["user.GetUserRequest.id"])):
        bounds = Bounds(phases=(Phase.WIRE,), effort=Effort(tries=3))
        settings = Settings(
            target=target, registry=contract, checks=("reflection_truth",), include=("GetUser",), bounds=bounds
        )
        runs: list[Run] = []
        asked: list[str] = []

        def hear(event: object, runs: list[Run] = runs, asked: list[str] = asked) -> None:
            if isinstance(event, CaseFinished):
                if asked:
                    runs[0].stop("what comes after it is not looked at here")
                asked.extend([event.case.id] if "reflection_truth" in event.case.targets else [])

        finished = await fuzz(settings, [hear], ready=runs.append)
        assert asked
        assert [failure.finding.path for failure in finished.failures] == told
    await server.stop(None)
