"""The options of commands that speak to a server: how to reach it, and where its descriptors come from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from grpcmock.cli.options import PATH, PROTOS, SIZE, imports_option
from grpcmock.cli.values import ParamType

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

_F = TypeVar("_F", bound=Callable[..., Any])


class Seconds(ParamType[float]):
    """A length of time: ``500ms``, ``2s``, ``1.5m``; a bare number is seconds."""

    name = "duration"

    _units: ClassVar = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(ms|s|m|h|)", str(value).strip())
        if not found:
            self.fail(f"{value!r} is not a length of time; write 500ms, 2s or 1m.", param, ctx)
        return float(found[1]) * self._units[found[2]]


SECONDS = Seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the options say about how to reach a server."""

    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False
    authority: str | None = None
    headers: Sequence[str] = ()
    max_message_size: int = -1
    within: float = 5.0

    def target(self, address: str, *, may_be_url: bool = False) -> Target:
        """Give the server at this address; of a URL it is noted how it is taken, unless it *may be* one.

        Raises :class:`ConfigError`.
        """
        from grpcmock.client.target import Target, Tls, parse_headers
        from grpcmock.errors import ConfigError

        if Path(address).exists() and ":" not in address:
            if Path(address).is_socket():
                raise ConfigError(f"{address} is a socket: write unix:{address}.")
            kind = "directory" if Path(address).is_dir() else "file"
            raise ConfigError(f"{address} is a {kind}, not a server: the server's address comes first, then protos.")

        # Certificates make no sense without TLS, so they ask for it.
        secure = self.tls or self.insecure or self.ca or self.cert or self.key
        target = Target.parse(
            address,
            tls=Tls(ca=self.ca, cert=self.cert, key=self.key, insecure=self.insecure) if secure else None,
            authority=self.authority,
            metadata=parse_headers(self.headers),
            max_message_bytes=None if self.max_message_size < 0 else self.max_message_size,
        )
        if target.hint and not may_be_url:
            click.echo(f"{click.style('note:', bold=True)} {target.hint}", err=True)
        return target

    def connect(self, target: Target) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """Open a channel that stands. Raises :class:`TargetError`."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
        from grpcmock.client.channel import connect

        return connect(target, within=self.within)


def target_options(function: _F) -> _F:
    """Add the options that say how to reach a server; the function gets them as ``connection``."""

    @wraps(function)
    def with_connection(*args: Any, **kwargs: Any) -> Any:
        names = Connection.__dataclass_fields__
        connection = Connection(**{name: kwargs.pop(name) for name in names})
        return function(*args, connection=connection, **kwargs)

    options = [
        click.option(
            "-H",
            "--header",
            "headers",
            multiple=True,
            metavar="'KEY: VALUE'",
            help="Request metadata; repeatable. ${NAME} is the environment variable's value; "
            "the value of a key that ends with -bin is base64.",
        ),
        click.option("--tls", is_flag=True, help="Speak TLS. Without it, and without https://, plaintext is spoken."),
        click.option("--cacert", "ca", type=PATH, metavar="FILE", help="Authorities to trust, in PEM; asks for --tls."),
        click.option("--cert", type=PATH, metavar="FILE", help="The client's certificate, in PEM; asks for --tls."),
        click.option("--key", type=PATH, metavar="FILE", help="The key of --cert, in PEM."),
        click.option("--insecure", is_flag=True, help="TLS, whatever certificate the server shows. For tests only."),
        click.option(
            "--authority",
            "--server-name",
            "authority",
            metavar="NAME",
            help="The :authority to send, and the name that the server's certificate must hold.",
        ),
        click.option(
            "--max-message-size",
            type=SIZE,
            default="unlimited",
            show_default=True,
            metavar="SIZE",
            help="The largest message to send or receive.",
        ),
        click.option(
            "--connect-timeout",
            "within",
            type=SECONDS,
            default="5s",
            show_default=True,
            metavar="TIME",
            help="How long to wait for a connection.",
        ),
    ]
    for option in reversed(options):
        with_connection = option(with_connection)
    return with_connection  # type: ignore[return-value]


def proto_options(function: _F) -> _F:
    """Add ``--proto`` and ``-I``: descriptors from files, rather than from the server's reflection."""
    return click.option(
        "--proto",
        "protos",
        multiple=True,
        type=PROTOS,
        metavar="PATH",
        help="A .proto file, a directory, a descriptor set or its URL; repeatable.  [default: the server's reflection]",
    )(imports_option(function))


async def registry_of(
    target: Target,
    channel: grpc.aio.Channel,
    protos: Sequence[ProtoSource],
    imports: Imports,
    services: Sequence[str] | None = None,
    *,
    way_out: str = "With --proto PATH, reflection isn't needed.",
) -> Registry:
    """Load the protos that are named; without any, ask the server's reflection, if need be for *services* only.

    Where all are asked for, those that it can't describe are left out with a warning. Raises :class:`SchemaError` or
    :class:`TargetError`, which names the *way_out*.
    """
    from grpcmock.errors import SchemaError, TargetError

    if protos:
        from grpcmock.schema import sources

        return sources.load(protos, imports=imports)
    from grpcmock.schema import reflection

    try:
        return await reflection.fetch(
            channel, services, metadata=target.metadata, left_out=warn if services is None else None
        )
    except TargetError as error:
        raise TargetError(f"{str(error).rstrip('.')}. {way_out}") from None
    except SchemaError:
        if services is None:
            raise
        return await reflection.fetch(channel, metadata=target.metadata, left_out=warn)


def reflected(protos: Sequence[ProtoSource], servers: Sequence[str], connection: Connection) -> tuple[ProtoSource, ...]:
    """Return the *protos* with those that *servers* tell by reflection; servers among them are reached so, too."""
    if not servers and all(isinstance(one, Path) for one in protos):
        return tuple(protos)
    from grpcmock.client.reflected_protos import ReflectedProtos

    def told(address: str) -> ReflectedProtos:
        target = connection.target(address, may_be_url=True)
        way_out = "Metadata goes there by --reflect-header; with .proto files, reflection isn't needed."
        return ReflectedProtos(target, within=connection.within, left_out=warn, way_out=way_out)

    given = [told(str(one)) if isinstance(one, ReflectedProtos) else one for one in protos]
    return (*given, *map(told, servers))


def warn(text: str) -> None:
    """Say on stderr what a server's reflection can't describe."""
    from grpcmock.cli.running import say

    say("warning", text)
