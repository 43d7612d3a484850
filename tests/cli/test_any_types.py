"""Types that no file of the service imports: commands ask the server's reflection for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grpcmock.client.actions import HalfClose, Send
from grpcmock.client.call import perform
from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.record.recorder import Options
from grpcmock.record.session import Settings, recording
from grpcmock.schema import reflection
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions

SERVICE = """
syntax = "proto3"; package shop;
import "google/protobuf/any.proto";
message Parcel { string to = 1; google.protobuf.Any content = 2; }
service Shop { rpc Send(Parcel) returns (Parcel); rpc Watch(stream Parcel) returns (stream Parcel); }
"""
GOODS = """
syntax = "proto3"; package goods;
import "google/protobuf/any.proto";
import "label.proto";
message Box { label.Label label = 1; google.protobuf.Any inside = 2; }
message Broken { string how = 1; }
"""
LABEL = 'syntax = "proto3"; package label; message Label { string text = 1; } message Sticker { int32 number = 1; }'
BOX = """{"@type": "type.googleapis.com/goods.Box", "label": {"text": "fragile"},
 "inside": {"@type": "type.googleapis.com/label.Sticker", "number": 7}}"""
STUBS = f"""
- name: box
  method: shop.Shop/Send
  request: {{to: me}}
  response: {{to: you, content: {BOX}}}
- name: broken
  method: shop.Shop/Send
  request: {{to: nobody, content: {BOX}}}
  error: {{code: INTERNAL, message: broken, details: [{{"@type": goods.Broken, how: badly}}]}}
- name: chat
  method: shop.Shop/Watch
  script: [{{on: [{{send: {{to: "{{{{ message.content.label.text }}}}"}}}}], until: half_close}}]
"""


@pytest.fixture
def address(project: Path) -> Iterator[str]:
    served = project / "served"
    served.mkdir()
    for name, text in (("shop.proto", SERVICE), ("goods.proto", GOODS), ("label.proto", LABEL)):
        (served / name).write_text(text)
    (project / "stubs.yaml").write_text(STUBS)
    thread = LoopThread()

    async def start() -> Host:
        host = Host(Files((served,), (project / "stubs.yaml",)), HostOptions())
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    host = thread.run(start())
    yield str(host.addresses[0])
    thread.run(host.stop())
    thread.close()


def test_call_shows_what_an_any_holds_and_what_that_holds_in_turn(grpcmock: Any, address: str) -> None:
    ran = grpcmock("call", address, "shop.Shop/Send", "-d", '{"to": "me"}')
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["content"] == json.loads(BOX)


def test_call_takes_an_any_and_shows_a_detail(grpcmock: Any, address: str) -> None:
    ran = grpcmock("call", address, "shop.Shop/Send", "-d", f'{{"to": "nobody", "content": {BOX}}}')
    assert ran.code == 1
    assert ran.err == 'INTERNAL (13): broken\n  goods.Broken: {"how": "badly"}\n'


def test_call_takes_an_any_in_each_message_of_a_stream(grpcmock: Any, address: str, project: Path) -> None:
    (project / "requests").write_text(f'{{"content": {BOX}}}'.replace("\n", "") + "\n")
    ran = grpcmock("call", address, "shop.Shop/Watch", "-d", "@requests")
    assert (ran.code, json.loads(ran.out)) == (0, {"to": "fragile"})


def test_a_type_that_the_server_does_not_know_either_is_told(grpcmock: Any, address: str) -> None:
    ran = grpcmock("call", address, "shop.Shop/Send", "-d", '{"content": {"@type": "goods.Bax"}}')
    assert ran.code == 2
    assert "There is no message type 'goods.Bax'. What an Any holds must be among the protos" in ran.err


def test_describe_finds_a_type_by_its_name(grpcmock: Any, address: str) -> None:
    ran = grpcmock("describe", address, "goods.Box")
    assert (ran.code, ran.err) == (0, "")
    assert "message Box {" in ran.out


def test_verify_takes_stubs_with_such_types(grpcmock: Any, address: str) -> None:
    ran = grpcmock("verify", address, "--stubs", "stubs.yaml", "--only", "bo*", "--only", "broken")
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize("learns", [True, False])
def test_record_writes_such_types_in_plain_if_it_may_ask_for_them(
    grpcmock: Any, address: str, project: Path, learns: bool
) -> None:
    async def record() -> None:
        target = Target.parse(address)
        async with connect(target) as channel:
            registry = await reflection.fetch(channel, ["shop.Shop"])
        settings = Settings(learns=learns)
        async with (
            recording(target, registry, project / "out", settings) as found,
            connect(Target.parse(found.target)) as client,
        ):
            await perform(client, "/shop.Shop/Send", [Send(b"\x0a\x02me"), HalfClose()])

    asyncio.run(record())
    [path] = (project / "out").rglob("*.yaml")
    text = path.read_text()
    assert ("label: {text: fragile}" in text) is learns
    assert ("number: 7" in text) is learns
    if learns:
        assert grpcmock("check", "served", "--stubs", "out").code == 0
    ran = grpcmock("check", "served/shop.proto", "--stubs", "out")
    assert ran.code == (1 if learns else 0)
    assert "There is no message type 'goods.Box'." in ran.out


def test_record_hides_what_it_can_not_read_if_there_are_secrets(project: Path, address: str) -> None:
    async def record() -> Any:
        target = Target.parse(address)
        async with connect(target) as channel:
            registry = await reflection.fetch(channel, ["shop.Shop"])
        settings = Settings(options=Options(rules=Rules.parse(["field:text"])))
        async with (
            recording(target, registry, project / "out", settings) as found,
            connect(Target.parse(found.target)) as client,
        ):
            await perform(client, "/shop.Shop/Send", [Send(b"\x0a\x02me"), HalfClose()])
        return found.summary

    summary = asyncio.run(record())
    assert [one.reason for one in summary.left_out] == [
        "it holds a goods.Box, a type that isn't known, in which there may be a secret"
    ]
