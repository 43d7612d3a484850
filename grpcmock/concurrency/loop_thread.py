"""An event loop in a thread of its own, so that synchronous and asynchronous code can use one server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines and functions in one background event loop, for callers in any thread or loop."""

    def __init__(self, name: str = "grpcmock") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def guard(self, text: str) -> None:
        """Raise ``RuntimeError`` with *text* where another thread wakes something in the loop as if it were its own.

        Futures, queues and events of asyncio do so. It is woken nevertheless; without a guard, nothing is raised, and
        nothing wakes up for as long as the loop has nothing else to do.
        """
        call_soon = self._loop.call_soon

        def guarded(callback: Callable[..., object], *args: Any, **keywords: Any) -> asyncio.Handle:
            if not self.is_current:
                self._loop.call_soon_threadsafe(callback, *args, **keywords)
                raise RuntimeError(text)
            return call_soon(callback, *args, **keywords)

        self._loop.call_soon = guarded  # type: ignore[method-assign, assignment]

    @property
    def is_current(self) -> bool:
        """Whether the caller is in this very thread, where waiting for it would never end."""
        return threading.current_thread() is self._thread

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the loop, and give its future at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine in the loop and wait for its result; ``TimeoutError`` after *timeout* seconds."""
        return self.submit(coroutine).result(timeout)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the loop's thread and wait for its result; from that thread itself, at once."""
        if self.is_current:
            return function()

        result: Future[T] = Future()

        def called() -> None:
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                result.set_exception(error)

        # No task: that would take as long again as the way there and back.
        self._loop.call_soon_threadsafe(called)
        return result.result()

    def close(self) -> None:
        """Cancel what still runs, stop the loop, and wait for the thread to end. Harmless when closed already."""
        if not self._thread.is_alive():
            return
        self.run(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
