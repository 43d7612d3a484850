"""Event loops and threads: those of the tested code, and that of the mock, which answers in one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.engine.steps import HandlerRaised

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.steps import HandlerEvent

T = TypeVar("T")
Ask = Callable[["HandlerEvent"], Awaitable["Message | None"]]

ANOTHER_LOOP = (
    "This would wake an async handler of the mock, which waits in another event loop and thread: the queues, events "
    "and futures of asyncio belong to one loop. Push from the test with on(…).pushes(), let a plain function wait for "
    "a queue.Queue, or declare the handler within the running loop of the test."
)

HANDLER_LOOPS = (
    "An async handler runs in the event loop that it was declared in, while that runs, else in that of the mock; "
    "what belongs to another loop can't be awaited there."
)

PATIENCE = 5.0
"""Seconds in which the loop of a test must begin to run a handler that was declared in it."""


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def awaited(awaitable: Awaitable[T]) -> T:
    """Make a coroutine of whatever can be awaited."""
    return await awaitable


async def visiting(
    home: asyncio.AbstractEventLoop,
    ask: Ask,
    answer: Callable[[Ask], Coroutine[Any, Any, None]],
    name: str,
) -> None:
    """Run a handler in the loop *home* of a test, while its call is answered in this one.

    If that loop does nothing for a while, the handler has failed: a blocking call holds it up, perhaps this very one.
    """
    here = asyncio.get_running_loop()
    begun = asyncio.Event()

    async def ask_here(event: HandlerEvent) -> Message | None:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(ask(event)), here))

    async def run() -> None:
        here.call_soon_threadsafe(begun.set)
        await answer(ask_here)

    answered = asyncio.run_coroutine_threadsafe(run(), home)
    try:
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
    except TimeoutError:
        answered.cancel()
        text = (
            f"the async handler {name} runs in the event loop of the test, where it was declared, and that has done "
            f"nothing for {PATIENCE:g} s. Call a blocking client in a thread (await asyncio.to_thread(…)), or answer "
            "by a plain function."
        )
        await ask(HandlerRaised(RuntimeError(text)))
        return
    except asyncio.CancelledError:
        answered.cancel()
        raise
    await asyncio.wrap_future(answered)
