"""Ctrl-C during a run: the first ends it with a summary, the second at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.run.loop import Run


@contextlib.contextmanager
def stop_on_interrupt(run: Run) -> Iterator[None]:
    """Let Ctrl-C stop the *run*, and with it also SIGTERM, as CI sends it. Where there are no signals, do nothing."""
    loop = asyncio.get_running_loop()

    def stop(name: str, number: signal.Signals) -> None:
        loop.remove_signal_handler(number)  # the next one is not asked what it means
        run.stop(name)

    added = []
    for name, number in (("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop, name, number)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
