"""The law of recording: what was recorded from a server answers as the server did, for any service and any traffic."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import scripted
import support
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.errors import Problems
from grpcmock.record.recorder import Options as Recorded
from grpcmock.record.session import Settings, recording
from grpcmock.schema import Registry
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import loader
from grpcmock.verify.reporting.terminal import result_lines
from grpcmock.verify.results import Report, Verdict
from grpcmock.verify.running import Options, verify

pytestmark = pytest.mark.usefixtures("transport")


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_what_was_recorded_answers_as_the_server_did(data: st.DataObject) -> None:
    registry = data.draw(scripted.registries())
    talks = data.draw(scripted.talks(registry))

    async def run(folder: Path) -> None:
        server = scripted.Scripted()
        async with scripted.serving(server) as address:
            direct = await scripted.have(address, talks, server)
            async with recording(Target.parse(address), registry, folder) as proxy:
                through = await scripted.have(proxy.target, talks, server)
        assert proxy.summary is not None
        assert not list(proxy.summary.missing())
        assert proxy.summary.calls == len(talks)
        event(f"{proxy.summary.stubs} stubs")
        again = await scripted.replayed(registry, folder, talks)
        for talk, one, two, three in zip(talks, direct, through, again, strict=True):
            expected = scripted.shown(registry, talk, one)
            assert scripted.shown(registry, talk, two) == expected, "passed on, it is something else"
            assert scripted.shown(registry, talk, three) == expected, "replayed, it is something else"
        async with scripted.serving(scripted.Remembering(talks)) as address:
            await _holds(registry, folder, address, "the server")
        async with scripted.mocked(registry, folder) as address:
            await _holds(registry, folder, address, "the mock of what was recorded")

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "recorded"))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_what_was_recorded_by_rules_holds_too(data: st.DataObject) -> None:
    registry = data.draw(scripted.registries())
    talks = data.draw(scripted.talks(registry))
    hidden = data.draw(st.sets(st.sampled_from(["id", "token"]), min_size=1))
    redact = [f"field:{name}*" for name in hidden if name == "token"]
    varying = [f"field:{name}*" for name in hidden if name == "id"]
    rules = Settings(options=Recorded(Rules.parse(redact, varying)))

    async def run(folder: Path) -> None:
        server = scripted.Scripted()
        async with (
            scripted.serving(server) as address,
            recording(Target.parse(address), registry, folder, rules) as proxy,
        ):
            await scripted.have(proxy.target, talks, server)
        assert proxy.summary is not None
        assert not list(proxy.summary.missing())
        remembering = scripted.Remembering(talks, lambda field: field.startswith(tuple(hidden)))
        async with scripted.serving(remembering) as address:
            await _holds(registry, folder, address, "the server")

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "recorded"))


async def test_what_patterns_hide_around_the_messages_holds_too(tmp_path: Path) -> None:
    registry = support.registry("user.proto")
    method = registry.method("UserService/GetUser")
    status = Status(code=5, message="no card 4111")
    status.details.add().Pack(ErrorInfo(reason="CARD", metadata={"card": "4111"}))
    talk = scripted.Talk(
        method=method,
        steps=(("ask", b"\x08\x01"), ("half_close", b"")),
        code=Code.NOT_FOUND,
        message=status.message,
        trailers=(("x-card", "4111"), ("x-kept", "a"), ("x-bin", b"4111"), (DETAILS_KEY, status.SerializeToString())),
    )
    greeting = scripted.Talk(
        method=method,
        steps=(("ask", b"\x08\x02"), ("half_close", b""), ("reply", b"\x12\x044111")),
        headers=(("x-card", "4111"), ("x-kept", "a")),
        trailers=(("x-card", "4111"),),
    )
    talks = [talk, greeting]
    settings = Settings(options=Recorded(Rules.parse([r"pattern:\d{4}"], ["field:*.reason"])))
    server = scripted.Scripted()
    async with (
        scripted.serving(server) as address,
        recording(Target.parse(address), registry, tmp_path / "recorded", settings) as proxy,
    ):
        await scripted.have(proxy.target, talks, server)
    text = (tmp_path / "recorded" / "user.UserService.GetUser.yaml").read_text()
    assert "4111" not in text
    assert "no card REDACTED" in text
    async with scripted.serving(scripted.Remembering(talks)) as address:
        await _holds(registry, tmp_path / "recorded", address, "the server")
    wrong = [replace(talk, code=Code.UNKNOWN, trailers=()), replace(greeting, headers=())]
    async with scripted.serving(scripted.Remembering(wrong)) as address:
        report = await _verified(registry, tmp_path / "recorded", address)
    assert [finding.path for result in report.results for finding in result.findings] == ["status", "headers.x-kept"]


async def _verified(registry: Registry, folder: Path, address: str) -> Report:
    problems = Problems()
    stubs = loader.load([folder], problems)
    async with connect(Target.parse(address)) as channel:
        return await verify(channel, registry, stubs, options=Options(timeout=scripted.PATIENCE))


async def _holds(registry: Registry, folder: Path, address: str, whose: str) -> None:
    report = await _verified(registry, folder, address)
    told = [line for result in report.results if result.verdict is not Verdict.PASSED for line in result_lines(result)]
    assert not told, f"held against {whose}:\n" + "\n".join(told)
    assert report.passed
    assert all("type 'nobody.Knows'" in problem.message for problem in report.warnings)
