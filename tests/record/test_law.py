"""The law of recording: what was recorded from a server answers as the server did, for any service and any traffic."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import scripted
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.errors import Problems
from grpcmock.record.recorder import Options as Recorded
from grpcmock.record.rules import Rules
from grpcmock.record.session import Settings, recording
from grpcmock.schema import Registry
from grpcmock.stubs import loader
from grpcmock.verify.results import Verdict
from grpcmock.verify.running import Options, verify
from grpcmock.verify.telling import result_lines


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
    volatile = [f"field:{name}*" for name in hidden if name == "id"]
    rules = Settings(options=Recorded(Rules.parse(redact, volatile)))

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


async def _holds(registry: Registry, folder: Path, address: str, whose: str) -> None:
    problems = Problems()
    stubs = loader.load([folder], problems)
    async with connect(Target.parse(address)) as channel:
        report = await verify(channel, registry, stubs, options=Options(timeout=scripted.PATIENCE))
    told = [line for result in report.results if result.verdict is not Verdict.HOLDS for line in result_lines(result)]
    assert not told, f"held against {whose}:\n" + "\n".join(told)
    assert report.holds
    assert not report.warnings
