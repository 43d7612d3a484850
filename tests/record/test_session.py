# mypy: disable-error-code="arg-type, attr-defined"
"""Recordings from their start to their end: modes, sequences, timing, and what bad input gets."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio
import pytest
from scripted import OPTIONS, Scripted, Talk, have, replayed, serving, shown
from support import registry

from grpcmock.client.target import Target
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.errors import ConfigError, StubError, TargetError
from grpcmock.record.recorder import Options
from grpcmock.record.session import Mode, Settings, recording
from grpcmock.reports import files
from grpcmock.status import Code

pytestmark = pytest.mark.usefixtures("transport")

REGISTRY = registry("user.proto")
GET = REGISTRY.method("UserService/GetUser")
LIST = REGISTRY.method("UserService/ListUsers")
CREATE = REGISTRY.method("UserService/CreateUsers")
LOOKUP = REGISTRY.method("UserService/LookupUsers")


def user(**fields: Any) -> bytes:
    return REGISTRY.message("user.UserResponse")(**fields).SerializeToString()


def get(asked: int, name: str = "", **more: Any) -> Talk:
    reply = () if more.get("code") else (("reply", user(id=asked, name=name)),)
    ask = REGISTRY.message("user.GetUserRequest")(id=asked).SerializeToString()
    return Talk(GET, (("ask", ask), ("half_close", b""), *reply), **more)


def lookup(*steps: tuple[str, int]) -> Talk:
    kinds = {"ask": REGISTRY.message("user.GetUserRequest"), "reply": REGISTRY.message("user.UserResponse")}
    made = tuple((what, kinds[what](id=id_).SerializeToString()) for what, id_ in steps)
    return Talk(LOOKUP, (*made, ("half_close", b"")))


async def record(
    folder: Path, talks: list[Talk], settings: Settings | None = None, **keywords: Any
) -> tuple[Any, Scripted]:
    server = Scripted()
    async with (
        serving(server) as address,
        recording(Target.parse(address), REGISTRY, folder, settings, **keywords) as found,
    ):
        await have(found.target, talks, server)
    return found.summary, server


def content(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


async def names(folder: Path, talks: list[Talk]) -> list[str]:
    """What a mock with the stubs of the folder answers: names of users, or codes."""
    outcomes = await replayed(REGISTRY, folder, talks)
    return [
        REGISTRY.message("user.UserResponse").FromString(one.responses[0]).name if one.responses else one.code.name
        for one in outcomes
    ]


async def test_answers_to_one_request_are_given_in_turn(tmp_path: Path) -> None:
    talks = [get(1, "a"), get(2, "x"), get(1, "a"), get(1, "b"), get(1, "a"), get(1, "a"), get(1, "a")]
    summary, _ = await record(tmp_path, talks)
    assert (summary.calls, summary.stubs) == (7, 2)
    assert await names(tmp_path, [*talks, get(1)]) == ["a", "x", "a", "b", "a", "a", "a", "a"]
    text = (tmp_path / "user.UserService.GetUser.yaml").read_text()
    assert text.count("name: a") == 3  # twice before b, and once for all that follow


async def test_calls_are_told_apart_by_metadata_only_if_asked_to(tmp_path: Path) -> None:
    talks = [
        get(1, "north", metadata=(("x-region", "n"),)),
        get(1, "none"),
        get(1, "south", metadata=(("x-region", "s"),)),
    ]
    await record(tmp_path / "in turn", talks)
    await record(tmp_path / "apart", talks, Settings(options=Options(match_metadata=("X-Region",))))
    assert await names(tmp_path / "in turn", talks[::-1]) == ["north", "none", "south"]
    assert await names(tmp_path / "apart", talks[::-1]) == ["south", "none", "north"]


async def test_a_stream_of_requests_that_ends_early_doesnt_stand_in_the_way_of_others(tmp_path: Path) -> None:
    ask = REGISTRY.message("user.CreateUserRequest")
    a, b, c = (ask(name=name).SerializeToString() for name in "abc")
    done = REGISTRY.message("user.BatchResult")(created=1).SerializeToString()
    bad = {"code": Code.INVALID_ARGUMENT, "message": "no"}
    talks = [
        Talk(CREATE, (("ask", c),), **bad),  # refused before the client has ended
        Talk(CREATE, (("ask", a), ("half_close", b""), ("reply", done))),
        Talk(CREATE, (("ask", a), ("ask", b)), **bad),
        Talk(CREATE, (("ask", b), ("ask", b), ("half_close", b""), ("reply", done))),
    ]
    await record(tmp_path, talks)
    again = await replayed(REGISTRY, tmp_path, [*talks[:2], talks[3]])
    assert [one.code.name for one in again] == ["INVALID_ARGUMENT", "OK", "OK"]


async def test_conversations_that_begin_alike_are_pointed_out(tmp_path: Path) -> None:
    talks = [lookup(("ask", 1), ("reply", 1), ("ask", 2)), lookup(("ask", 1), ("reply", 1), ("ask", 3))]
    summary, _ = await record(tmp_path, talks)
    assert "1 request began conversations that went on differently" in summary.remarks[0]
    assert [one.code.name for one in await replayed(REGISTRY, tmp_path, talks)] == ["OK", "OK"]


async def test_of_two_orders_of_one_conversation_the_one_that_suits_more_clients_is_kept(tmp_path: Path) -> None:
    eager = lookup(("ask", 1), ("reply", 1), ("ask", 2), ("reply", 2))
    ahead = lookup(("ask", 1), ("ask", 2), ("reply", 1), ("reply", 2))
    summary, _ = await record(tmp_path, [ahead, eager, ahead])
    assert summary.stubs == 1
    assert not summary.remarks
    assert [one.code.name for one in await replayed(REGISTRY, tmp_path, [eager, ahead, eager])] == ["OK"] * 3


async def test_calls_that_overlap_are_pointed_out(tmp_path: Path) -> None:
    both = asyncio.Event()
    waiting = 0

    class Server(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
            async def play(_: bytes, __: Any) -> bytes:
                nonlocal waiting
                waiting += 1
                number = waiting
                if waiting == 2:
                    both.set()
                await both.wait()
                return user(id=number)

            return grpc.unary_unary_rpc_method_handler(play)

    async with (
        serving(Server()) as address,
        recording(Target.parse(address), REGISTRY, tmp_path) as found,
        grpc.aio.insecure_channel(found.target, options=OPTIONS) as channel,
    ):
        await asyncio.gather(*(channel.unary_unary(GET.path)(b"\x08\x01", timeout=10) for _ in range(2)))
    assert found.summary is not None
    assert "1 request got different answers while calls went on at once" in found.summary.remarks[0]


async def test_timing_is_kept_if_asked_for(tmp_path: Path) -> None:
    class Server(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
            async def play(_: bytes, context: Any) -> None:
                await asyncio.sleep(0.03)
                for number in (1, 2, 3):
                    await context.write(user(id=number))
                    await asyncio.sleep(0.02 if details.method == LIST.path else 0)

            return grpc.unary_stream_rpc_method_handler(play)

    settings = Settings(options=Options(timing=True))
    async with (
        serving(Server()) as address,
        recording(Target.parse(address), REGISTRY, tmp_path, settings) as found,
        grpc.aio.insecure_channel(found.target, options=OPTIONS) as channel,
    ):
        assert len([one async for one in channel.unary_stream(LIST.path)(b"", timeout=10)]) == 3
    text = (tmp_path / "user.UserService.ListUsers.yaml").read_text()
    assert "delay: " in text or "wait: " in text
    assert "interval: " in text or text.count("wait: ") > 1


# --- Transports ----------------------------------------------------------------------------------------------------


async def test_the_transport_is_the_one_that_was_asked_for(tmp_path: Path, transport: str) -> None:
    server = Scripted()
    async with serving(server) as address, recording(Target.parse(address), REGISTRY, tmp_path) as found:
        assert found.transport == transport
    with pytest.raises(ConfigError, match="there is no 'nativ'"):
        async with recording(None, REGISTRY, tmp_path, Settings(transport="nativ", mode=Mode.NEW)):
            pass


async def test_calls_in_other_protocols_are_passed_on_and_recorded_too(tmp_path: Path, transport: str) -> None:
    if transport != "native":
        pytest.skip("gRPC's own library speaks nothing but gRPC")
    server = Scripted()
    server.talk = get(1, "Alice")
    async with serving(server) as address, recording(Target.parse(address), REGISTRY, tmp_path) as found:
        body = b'{"id": 1}'
        head = f"POST {GET.path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
        reader, writer = await asyncio.open_connection(found.addresses[0].host, found.addresses[0].port)
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert b'"name":"Alice"' in await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert found.summary is not None
    assert (found.summary.calls, found.summary.stubs) == (1, 1)
    assert await names(tmp_path, [get(1)]) == ["Alice"]


async def test_calls_under_way_have_time_to_end_until_it_is_hurried(tmp_path: Path) -> None:
    began, hurried = asyncio.Event(), asyncio.Event()

    class Server(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
            async def play(_: bytes, __: Any) -> bytes:
                began.set()
                await asyncio.Event().wait()
                return b""

            return grpc.unary_unary_rpc_method_handler(play)

    async with serving(Server()) as address:
        running = recording(Target.parse(address), REGISTRY, tmp_path, grace=600, hurried=hurried)
        found = await running.__aenter__()
        async with grpc.aio.insecure_channel(found.target, options=OPTIONS) as channel:
            call = channel.unary_unary(GET.path)(b"\x08\x01", timeout=60)
            await began.wait()
            ending = asyncio.ensure_future(running.__aexit__(None, None, None))
            assert not (await asyncio.wait([ending], timeout=0.05))[0]
            hurried.set()
            await asyncio.wait_for(ending, 20)
            assert await call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


# --- Modes ------------------------------------------------------------------------------------------------------------


async def test_new_answers_what_is_recorded_and_records_the_rest(tmp_path: Path) -> None:
    await record(tmp_path, [get(1, "first")])
    summary, server = await record(tmp_path, [get(1, "second"), get(2, "new")], Settings(mode=Mode.NEW))
    assert (summary.calls, summary.stubs, server.calls) == (1, 1, 1)
    assert await names(tmp_path, [get(1), get(2)]) == ["first", "new"]


async def test_new_with_nothing_recorded_records_everything(tmp_path: Path) -> None:
    summary, _ = await record(tmp_path / "none", [get(1, "first"), lookup(("reply", 1))], Settings(mode=Mode.NEW))
    assert summary.stubs == 2


async def test_new_passes_streams_on_that_nothing_holds_for(tmp_path: Path) -> None:
    await record(tmp_path, [get(1, "first")])
    talks = [lookup(("reply", 9), ("ask", 1)), get(2, code=Code.NOT_FOUND, message="no", trailers=(("t", "v"),))]
    summary, server = await record(tmp_path, talks, Settings(mode=Mode.NEW))
    assert (summary.stubs, server.calls) == (2, 2)
    for talk, outcome in zip(talks, await replayed(REGISTRY, tmp_path, talks), strict=True):
        assert shown(REGISTRY, talk, outcome)["code"] == talk.code.name


async def test_once_records_only_where_nothing_is_recorded(tmp_path: Path) -> None:
    settings = Settings(mode=Mode.ONCE)
    summary, _ = await record(tmp_path, [get(1, "first")], settings)
    assert summary.stubs == 1
    summary, server = await record(tmp_path, [], settings)
    assert (summary, server.calls) == (None, 0)
    async with recording(None, REGISTRY, tmp_path, settings) as found:
        assert found.mode is Mode.NONE
        assert [one.code.name for one in await have(found.target, [get(1), get(2, code=Code.OK)])] == [
            "OK",
            "UNIMPLEMENTED",
        ]


async def test_all_records_anew_and_keeps_what_was_not_asked_again(tmp_path: Path) -> None:
    await record(tmp_path, [get(1, "first"), get(2, "other")])
    await record(tmp_path, [get(1, "second"), get(3, "third")])
    assert await names(tmp_path, [get(1), get(2), get(3)]) == ["second", "other", "third"]


async def test_none_needs_something_recorded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing is recorded"):
        async with recording(None, REGISTRY, tmp_path, Settings(mode=Mode.NONE)):
            pass


# --- Bad input --------------------------------------------------------------------------------------------------------


async def test_a_target_that_goes_away_loses_nothing_that_was_seen(tmp_path: Path) -> None:
    server = Scripted()
    running = serving(server)
    address = await running.__aenter__()
    async with recording(Target.parse(address), REGISTRY, tmp_path) as found:
        await have(found.target, [get(1, "seen")], server)
        await running.__aexit__(None, None, None)
        outcomes = await have(found.target, [get(2, code=Code.UNAVAILABLE)])
        assert outcomes[0].code is Code.UNAVAILABLE
    assert found.summary is not None
    assert [text for text in found.summary.missing() if "there is no connection to" in text]
    assert await names(tmp_path, [get(1)]) == ["seen"]


async def test_a_full_disk_leaves_files_whole_and_the_rest_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    await record(out, [get(1, "first")])
    before = content(out)
    whole = files.os.fdopen

    def full(descriptor: int, *rest: Any, **more: Any) -> Any:
        opened = whole(descriptor, *rest, **more)
        if Path(f"/proc/self/fd/{descriptor}").resolve().is_relative_to(out):
            opened.write("- half of it")
            opened.close()
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened

    monkeypatch.setattr("grpcmock.reports.files.os.fdopen", full)
    warnings: list[str] = []
    summary, _ = await record(out, [get(1, "second"), get(2, "other")], warn=warnings.append)
    assert content(out) == before
    assert "can't be written: No space left on device. What was recorded is kept" in warnings[0]
    assert "What could not be written lies in" in summary.failure
    monkeypatch.undo()
    assert await names(next(elsewhere.glob("grpcmock-recorded-*")), [get(1), get(2)]) == ["second", "other"]


async def test_a_folder_that_cant_be_written_to_is_told_before_anything_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file is no directory"):
        await record(tmp_path / "file", [])
    with pytest.raises(ConfigError, match="can't be written to: Not a directory"):
        await record(tmp_path / "file" / "below", [])


async def test_a_folder_with_a_wrong_stub_is_told_at_once_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("- {method: user.UserService/GetUser, respones: {}}")
    with pytest.raises(StubError, match="respones"):
        await record(tmp_path, [])
    assert content(tmp_path).keys() == {"own.yaml"}


async def test_a_target_that_isnt_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"Nothing is listening on 127\.0\.0\.1:1"):
        async with recording(Target.parse("127.0.0.1:1"), REGISTRY, tmp_path):
            pass


async def test_what_cant_be_told_is_named(tmp_path: Path) -> None:
    unknown = Talk(GET, (("ask", b"\x08\x01"), ("half_close", b""), ("reply", b"\x08\x01\xf8\x01\x05")))
    garbage = Talk(GET, (("ask", b"\x08\x02"), ("half_close", b""), ("reply", b"\xff")))
    summary, _ = await record(tmp_path, [unknown, garbage, garbage])
    assert "user.UserService/GetUser: a message can't be read: 1 byte is not a valid user.UserResponse" in next(
        summary.missing()
    )
    assert "(2 calls)" in next(summary.missing())
    lines = [text for _, text in summary.lines()]
    assert any("a UserResponse holds fields that its proto doesn't know (1 call)" in text for text in lines)
    assert summary.stubs == 1


async def test_nothing_secret_is_ever_in_a_file_not_even_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    whole = files.os.fdopen

    class Spy:
        def __init__(self, opened: Any) -> None:
            self.opened = opened

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.opened.close()

        def write(self, text: str) -> None:
            written.append(text)
            self.opened.write(text)

    monkeypatch.setattr("grpcmock.reports.files.os.fdopen", lambda *a, **k: Spy(whole(*a, **k)))
    rules = Rules.parse(["field:user.UserResponse.name"])
    talk = get(1, "s3cr3t", metadata=(("authorization", "s3cr3t"),), trailers=(("set-cookie", "s3cr3t"),))
    summary, server = await record(tmp_path, [talk], Settings(options=Options(rules)))
    assert ("authorization", "s3cr3t") in [tuple(pair) for pair in server.metadata[-1]]
    assert written
    assert not any("s3cr3t" in text for text in written)
    assert summary.redacted == {"set-cookie": 1}
