from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from grpcmock.errors import ConfigError, GrpcmockError, StubError
from grpcmock.servers.reload import Reloader
from grpcmock.servers.watch import Listener, fingerprint


class World:
    """A folder, a reloader over it, and what the reloader did. Loading gives the texts of all files by name."""

    def __init__(self, folder: Path, watched: Path | None = None, **options: Any) -> None:
        self.folder = folder
        self.outcomes: asyncio.Queue[Any] = asyncio.Queue()
        self.watched: list[Path] = [watched or folder]
        self.reloader = Reloader(lambda: self.watched, self.load, self.outcomes.put_nowait, self.failed, **options)

    def load(self) -> dict[str, str]:
        if not self.folder.is_dir():
            raise ConfigError("the folder is gone")
        found = {path.name: path.read_text() for path in sorted(self.folder.rglob("*.yaml"))}
        if "broken" in found.values():
            raise StubError([])
        if "bug" in found.values():
            raise ZeroDivisionError("a bug")
        return found

    async def failed(self, error: GrpcmockError) -> None:
        await self.outcomes.put(error)

    async def outcome(self) -> Any:
        async with asyncio.timeout(30):
            return await self.outcomes.get()


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    task = asyncio.create_task(world.reloader.run())
    try:
        yield world
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(params=[True, False], ids=["events", "polling"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "stubs"
    folder.mkdir()
    (folder / "a.yaml").write_text("1")
    async with running(World(folder, events=request.param)) as world:
        yield world


def write(world: World) -> None:
    (world.folder / "a.yaml").write_text("22")


def add(world: World) -> None:
    (world.folder / "b.yaml").write_text("new")


def add_below(world: World) -> None:
    (world.folder / "more" / "deep").mkdir(parents=True)
    (world.folder / "more" / "deep" / "c.yaml").write_text("deep")


def delete(world: World) -> None:
    (world.folder / "a.yaml").unlink()


def save_as_editors_do(world: World) -> None:
    (world.folder / ".a.yaml.swp").write_text("22")
    (world.folder / "a.yaml").rename(world.folder / "a.yaml~")
    (world.folder / ".a.yaml.swp").rename(world.folder / "a.yaml")
    (world.folder / "a.yaml~").unlink()


def same_size_and_time(world: World) -> None:
    path = world.folder / "a.yaml"
    status = path.stat()
    other = world.folder / "a.tmp"
    other.write_text("2")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "loaded"),
    [
        (write, {"a.yaml": "22"}),
        (add, {"a.yaml": "1", "b.yaml": "new"}),
        (add_below, {"a.yaml": "1", "c.yaml": "deep"}),
        (delete, {}),
        (save_as_editors_do, {"a.yaml": "22"}),
        (same_size_and_time, {"a.yaml": "2"}),
    ],
)
async def test_a_change_is_loaded(world: World, change: Callable[[World], None], loaded: dict[str, str]) -> None:
    change(world)
    assert await world.outcome() == loaded


async def test_a_broken_set_is_reported_once_and_the_mended_one_loaded(world: World) -> None:
    (world.folder / "a.yaml").write_text("broken")
    assert isinstance(await world.outcome(), StubError)
    (world.folder / "a.yaml").write_text("3")
    assert await world.outcome() == {"a.yaml": "3"}
    assert world.outcomes.empty()


async def test_a_bug_while_loading_does_not_end_the_watching(world: World) -> None:
    (world.folder / "a.yaml").write_text("bug")
    error = await world.outcome()
    assert "ZeroDivisionError: a bug" in str(error)
    write(world)
    assert await world.outcome() == {"a.yaml": "22"}


async def test_a_directory_that_disappears_and_comes_back(world: World) -> None:
    shutil.rmtree(world.folder)
    assert str(await world.outcome()) == "the folder is gone"
    world.folder.mkdir()
    # An empty directory may be seen on the way, or not.
    write(world)
    outcome = await world.outcome()
    while outcome == {}:
        outcome = await world.outcome()
    assert outcome == {"a.yaml": "22"}
    (world.folder / "a.yaml").write_text("333")
    assert await world.outcome() == {"a.yaml": "333"}


async def test_watching_ends_even_if_a_change_is_reported_at_that_moment(tmp_path: Path) -> None:
    reloader = World(tmp_path, events=False).reloader
    task = asyncio.create_task(reloader.run())
    async with asyncio.timeout(30):
        while not reloader._woken._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110 (that it waits is no event)
            await asyncio.sleep(0)
    reloader._woken.set()
    task.cancel()
    assert (await asyncio.wait([task], timeout=10))[0]


async def test_a_burst_is_loaded_as_one(world: World) -> None:
    for number in range(100):
        (world.folder / f"n{number}.yaml").write_text("x")
    assert len(await world.outcome()) == 101


async def test_files_of_no_concern_load_nothing(world: World) -> None:
    (world.folder / "notes.txt").write_text("x")
    (world.folder / ".hidden.yaml").write_text("x")
    (world.folder / "a.yaml~").write_text("x")
    (world.folder / "node_modules").mkdir()
    (world.folder / "node_modules" / "x.yaml").write_text("x")
    before = fingerprint([world.folder])
    assert {Path(path).name for path in before} == {"stubs", "a.yaml"}


async def test_a_change_before_watching_began_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("1")
    world = World(tmp_path)
    write(world)  # after loading, before running
    async with running(world):
        assert await world.outcome() == {"a.yaml": "22"}


@pytest.mark.parametrize(
    ("change", "loaded"),
    [(write, {"a.yaml": "22"}), (add, {"a.yaml": "1", "b.yaml": "new"}), (delete, {})],
)
async def test_nor_where_the_load_names_more_to_watch(
    tmp_path: Path, change: Callable[[World], None], loaded: dict[str, str]
) -> None:
    folder, data = tmp_path / "stubs", tmp_path / "data.csv"
    folder.mkdir()
    (folder / "a.yaml").write_text("1")
    data.write_text("x")
    world = World(folder)
    world.watched = [folder, data]
    change(world)
    async with running(world):
        assert await world.outcome() == loaded


async def test_a_single_file_is_watched_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "users.tsv"
    file.write_text("1")
    world = World(tmp_path, watched=file)
    async with running(world):
        other = tmp_path / "users.new"
        other.write_text("22")
        other.replace(file)
        assert await world.outcome() == {}


async def test_what_a_load_names_is_watched_from_then_on(world: World, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("1")
    world.watched.append(data)
    write(world)
    assert await world.outcome() == {"a.yaml": "22"}
    async with world.reloader._busy:  # what is to be watched is asked just after the outcome
        assert data in world.reloader._paths
    data.write_text("22")
    assert await world.outcome() == {"a.yaml": "22"}


async def test_what_need_not_be_watched_any_more_does_not_look_like_a_change(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    data = tmp_path / "sub" / "data.csv"
    data.write_text("1")
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    world = World(stubs)
    world.watched.append(data)
    assert await world.reloader.reload()
    world.watched.remove(data)
    assert await world.reloader.reload()
    assert world.reloader._seen == fingerprint([stubs])


async def test_what_changes_while_loading_is_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("1")
    world = World(tmp_path)
    changed_meanwhile = iter(["333"])

    def load() -> dict[str, str]:
        found = World.load(world)
        for text in changed_meanwhile:
            (tmp_path / "a.yaml").write_text(text)
        return found

    world.reloader._load = load
    async with running(world):
        write(world)
        assert await world.outcome() == {"a.yaml": "22"}
        assert await world.outcome() == {"a.yaml": "333"}


async def test_loading_leaves_the_loop_free(world: World) -> None:
    release = threading.Event()

    def load() -> dict[str, str]:
        release.wait(30)
        return {}

    world.reloader._load = load
    reloading = asyncio.create_task(world.reloader.reload())
    await asyncio.sleep(0)
    assert not reloading.done()  # we are here, while loading waits
    release.set()
    assert await reloading


async def test_an_apply_that_fails_is_reported(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def refuse(loaded: object) -> None:
        raise ConfigError("not now")

    world.reloader._apply = refuse
    assert not await world.reloader.reload()
    assert str(await world.outcome()) == "not now"


async def test_paths_that_cannot_be_asked_for_stay_as_they_were(world: World) -> None:
    def raising() -> list[Path]:
        raise ConfigError("gone")

    before = world.reloader._paths
    world.reloader._watched = raising
    write(world)
    assert await world.outcome() == {"a.yaml": "22"}
    assert world.reloader._paths == before


def test_a_change_of_a_links_target_is_a_change(tmp_path: Path) -> None:
    """Mounted configuration: each file is a link through ``..data``, which is turned to a new directory."""
    for version, text in (("v1", "1"), ("v2", "2")):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_text(text)
    data = tmp_path / "..data"
    data.symlink_to("..v1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    before = fingerprint([tmp_path])
    (tmp_path / "turned").symlink_to("..v2")
    (tmp_path / "turned").rename(data)
    assert fingerprint([tmp_path]) != before


def test_a_listener_reports_a_change_in_a_directory(tmp_path: Path) -> None:
    woken = threading.Event()
    listener = Listener(woken.set)
    listener.listen([tmp_path, tmp_path / "missing"])
    try:
        attempts = 0
        while not woken.wait(0.1):  # the first may come before the system listens
            attempts += 1
            assert attempts < 100
            (tmp_path / "a.yaml").write_text(str(attempts))
    finally:
        listener.stop()


def test_a_listener_without_the_systems_help_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import watchfiles

    def refuse(*args: object, **options: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    listener = Listener(lambda: None)
    listener.listen([tmp_path])
    (tmp_path / "more").mkdir()
    listener.listen([tmp_path, tmp_path / "more"])
    listener.stop()
    (told,) = caplog.messages
    assert "(OSError: OS file watch limit reached). The files are looked at now and then instead." in told
