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

from grpcmock.errors import ConfigError

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


def clear_ready(file: Path | None) -> None:
    """Remove the ready file that an earlier server left: whoever waits for one must not take it for this server's.

    Raises :class:`ConfigError` if no such file can be written later.
    """
    if file is None:
        return
    if file.is_dir():
        raise ConfigError(f"--ready-file {file}: this is a directory. Name a file in it, such as {file / 'ready'}.")
    if not file.parent.is_dir():
        what = "is no directory" if file.parent.exists() else "doesn't exist"
        raise ConfigError(
            f"--ready-file {file}: the folder {file.parent} {what}. Make it first: mkdir -p {file.parent}"
        )
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"--ready-file {file} can't be replaced: {error.strerror or error}.") from None


@contextmanager
def ready(file: Path | None, addresses: Sequence[Address]) -> Iterator[None]:
    """Hold a file with one address a line while the server answers. It appears whole, and is gone afterwards."""
    if file is None:
        yield
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    content = "".join(f"{address}\n" for address in addresses)
    try:
        draft.write_text(content)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ConfigError(f"--ready-file {file} can't be written: {error.strerror or error}.") from None
    try:
        yield
    finally:
        with suppress(OSError):
            if file.read_text() == content:  # else another server has written its own there since
                file.unlink()


def tell_addresses(addresses: Sequence[Address]) -> None:
    """Tell programs where a server listens, in a line of JSON on stdout."""
    told = list(map(str, addresses))
    click.echo(json.dumps({"event": "listening", "address": told[0], "addresses": told}))


_COLOURS = {"warning": "yellow", "error": "red"}


def say(level: str, text: str) -> None:
    """Say something on stderr; *level* is ``info``, ``warning`` or ``error``."""
    prefix = click.style(f"{level}: ", fg=_COLOURS[level], bold=True) if level in _COLOURS else ""
    with suppress(OSError, ValueError):  # nobody listens any more
        click.echo(f"{prefix}{text}", err=True)
