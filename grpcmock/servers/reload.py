"""Hot reload: notices that watched files changed, loads them anew, and keeps what was there if that fails."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from grpcmock.errors import GrpcmockError
from grpcmock.servers.watch import Listener, Print, fingerprint

T = TypeVar("T")

_POLL = 0.4
"""Seconds between two looks at the files, where the system reports no change by itself."""

_POLL_SHARE = 0.03
"""The share of time that those looks may take: huge trees are looked at less often."""

_SETTLE = 0.05
"""Seconds without a change after which a burst of changes is over."""

_SETTLE_LIMIT = 0.4
"""Seconds after which a burst of changes is loaded even if it goes on."""


class Reloader(Generic[T]):
    """Loads again what changed, within a second.

    *watched* lists the files and directories to watch; it is asked anew after each load, since a stub may come to name
    another data file. *load* runs in a thread, so that calls are answered meanwhile. *apply* takes what it gave, in
    the loop. If either raises, *failed* is told why, and there is no further try before the next change.

    Create it before the first load, so that no change is missed between.
    """

    def __init__(
        self,
        watched: Callable[[], Iterable[str | Path]],
        load: Callable[[], T],
        apply: Callable[[T], Awaitable[None] | None],
        failed: Callable[[GrpcmockError], Awaitable[None] | None],
        *,
        events: bool = True,
    ) -> None:
        self._watched = watched
        self._load = load
        self._apply = apply
        self._failed = failed
        self._events = events
        self._woken = asyncio.Event()
        self._busy = asyncio.Lock()
        self._paths: tuple[Path, ...] = ()
        self._paths = self._ask()
        self._seen: Print = fingerprint(self._paths)
        """The files in the version that was loaded last."""

    async def reload(self) -> bool:
        """Load now, whether or not anything changed. Says whether that went well."""
        async with self._busy:
            # Taken before loading: what changes meanwhile is a change afterwards.
            self._seen = await asyncio.to_thread(fingerprint, self._paths)
            try:
                await _finish(self._apply(await asyncio.to_thread(self._load)))
            except GrpcmockError as error:
                await _finish(self._failed(error))
                return False
            except Exception as error:  # noqa: BLE001 (whatever happens, the server lives on with what it has)
                text = f"Reloading failed unexpectedly: {type(error).__name__}: {error}"
                await _finish(self._failed(GrpcmockError(text)))
                return False
            await asyncio.to_thread(self._follow)
            return True

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        listener = Listener(lambda: loop.call_soon_threadsafe(self._woken.set)) if self._events else None
        await asyncio.to_thread(self._follow)
        pause = 0.0
        try:
            while True:
                # Not wait_for: until Python 3.12 that swallows a cancellation which comes with what it waits for.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
                self._woken.clear()
                if listener is not None:
                    await asyncio.to_thread(listener.listen, self._paths)
                started = time.monotonic()
                found = await asyncio.to_thread(fingerprint, self._paths)
                pause = max(_POLL, (time.monotonic() - started) / _POLL_SHARE)
                if found != self._seen and await self._settled(found) != self._seen:
                    await self.reload()
        finally:
            if listener is not None:
                await asyncio.to_thread(listener.stop)

    async def _settled(self, found: Print) -> Print:
        """Wait until the files are the same for a while: editors and checkouts write many, or one in several steps."""
        limit = time.monotonic() + _SETTLE_LIMIT
        while time.monotonic() < limit:
            await asyncio.sleep(_SETTLE)
            before, found = found, await asyncio.to_thread(fingerprint, self._paths)
            if before == found:
                break
        return found

    def _ask(self) -> tuple[Path, ...]:
        try:
            return tuple(sorted(set(map(Path, self._watched()))))
        except (GrpcmockError, OSError):  # loading says what is wrong; here it only means that nothing new is known
            return self._paths

    def _follow(self) -> None:
        """Watch what is to be watched after a load.

        What was watched before counts as it was when it was loaded, also where it is gone by now, or new.
        """
        paths, before = self._ask(), self._paths
        if paths != before:
            added = {path: version for path, version in fingerprint(paths).items() if not _is_below(path, before)}
            self._seen = added | {path: version for path, version in self._seen.items() if _is_below(path, paths)}
            self._paths = paths


def _is_below(path: str, watched: Iterable[Path]) -> bool:
    return any(path == str(one) or path.startswith(f"{one}{os.sep}") for one in watched)


async def _finish(result: Awaitable[None] | None) -> None:
    if inspect.isawaitable(result):
        await result
