"""``grpcmock serve``: a mock server at a terminal or under another program."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from grpcmock.cli import live
from grpcmock.cli.options import (
    SIZE,
    STATUS_CODE,
    files,
    imports_option,
    listening_tls_options,
    protos_argument,
    stubs_option,
    transport_option,
)
from grpcmock.cli.record_options import forward_options, options_of, record_options, sum_up
from grpcmock.cli.running import loop_factory, on_signals, ready, say, tell_addresses
from grpcmock.cli.target_options import Connection
from grpcmock.errors import ConfigError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.record.recorder import Options as RecordOptions
    from grpcmock.record.recorder import Recorder
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.host import Files, Host, HostOptions

DEFAULT_LISTEN = "127.0.0.1:50051"


@click.command(
    epilog="With port 0 a free one is taken, and told in a line of JSON on stdout and in the ready file. "
    "Ctrl-C and SIGTERM end the server after the calls under way; a second Ctrl-C ends it at once."
)
@protos_argument
@stubs_option
@imports_option
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT|unix:PATH",
    help=f"Where to listen; repeatable.  [default: {DEFAULT_LISTEN}]",
)
@click.option("--ready-file", type=click.Path(path_type=Path), metavar="FILE", help="Hold the addresses while serving.")
@forward_options
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Write what --forward's server answers as stubs.",
)
@record_options
@click.option("--auto", is_flag=True, help="Answer what no stub answers with generated data.")
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of all randomness.")
@click.option(
    "--unmatched-code",
    type=STATUS_CODE,
    default=Code.UNIMPLEMENTED,
    metavar="NAME",
    help="The status of a call that no stub answers.  [default: UNIMPLEMENTED]",
)
@click.option("--admin", is_flag=True, help="Offer the admin service grpcmock.admin.v1.")
@click.option("--admin-token", metavar="TOKEN", help="Demand this token of the admin service's callers.")
@listening_tls_options
@click.option(
    "--interceptor",
    "interceptors",
    multiple=True,
    metavar="MODULE:ATTRIBUTE",
    help="A grpc.aio.ServerInterceptor; repeatable, the first is the outermost.",
)
@transport_option
@click.option(
    "--max-message-size",
    type=SIZE,
    default=4 << 20,
    metavar="SIZE",
    help="The largest message taken.  [default: 4MiB]",
)
@click.option(
    "--compression",
    type=click.Choice(("none", "gzip", "deflate")),
    default="none",
    show_default=True,
    help="Of the responses, where the client takes it.",
)
@click.option("--reflection/--no-reflection", default=True, help="Tell clients what the protos say.  [default: yes]")
@click.option("--watch/--no-watch", default=True, help="Pick up changes of the files.  [default: yes]")
@click.option(
    "--journal-size",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Calls that the journal keeps.",
)
@click.option(
    "--journal-bytes",
    type=SIZE,
    default=64 << 20,
    metavar="SIZE",
    help="Bytes that the journal keeps.  [default: 64MiB]",
)
@click.option(
    "--log",
    type=click.Choice(live.FORMATS),
    help="Print each call as a line, only the misses, each call as JSON, or none.  "
    "[default: calls on a terminal, else misses]",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="For calls under way when the server is told to end.",
)
def command(
    protos: tuple[Path, ...],
    stubs: tuple[Path, ...],
    imports: tuple[Path, ...],
    listen: tuple[str, ...],
    ready_file: Path | None,
    forward: str | None,
    record: Path | None,
    redact: tuple[str, ...],
    ignore_varying: tuple[str, ...],
    match_metadata: tuple[str, ...],
    timing: bool,
    auto: bool,
    seed: int,
    unmatched_code: Code,
    admin: bool,
    admin_token: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    interceptors: tuple[str, ...],
    transport: Literal["aio", "h2"],
    max_message_size: int,
    compression: str,
    reflection: bool,
    watch: bool,
    journal_size: int,
    journal_bytes: int,
    log: str | None,
    grace: float,
    forwarding: Connection,
) -> None:
    """Serve the methods of protos from stubs.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]
    """
    import grpc

    from grpcmock.engine.environment import EngineOptions
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.aio import ServerOptions
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.host import HostOptions
    from grpcmock.servers.interceptors import load

    addresses = [Address.parse(text) for text in listen or (DEFAULT_LISTEN,)]
    compressions = {
        "none": grpc.Compression.NoCompression,
        "gzip": grpc.Compression.Gzip,
        "deflate": grpc.Compression.Deflate,
    }
    if transport == "h2" and (interceptors or compression != "none"):
        raise ConfigError("--transport h2 knows neither --interceptor nor --compression; the transport aio does.")
    elsewhere = _elsewhere(
        forward, forwarding, record, options_of(redact, ignore_varying, match_metadata, timing=timing)
    )
    if elsewhere is not None and (auto or transport == "h2"):
        raise ConfigError(f"--forward and {'--auto' if auto else '--transport h2'} exclude each other.")
    options = HostOptions(
        transport=transport,
        engine=EngineOptions(seed=seed, auto=auto, unmatched_code=unmatched_code),
        server=ServerOptions(
            max_message_size=max_message_size,
            compression=compressions[compression],
            interceptors=load(interceptors),
        ),
        journal_calls=journal_size,
        journal_bytes=journal_bytes,
        reflection=reflection,
        watch=watch,
        admin=admin or admin_token is not None,
        admin_token=admin_token,
    )
    if interceptors:
        # What they log is to be seen, unless a module of theirs has set up logging itself.
        logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    tls = TlsFiles.given(tls_cert, tls_key, tls_client_ca)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            _serve(
                files(protos, stubs, imports),
                options,
                addresses,
                tls,
                elsewhere,
                ready_file,
                log or ("calls" if sys.stdout.isatty() else "misses"),
                grace,
            )
        )


async def _serve(
    made_of: Files,
    options: HostOptions,
    addresses: Sequence[Address],
    tls: TlsFiles | None,
    elsewhere: _Elsewhere | None,
    ready_file: Path | None,
    log: str,
    grace: float,
) -> None:
    from grpcmock.servers.host import Host

    # While the files are loaded the loop doesn't run: Ctrl-C has to come as an exception.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What is loaded stays. A garbage collector that went through many stubs would stop the server for a second.
    gc.disable()
    try:
        with _progress() as progress:
            host = Host(made_of, options, log=say, progress=progress)
    finally:
        gc.freeze()
        gc.enable()
    for address in addresses:
        host.listen(address, tls)
    if log != "none":
        host.engine.journal.subscribe(live.Printer(log, sys.stdout))
    ended, hurried = asyncio.Event(), asyncio.Event()
    async with _forwarding(elsewhere, host) as recorder:
        on_signals(ended, hurried)
        await host.start()
        try:
            # The file first: who reads the line may look for it at once.
            with ready(ready_file, host.addresses):
                free = any(address.scheme == "tcp" and not address.port for address in addresses)
                _announce(host, elsewhere, machine=free or log == "json")
                await ended.wait()
        finally:
            await _stop(host, grace, hurried)
    if recorder is not None:
        sum_up(recorder.finish())
    say("info", "Stopped.")


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Where calls go that no stub answers."""

    target: Target
    record: Path | None
    """The directory for recorded stubs; None where nothing is recorded."""
    options: RecordOptions


def _elsewhere(
    forward: str | None, forwarding: Connection, record: Path | None, options: RecordOptions
) -> _Elsewhere | None:
    if forward is None:
        if record is not None:
            raise ConfigError("--record needs a server to record: name it with --forward.")
        if forwarding != Connection():
            raise ConfigError("Options on how to pass calls on need a server: name it with --forward.")
        return None
    return _Elsewhere(forwarding.target(forward), record, options)


@asynccontextmanager
async def _forwarding(elsewhere: _Elsewhere | None, host: Host) -> AsyncIterator[Recorder | None]:
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
    if not sys.stderr.isatty():
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


def _announce(host: Host, elsewhere: _Elsewhere | None, *, machine: bool) -> None:
    """Tell people what is served, on stderr; and programs where, on stdout."""
    methods, stubs = len(host.engine.registry.methods), len(host.engine.store)
    for warning in host.engine.warnings:
        say("info", str(warning))
    if not stubs and not host.options.engine.auto and elsewhere is None:
        say(
            "warning",
            "There are no stubs, so every call is a miss. `grpcmock init` writes some; --auto generates answers.",
        )
    answering = f"{stubs:,} stub{'' if stubs == 1 else 's'} for {methods:,} method{'' if methods == 1 else 's'}"
    where = ", ".join(map(str, host.addresses))
    rest = f", and the rest from {elsewhere.target}" if elsewhere is not None else ""
    say("info", f"Serving {answering} on {click.style(where, bold=True)}{rest}. Ctrl-C ends.")
    if not all(address.is_local for address in host.addresses):
        say("warning", "Other machines can reach this server.")
    if machine:
        tell_addresses(host.addresses)
