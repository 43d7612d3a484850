from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, registry

from grpcmock.errors import TargetError
from grpcmock.schema import adding
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions

PATIENCE = 20.0
STUBS = "- {name: one, method: UserService/GetUser, response: {name: '1'}}\n"


class World:
    """A host that reloads its files when they change."""

    def __init__(self, folder: Path) -> None:
        self.proto, self.stubs = folder / "user.proto", folder / "stubs.yaml"
        self.proto.write_text((ROOT / "protos" / "user.proto").read_text())
        self.stubs.write_text(STUBS)
        self._said: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        options = HostOptions(watch=True)
        self.host = Host(Files([self.proto], [self.stubs]), options, log=lambda *said: self._said.put_nowait(said))

    async def change(self, file: Path, text: str) -> str:
        """Change a file, and give the level of what is said of the reload."""
        file.with_suffix(".new").write_text(text)
        file.with_suffix(".new").replace(file)
        async with asyncio.timeout(PATIENCE):
            return (await self._said.get())[0]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    made.host.listen(Address.parse("127.0.0.1:0"))
    await made.host.start()
    yield made
    await made.host.stop(0)
    gc.unfreeze()


async def test_protos_that_did_not_change_are_used_again(world: World) -> None:
    engine = world.host.engine
    first, fresh = engine.registry, weakref.ref(engine.registry)
    assert await world.change(world.stubs, STUBS + STUBS.replace("one", "two")) == "info"
    assert len(engine.store) == 2
    assert engine.registry is first
    del first
    assert await world.change(world.proto, world.proto.read_text() + "message New {}") == "info"
    assert fresh() is None, "what was replaced is freed"
    assert "user.New" in engine.registry.message_names()
    assert len(engine.store) == 2


async def test_a_reload_never_collects_all_objects(world: World) -> None:
    usual, generations = gc.get_threshold(), set()
    gc.freeze()
    gc.collect()  # from here on few objects are old, so that soon all would be due
    gc.callbacks.append(note := lambda _, info: generations.add(info["generation"]))
    gc.set_threshold(100, 2, 2)
    try:
        assert (
            await world.change(world.stubs, STUBS + "".join(STUBS.replace("one", f"s{n}") for n in range(200)))
            == "info"
        )
        assert (
            await world.change(world.stubs, STUBS + "- {method: UserService/GetUser, response: {nosuch: 1}}") == "error"
        )
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*usual)
    assert 1 in generations
    assert 2 not in generations


async def test_a_reload_goes_on_with_the_last_good_protos_of_a_server_that_is_gone(tmp_path: Path) -> None:
    stubs, said = tmp_path / "stubs.yaml", asyncio.Queue[tuple[str, str]]()
    stubs.write_text(STUBS)

    class Elsewhere:
        is_there = True

        def read(self) -> Any:
            if not self.is_there:
                raise TargetError("Nothing is listening on 192.0.2.1:1.")
            return list(registry("user.proto").files.file)

        def __str__(self) -> str:
            return "grpc://192.0.2.1:1"

    elsewhere = Elsewhere()
    host = Host(Files([elsewhere], [stubs]), HostOptions(watch=True), log=lambda *told: said.put_nowait(told))
    host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    try:
        elsewhere.is_there = False
        stubs.write_text(STUBS + STUBS.replace("one", "two"))
        async with asyncio.timeout(PATIENCE):
            assert (await said.get())[0] == "info"
            level, text = await said.get()
        assert (level, len(host.engine.store)) == ("warning", 2)
        assert text.startswith("The last good protos go on, since they can't be read anew: Nothing is listening")
        assert host.engine.journal.notes[-1].text == text
    finally:
        await host.stop(0)
        gc.unfreeze()


async def test_protos_that_were_added_stay_over_a_reload(world: World) -> None:
    engine = world.host.engine
    text = 'syntax = "proto3"; package t; service T { rpc Do(M) returns (M); } message M { int32 id = 1; }'
    engine.add_protos(adding.compiled({"t.proto": text}, engine.registry))()
    assert await world.change(world.stubs, STUBS + "- {name: t, method: t.T/Do, response: {id: 1}}\n") == "info"
    assert [entry.name for entry in engine.store] == ["one", "t"]
    newer = world.proto.read_text() + "message Extra {}"
    assert await world.change(world.proto, newer) == "info"
    assert engine.registry.method("t.T/Do")
