"""``grpcmock record``: stand between clients and a server, and write what passes as stubs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import PATH, imports_option, listening_tls_options, protos_argument, transport_option
from grpcmock.cli.record_options import options_of, record_options, sum_up
from grpcmock.cli.running import loop_factory, on_signals, ready, ready_file_option, say, tell_addresses
from grpcmock.cli.target_options import Connection, target_options, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.client.target import Target
    from grpcmock.record.session import Recording, Settings
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.servers.transports import Wanted

DEFAULT_LISTEN = "127.0.0.1:50052"
DEFAULT_OUT = Path("stubs/recorded")


@click.command(
    epilog="Point clients at the address where this listens. Ctrl-C and SIGTERM end it after the calls under way, and "
    "say what was recorded; a second Ctrl-C doesn't wait for calls. With port 0 a free one is taken, and told in a "
    "line of JSON on stdout and in the ready file."
)
@click.argument("target")
@protos_argument
@imports_option
@click.option(
    "--out", type=PATH, default=DEFAULT_OUT, show_default=True, metavar="DIRECTORY", help="Where the stubs are written."
)
@click.option(
    "--mode",
    type=click.Choice(("none", "once", "new", "all")),
    default="all",
    show_default=True,
    help="all: pass every call on, and record it anew. new: answer what is recorded, pass on and record the rest. "
    "once: record only if nothing is recorded yet. none: only answer what is recorded.",
)
@record_options
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT|unix:PATH",
    help=f"Where to listen; repeatable.  [default: {DEFAULT_LISTEN}]",
)
@listening_tls_options
@transport_option
@ready_file_option("recording")
@click.option(
    "--compression",
    type=click.Choice(("none", "gzip", "deflate")),
    default="none",
    show_default=True,
    help="Of the responses to clients, where they take it.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="For calls under way when it is told to end.",
)
@target_options
def command(
    target: str,
    protos: tuple[ProtoSource, ...],
    imports: Imports,
    out: Path,
    mode: str,
    redact: tuple[str, ...],
    ignore_varying: tuple[str, ...],
    match_metadata: tuple[str, ...],
    timing: bool,
    listen: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    transport: Wanted,
    ready_file: Path | None,
    compression: str,
    grace: float,
    connection: Connection,
) -> None:
    """Record what a server answers, as stubs.

    TARGET is the server, HOST:PORT or unix:PATH. PROTOS are .proto files, directories of them, or descriptor sets;
    without any, the server's reflection is asked.
    """
    import grpc

    from grpcmock.record.session import Mode, Settings
    from grpcmock.servers.aio import ServerOptions
    from grpcmock.servers.credentials import TlsFiles

    compressions = {
        "none": grpc.Compression.NoCompression,
        "gzip": grpc.Compression.Gzip,
        "deflate": grpc.Compression.Deflate,
    }
    settings = Settings(
        mode=Mode(mode),
        transport=transport,
        options=options_of(redact, ignore_varying, match_metadata, timing=timing),
        server=ServerOptions(max_message_size=connection.max_message_size, compression=compressions[compression]),
        tls=TlsFiles.given(tls_cert, tls_key, tls_client_ca),
        within=connection.within,
        learns=not protos,
    )
    server = connection.target(target)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            _record(server, connection, protos, imports, out, settings, listen or (DEFAULT_LISTEN,), ready_file, grace)
        )


async def _record(
    target: Target,
    connection: Connection,
    protos: Sequence[ProtoSource],
    imports: Imports,
    out: Path,
    settings: Settings,
    listen: Sequence[str],
    ready_file: Path | None,
    grace: float,
) -> None:
    from grpcmock.record.session import recording

    # While files are loaded the loop doesn't run: Ctrl-C has to come as an exception.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    registry = await _registry(target, connection, protos, imports, settings)
    ended, hurried = asyncio.Event(), asyncio.Event()
    session = recording(
        target,
        registry,
        out,
        settings,
        listen=listen,
        grace=grace,
        hurried=hurried,
        warn=lambda text: say("warning", text),
    )
    async with session as found:
        on_signals(ended, hurried)
        # The file first: who reads the line may look for it at once.
        with ready(ready_file, found.addresses):
            _announce(found, target, out, machine=any(text.endswith(":0") for text in listen))
            await ended.wait()
    if found.summary is None:
        say("info", "Stopped.")
    else:
        sum_up(found.summary)


async def _registry(
    target: Target, connection: Connection, protos: Sequence[ProtoSource], imports: Imports, settings: Settings
) -> Registry:
    """Load the protos that are named; without any, ask the server's reflection."""
    from grpcmock.errors import ConfigError, SchemaError, TargetError
    from grpcmock.record.session import Mode
    from grpcmock.schema import reflection, sources

    if protos:
        return sources.load(protos, imports=imports)
    if settings.mode is Mode.NONE:
        raise ConfigError(
            "With --mode none no server is asked: name the protos, such as `grpcmock record TARGET protos/`."
        )
    async with connection.connect(target) as channel:
        try:
            return await reflection.fetch(channel, metadata=target.metadata, left_out=warn)
        except (SchemaError, TargetError) as error:
            raise TargetError(
                f"{error} Name them after the target: `grpcmock record {target} protos/`; then reflection isn't needed."
            ) from None


def _announce(found: Recording, target: Target, out: Path, *, machine: bool) -> None:
    from grpcmock.record.session import Mode

    where = click.style(", ".join(map(str, found.addresses)), bold=True)
    known = f"{len(found.engine.store):,} recorded stub{'' if len(found.engine.store) == 1 else 's'} of {out}"
    match found.mode:
        case Mode.NONE:
            say("info", f"Answering from {known} on {where}. Ctrl-C ends.")
        case Mode.NEW:
            say("info", f"Answering from {known} on {where}, recording the rest from {target}. Ctrl-C ends.")
        case _:
            say("info", f"Recording {target} on {where}, to {out}. Ctrl-C ends.")
    if not all(address.is_local for address in found.addresses):
        say("warning", "Other machines can reach this server.")
    if machine:
        tell_addresses(found.addresses)
