"""Protos from the reflection of servers: as a source like any other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import pytest
from reflecting import V1, Whole, serving
from support import ROOT, registry

from grpcmock import MockServer
from grpcmock.client.reflected_protos import ReflectedProtos, remote_of
from grpcmock.client.target import Target
from grpcmock.errors import ConfigError, SchemaError, TargetError
from grpcmock.schema import sources
from grpcmock.schema.download import Download

FILES = list(registry("user.proto").files.file)


@pytest.fixture
def reflect() -> Iterator[Callable[[Any], str]]:
    """Start a server with this reflection, in a thread, and return its address."""
    stops: list[Callable[[], None]] = []

    def start(answer: Any) -> str:
        listening, loop, ended = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
        addresses: list[str] = []

        def listens(address: str) -> None:
            addresses.append(address)
            listening.set()

        async def run() -> None:
            async with serving(answer, V1, listening=listens):
                await ended.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
        thread.start()
        assert listening.wait(20)

        def stop() -> None:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            loop.close()

        stops.append(stop)
        return addresses[0]

    yield start
    for stop in stops:
        stop()


async def deny(requests: Any, context: Any) -> AsyncIterator[Any]:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
    yield


def test_what_a_server_tells_is_loaded(reflect: Callable[[Any], str]) -> None:
    address = reflect(Whole(FILES, ["user.UserService"]).answer)
    source = remote_of(f"grpc://{address}")
    assert str(source) == f"grpc://{address}"
    assert source is not None
    assert sources.load([source]).method("GetUser")
    assert sources.watched([source]) == []


async def test_it_may_be_read_within_a_loop(reflect: Callable[[Any], str]) -> None:
    address = reflect(Whole(FILES, ["user.UserService"]).answer)
    assert sources.load([ReflectedProtos(Target.parse(address))]).method("GetUser")


def test_a_mock_is_made_of_it() -> None:
    with MockServer(ROOT / "protos", transport="aio") as real, MockServer(f"grpc://{real.target}") as mock:
        assert list(mock.registry.services) == ["user.UserService"]


def test_a_token_is_sent_along(reflect: Callable[[Any], str]) -> None:
    seen: list[Any] = []
    whole = Whole(FILES, ["user.UserService"])

    async def guarded(requests: Any, context: Any) -> AsyncIterator[Any]:
        seen.append(dict(context.invocation_metadata()).get("authorization"))
        async for response in whole.answer(requests, context):
            yield response

    target = Target.parse(reflect(guarded), metadata=(("authorization", "Bearer x"),))
    assert ReflectedProtos(target).read()
    assert set(seen) == {"Bearer x"}


def test_one_that_is_refused_is_told_what_to_give(reflect: Callable[[Any], str]) -> None:
    source = ReflectedProtos(Target.parse(reflect(deny)))
    with pytest.raises(TargetError, match=r"UNAUTHENTICATED: who are you.*'authorization: Bearer TOKEN'"):
        source.read()


def test_a_server_without_reflection(reflect: Callable[[Any], str]) -> None:
    source = ReflectedProtos(Target.parse(reflect(None)), way_out="Write them down.")
    with pytest.raises(TargetError, match=r"has no reflection service.* Write them down\."):
        source.read()


def test_nobody_there() -> None:
    with pytest.raises(TargetError, match="Nothing is listening on 127"):
        ReflectedProtos(Target.parse("127.0.0.1:1")).read()


def test_texts_are_told_apart() -> None:
    assert remote_of("protos/user.proto") is None
    assert isinstance(remote_of("https://example.com/api.binpb"), Download)
    assert str(remote_of("grpcs://example.com:443")) == "grpcs://example.com:443"
    with pytest.raises(ConfigError, match=r"names no port|has no path"):
        remote_of("grpc://example.com/path")
    with pytest.raises(SchemaError, match="grpc://HOST:PORT"):
        remote_of("https://example.com")
