"""A mock server from its options to its end: what ``grpcmock serve`` and ``grpcmock run`` share."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from grpcmock.cli import live, terminals
from grpcmock.cli.exporting import exporting
from grpcmock.cli.record_options import sum_up
from grpcmock.cli.running import loop_factory, on_signals, ready, say, tell_addresses
from grpcmock.cli.target_options import Connection
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.record.recorder import Options as RecordOptions
    from grpcmock.record.recorder import Recorder
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.host import Files, Host, HostOptions


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where calls go that no stub answers."""

    target: Target
    record: Path | None
    """The directory for recorded stubs; None where nothing is recorded."""
    options: RecordOptions


@dataclass(frozen=True, slots=True)
class Serving:
    """What is to be served, where, and how it is told."""

    files: Files
    options: HostOptions
    addresses: Sequence[Address]
    http: Sequence[Address]
    """Where gRPC-Web, Connect and JSON are spoken."""
    admin: Address | None
    """Where the admin service has a listener of its own; None if it hasn't."""
    tls: TlsFiles | None
    elsewhere: Elsewhere | None
    metrics: Address | None
    """Where metrics have a listener of their own; None if they haven't."""
    otel: bool | None
    """Whether calls are told by OpenTelemetry; None leaves it to the environment."""
    ready_file: Path | None
    log: str | None
    """The form in which calls are printed; None for the one that suits where they are printed to."""
    grace: float
    """Seconds for calls under way when the server is told to end."""


class Meanwhile(Protocol):
    """What is done while a server answers; it stops afterwards."""

    whom: str
    """For whom it serves, in words."""

    async def __call__(self, host: Host, ended: asyncio.Event, hurried: asyncio.Event) -> None:
        """Do it. *ended* is set by the first SIGINT or SIGTERM, *hurried* by a SIGINT after that."""


def serve(serving: Serving, meanwhile: Meanwhile | None = None) -> None:
    """Serve while *meanwhile* lasts; without it, until a signal comes, and then stdout belongs to the server."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(serving, meanwhile))


async def _serve(serving: Serving, meanwhile: Meanwhile | None) -> None:
    from grpcmock.servers.host import Host

    # While the files are loaded the loop doesn't run: Ctrl-C has to come as an exception.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What is loaded stays. A garbage collector that went through many stubs would stop the server for a second.
    gc.disable()
    try:
        with _progress() as progress:
            host = Host(serving.files, serving.options, log=say, progress=progress)
    finally:
        gc.freeze()
        gc.enable()
    for address in serving.addresses:
        host.listen(address, serving.tls)
    for address in serving.http:
        host.listen_http(address, serving.tls)
    if serving.admin is not None:
        host.listen_admin(serving.admin, serving.tls)
    if serving.metrics is not None:
        host.listen_metrics(serving.metrics, serving.tls)
    out = sys.stdout if meanwhile is None else sys.stderr
    log = serving.log or ("calls" if meanwhile is None and out.isatty() else "misses")
    if log != "none":
        printer = live.Printer(log, out, to_stub=_way_to_a_stub(host, serving.tls))
        host.engine.journal.subscribe(printer, of_misses=log == "misses")
    ended, hurried = asyncio.Event(), asyncio.Event()
    async with exporting(serving.otel, host), _forwarding(serving.elsewhere, host) as recorder:
        on_signals(ended, hurried)
        await host.start()
        try:
            # The file first: who reads the line may look for it at once.
            with ready(serving.ready_file, host.addresses, **_others(host)):
                _announce(host, serving, f", for {meanwhile.whom}." if meanwhile else ". Ctrl-C ends.")
                if meanwhile is not None:
                    await meanwhile(host, ended, hurried)
                else:
                    asked = (*serving.addresses, *serving.http, serving.admin, serving.metrics)
                    free = any(address and address.scheme == "tcp" and not address.port for address in asked)
                    if free or log == "json":
                        tell_addresses(host.addresses, **_others(host))
                    await ended.wait()
        finally:
            await _stop(host, serving.grace, hurried)
    if recorder is not None:
        sum_up(recorder.finish())
    if meanwhile is None:
        say("info", "Stopped.")


def _others(host: Host) -> dict[str, Sequence[Address]]:
    """Give the addresses of what is offered besides gRPC, by their names."""
    return {"http": host.http_addresses, "admin": host.admin_addresses, "metrics": host.metrics_addresses}


def elsewhere_of(
    forward: str | None, forwarding: Connection, record: Path | None, options: RecordOptions
) -> Elsewhere | None:
    """Say where calls go that no stub answers; None if nowhere. Raises :class:`ConfigError`."""
    if forward is None:
        if record is not None:
            raise ConfigError("--record needs a server to record: name it with --forward.")
        if forwarding != Connection():
            raise ConfigError("Options on how to pass calls on need a server: name it with --forward.")
        return None
    return Elsewhere(forwarding.target(forward), record, options)


@asynccontextmanager
async def _forwarding(elsewhere: Elsewhere | None, host: Host) -> AsyncIterator[Recorder | None]:
    """Pass on, if asked to; gives the recorder, if there is one."""
    if elsewhere is None:
        yield None
        return
    from grpcmock.record.forwarding import forwarding
    from grpcmock.record.recorder import Recorder
    from grpcmock.record.writing.folder import Folder

    recorder = None
    if elsewhere.record is not None:
        folder = Folder(elsewhere.record)
        folder.check()
        warn = partial(say, "warning")
        recorder = Recorder(lambda: host.engine.registry, folder, elsewhere.options, warn=warn)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
    async with forwarding(host.engine, elsewhere.target, recorder):
        yield recorder


def _way_to_a_stub(host: Host, tls: TlsFiles | None) -> str:
    """Say how a stub is made of the call whose id stands for ``{id}``; empty if there is no admin service to ask."""
    admin = host.options.admin
    if admin is None:
        return ""
    address = host.admin_addresses[0]
    if admin.apart:
        return f"{'http' if tls is None else 'https'}://{address}/#/calls/{{id}}"
    secure = " --tls" if tls is not None else ""
    token = " --admin-token TOKEN" if admin.token is not None else ""
    return f"grpcmock journal {address}{secure}{token} --as-stub {{id}}"


async def _stop(host: Host, grace: float, hurried: asyncio.Event) -> None:
    """Stop with grace, or without once *hurried* is set."""
    stopping, hurrying = asyncio.ensure_future(host.stop(grace)), asyncio.ensure_future(hurried.wait())
    await asyncio.wait((stopping, hurrying), return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if not stopping.done():
        stopping.cancel()
        raise click.Abort
    await stopping


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, once there is something to show: few stubs load before it would appear."""
    if not terminals.is_live(sys.stderr):
        yield lambda _: None
        return
    bar = None

    def progress(done: int) -> None:
        nonlocal bar
        if bar is None:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = SpinnerColumn(), TextColumn("Loading stubs: {task.completed:,.0f}"), TimeElapsedColumn()
            bar = Progress(*columns, console=Console(stderr=True), transient=True)
            bar.start()
            bar.add_task("stubs", total=None)
        bar.update(bar.task_ids[0], completed=done)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.stop()


def _announce(host: Host, serving: Serving, until: str) -> None:
    """Tell people what is served, on stderr."""
    elsewhere, tls = serving.elsewhere, serving.tls
    methods, stubs = len(host.engine.registry.methods), len(host.engine.store)
    for warning in host.engine.warnings:
        say("info", str(warning))
    if not stubs and not host.options.engine.auto and elsewhere is None:
        say(
            "warning",
            "There are no stubs, so every call is a miss. `grpcmock init` writes some; --auto generates answers.",
        )
    answering = f"{stubs:,} stub{'' if stubs == 1 else 's'} for {methods:,} method{'' if methods == 1 else 's'}"
    where = ", ".join(click.style(str(address), bold=True) for address in host.addresses)
    scheme = "http" if tls is None else "https"
    if host.http_addresses:
        urls = ", ".join(f"{scheme}://{address}" for address in host.http_addresses)
        where = f"{where}, by gRPC-Web, Connect and JSON on {urls}"
    if serving.admin is not None:
        where = f"{where}; the admin service on {', '.join(f'{scheme}://{one}' for one in host.admin_addresses)}"
    if serving.metrics is not None:
        where = f"{where}; metrics on {', '.join(f'{scheme}://{one}/metrics' for one in host.metrics_addresses)}"
    rest = f", and the rest from {elsewhere.target}" if elsewhere is not None else ""
    say("info", f"Serving {answering} on {where}{rest}{until}")
    others = (address for of_name in _others(host).values() for address in of_name)
    if not all(address.is_local for address in (*host.addresses, *others)):
        say("warning", "Other machines can reach this server.")
