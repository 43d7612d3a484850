"""Functions that may block, or never return, called from an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


async def in_thread(function: Callable[[], Any], name: str = "grpcmock-blocking") -> Any:
    """Call a function in a new thread: however many wait, none holds up another, or keeps the program from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def finish(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, raised = None, None
        try:
            result = function()
        except StopIteration as error:  # no future takes it
            raised = RuntimeError(f"it raised StopIteration: {error}")
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            raised = error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, result, raised)

    threading.Thread(target=run, daemon=True, name=name).start()
    return await done
