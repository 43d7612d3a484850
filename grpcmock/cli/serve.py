"""``grpcmock serve``: a mock server at a terminal or under another program."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from grpcmock.cli import live
from grpcmock.cli.admin_options import AdminGiven, admin_options
from grpcmock.cli.options import (
    PATH,
    SIZE,
    STATUS_CODE,
    files,
    imports_option,
    listening_tls_options,
    protos_argument,
    stubs_option,
    transport_option,
)
from grpcmock.cli.record_options import forward_options, options_of, record_options, reflect_options
from grpcmock.cli.running import ready_file_option
from grpcmock.cli.serving import Meanwhile, Serving, elsewhere_of, serve
from grpcmock.cli.target_options import SECONDS, reflected
from grpcmock.errors import ConfigError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.cli.target_options import Connection
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.servers.transports import Wanted

DEFAULT_LISTEN = "127.0.0.1:50051"

_PONG = 20.0
"""Seconds that a client has to say that it is still there."""


@click.command(
    epilog="With port 0 a free one is taken, and told in a line of JSON on stdout and in the ready file. "
    "Ctrl-C and SIGTERM end the server after the calls under way; a second Ctrl-C ends it at once."
)
@protos_argument
@stubs_option
@click.option(
    "--import",
    "imported",
    multiple=True,
    type=PATH,
    metavar="PATH",
    help="Stubs of another tool, such as GripMock or WireMock, or a directory of them; repeatable.",
)
@imports_option
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT|unix:PATH",
    help=f"Where to listen; repeatable.  [default: {DEFAULT_LISTEN}]",
)
@click.option(
    "--http",
    multiple=True,
    metavar="HOST:PORT|unix:PATH",
    help="Where to speak gRPC-Web, Connect and JSON, too; repeatable. The native transport does so on every port.",
)
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this origin call over HTTP; repeatable. '*' is any, none is none.  "
    "[default: those on this machine]",
)
@ready_file_option("serving")
@reflect_options
@forward_options
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Write what --forward's server answers as stubs.",
)
@record_options
@click.option("--auto", is_flag=True, help="Answer what no stub answers with generated data.")
@click.option("--validate", is_flag=True, help="Refuse requests that break the protos' own rules (protovalidate).")
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of all randomness.")
@click.option(
    "--unmatched-code",
    type=STATUS_CODE,
    default=Code.UNIMPLEMENTED,
    metavar="NAME",
    help="The status of a call that no stub answers.  [default: UNIMPLEMENTED]",
)
@admin_options
@click.option(
    "--metrics",
    metavar="HOST:PORT|unix:PATH",
    help="Offer metrics for Prometheus there, without a token, at /metrics.",
)
@click.option(
    "--otel/--no-otel",
    default=None,
    help="Send spans and metrics by OpenTelemetry, as its variables OTEL_* say.  [default: if they name a collector]",
)
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
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads of the native transport that hold connections.  [default: one for each core]",
)
@click.option(
    "--keepalive",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Ask a client that is silent for so long whether it is still there (native transport).",
)
@click.option(
    "--max-connection-age",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Have clients connect anew after so long; calls under way have --grace (native transport).",
)
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
    "--session-idle",
    type=SECONDS,
    default="10m",
    show_default=True,
    metavar="TIME",
    help="How long a session may go unused before it ends.",
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
def command(meanwhile: Meanwhile | None = None, **options: Any) -> None:
    """Serve the methods of protos from stubs.

    PROTOS are .proto files, directories of them, descriptor sets or their URLs, or grpc://HOST:PORT for what a server
    with reflection tells.  [default: protos/]
    """
    serve(serving_of(**options), meanwhile)


def serving_of(
    protos: tuple[ProtoSource, ...],
    stubs: tuple[Path, ...],
    imported: tuple[Path, ...],
    imports: Imports,
    listen: tuple[str, ...],
    http: tuple[str, ...],
    cors: tuple[str, ...],
    ready_file: Path | None,
    reflect: tuple[str, ...],
    forward: str | None,
    record: Path | None,
    redact: tuple[str, ...],
    ignore_varying: tuple[str, ...],
    match_metadata: tuple[str, ...],
    timing: bool,
    auto: bool,
    validate: bool,
    seed: int,
    unmatched_code: Code,
    admin: AdminGiven,
    metrics: str | None,
    otel: bool | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    interceptors: tuple[str, ...],
    transport: Wanted,
    threads: int | None,
    keepalive: float | None,
    max_connection_age: float | None,
    max_message_size: int,
    compression: Literal["none", "gzip", "deflate"],
    reflection: bool,
    watch: bool,
    journal_size: int,
    journal_bytes: int,
    session_idle: float,
    log: str | None,
    grace: float,
    forwarding: Connection,
    reflecting: Connection,
) -> Serving:
    """Read the options of ``grpcmock serve``. Raises :class:`ConfigError`, or click's own for wrong usage."""
    import grpc

    from grpcmock.engine.environment import EngineOptions
    from grpcmock.protocols.cors import parse_origins
    from grpcmock.protocols.interface import FaceOptions
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.aio import ServerOptions
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.host import HostOptions
    from grpcmock.servers.interceptors import load
    from grpcmock.servers.transports import NATIVE_EXTRA, choose

    addresses = [Address.parse(text) for text in listen or (DEFAULT_LISTEN,)]
    compressions = {
        "none": grpc.Compression.NoCompression,
        "gzip": grpc.Compression.Gzip,
        "deflate": grpc.Compression.Deflate,
    }
    own = {"--threads": threads, "--keepalive": keepalive, "--max-connection-age": max_connection_age}
    chosen = choose(
        transport,
        interceptors=bool(interceptors),
        native_only=[name for name, value in own.items() if value is not None],
    )
    elsewhere = elsewhere_of(
        forward, forwarding, record, options_of(redact, ignore_varying, match_metadata, timing=timing)
    )
    if elsewhere is not None and auto:
        raise ConfigError("--forward and --auto exclude each other.")
    if cors and not http and chosen != "native":
        raise ConfigError(
            "--cors is for pages in browsers, which aren't served by gRPC's own library: name a port with --http, "
            f"or install the native transport: {NATIVE_EXTRA}."
        )
    options = HostOptions(
        transport=chosen,
        engine=EngineOptions(
            seed=seed, auto=auto, validate=validate, unmatched_code=unmatched_code, session_idle=session_idle
        ),
        server=ServerOptions(
            max_message_size=max_message_size,
            compression=compressions[compression],
            interceptors=load(interceptors),
            threads=threads or 0,
            keepalive=None if keepalive is None else (keepalive, _PONG),
            max_connection_age=None if max_connection_age is None else (max_connection_age, grace),
        ),
        face=FaceOptions(max_message_size, compression, parse_origins(cors)),
        has_http=bool(http),
        journal_calls=journal_size,
        journal_bytes=journal_bytes,
        reflection=reflection,
        watch=watch,
        admin=admin.options,
        metrics=metrics is not None,
    )
    if interceptors:
        # What they log is to be seen, unless a module of theirs has set up logging itself.
        logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    tls = TlsFiles.given(tls_cert, tls_key, tls_client_ca)
    return Serving(
        files=files(reflected(protos, reflect, reflecting), stubs, imports, imported),
        options=options,
        addresses=addresses,
        http=[Address.parse(text, "--http") for text in http],
        admin=admin.address,
        tls=tls,
        elsewhere=elsewhere,
        metrics=Address.parse(metrics, "--metrics") if metrics is not None else None,
        otel=otel,
        ready_file=ready_file,
        log=log,
        grace=grace,
    )
