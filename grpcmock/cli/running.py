"""What commands that run until they are told to end have in common: loop, signals, ready file, words on stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.servers.addresses import Address

_F = TypeVar("_F", bound=Callable[..., Any])


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


def ready_file_option(what: str) -> Callable[[_F], _F]:
    """Add ``--ready-file``. A file that an earlier server left is removed before other options are even looked at."""

    def clear(ctx: click.Context, _: click.Parameter, file: Path | None) -> Path | None:
        if file is not None and not ctx.resilient_parsing:
            _clear(file)
        return file

    return click.option(
        "--ready-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        is_eager=True,
        callback=clear,
        help=f"Hold the addresses while {what}.",
    )


def _clear(file: Path) -> None:
    """Remove a ready file: whoever waits for one must not take it for that of the server that is about to start.

    Raises :class:`ConfigError` if none can be written there later.
    """
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
def ready(file: Path | None, addresses: Sequence[Address], **others: Sequence[Address]) -> Iterator[None]:
    """Hold a file with one address a line while the server answers, the *others* behind their name: ``http ADDRESS``.

    It appears whole, and is gone afterwards.
    """
    if file is None:
        yield
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    named = (f"{name} {address}" for name, of_name in others.items() for address in of_name)
    content = "".join(f"{line}\n" for line in (*addresses, *named))
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


def tell_addresses(addresses: Sequence[Address], **others: Sequence[Address]) -> None:
    """Tell programs where a server listens, in a line of JSON on stdout; the *others* under their name."""
    told = list(map(str, addresses))
    event = {"event": "listening", "address": told[0], "addresses": told}
    click.echo(json.dumps({**event, **{name: list(map(str, of_name)) for name, of_name in others.items() if of_name}}))


_COLORS = {"warning": "yellow", "error": "red"}


def say(level: str, text: str) -> None:
    """Say something on stderr; *level* is ``info``, ``warning`` or ``error``."""
    prefix = click.style(f"{level}: ", fg=_COLORS[level], bold=True) if level in _COLORS else ""
    with suppress(OSError, ValueError):  # nobody listens any more
        click.echo(f"{prefix}{text}", err=True)
