"""What commands that run until they are told to end have in common: loop, signals, ready file, words on stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grpcmock.servers.addresses import Address


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Take uvloop, which is faster than asyncio's own loop, where there is one: not on Windows."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop
    return factory


def on_signals(ended: asyncio.Event, hurried: asyncio.Event) -> None:
    """Let the first SIGINT or SIGTERM set *ended*, and a SIGINT after that *hurried*.

    Not by exceptions: one that is raised within gRPC's own callbacks would be lost.
    """
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        if ended.is_set() and number is signal.SIGINT:
            hurried.set()
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, end, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda number, _: loop.call_soon_threadsafe(end, signal.Signals(number)))


@contextmanager
def ready(file: Path | None, addresses: Sequence[Address]) -> Iterator[None]:
    """Hold a file with one address a line while the server answers. It appears whole, and is gone afterwards."""
    if file is None:
        yield
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text("".join(f"{address}\n" for address in addresses))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def tell_addresses(addresses: Sequence[Address]) -> None:
    """Tell programs where a server listens, in a line of JSON on stdout."""
    told = list(map(str, addresses))
    click.echo(json.dumps({"event": "listening", "address": told[0], "addresses": told}))


_COLORS = {"warning": "yellow", "error": "red"}


def say(level: str, text: str) -> None:
    """Say something on stderr; *level* is ``info``, ``warning`` or ``error``."""
    prefix = click.style(f"{level}: ", fg=_COLORS[level], bold=True) if level in _COLORS else ""
    with suppress(OSError, ValueError):  # nobody listens any more
        click.echo(f"{prefix}{text}", err=True)
