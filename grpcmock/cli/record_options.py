"""The options of commands that record and pass on: what is secret, what tells calls apart, where they go."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grpcmock.cli.options import PATH
from grpcmock.cli.running import say
from grpcmock.cli.target_options import Connection

if TYPE_CHECKING:
    from grpcmock.record.recorder import Options
    from grpcmock.record.summary import Summary

_F = TypeVar("_F", bound=Callable[..., Any])


def record_options(function: _F) -> _F:
    """Add the options that say how calls are recorded."""
    options = [
        click.option(
            "--redact",
            multiple=True,
            metavar="RULE",
            help="What is secret: metadata:KEY, field:PATH or pattern:REGEX, where KEY and PATH may hold * and ?; "
            "repeatable. Metadata such as authorization and cookie are secret anyway.",
        ),
        click.option(
            "--ignore-varying",
            multiple=True,
            metavar="RULE[=VALUE]",
            help="What differs each time, by rules as for --redact; repeatable. VALUE is a template for answers, "
            "now, uuid, or an operator such as {$gt: 0} for requests.",
        ),
        click.option(
            "--match-metadata",
            multiple=True,
            metavar="KEY",
            help="Tell calls apart by this key of their metadata, too; repeatable.",
        ),
        click.option("--timing", is_flag=True, help="Keep the pauses of the server."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def forward_options(function: _F) -> _F:
    """Add ``--forward`` and the options that say how to reach that server; the function gets them as ``forwarding``."""
    return click.option(
        "--forward",
        metavar="TARGET",
        help="Pass calls that no stub answers on to this server: HOST:PORT, unix:PATH, or https://… for TLS.",
    )(connection_options("forward", "forwarding", "Metadata to add to calls passed on")(function))


def reflect_options(function: _F) -> _F:
    """Add ``--reflect`` and the options that say how to reach that server; the function gets them as ``reflecting``."""
    return click.option(
        "--reflect",
        multiple=True,
        metavar="TARGET",
        help="Serve what the reflection of this server tells: HOST:PORT, unix:PATH, or https://… for TLS; repeatable.",
    )(connection_options("reflect", "reflecting", "Metadata for the server of --reflect, such as a token")(function))


def connection_options(prefix: str, argument: str, header_help: str) -> Callable[[_F], _F]:
    """Return what adds the options, each with a *prefix*, of how to reach a server; the function gets *argument*."""

    def add(function: _F) -> _F:
        @wraps(function)
        def with_connection(*args: Any, **kwargs: Any) -> Any:
            names = ("headers", "ca", "cert", "key", "insecure", "authority")
            given = {name: kwargs.pop(f"{prefix}_{name}") for name in names}
            return function(*args, **kwargs, **{argument: Connection(**given)})

        options = [
            click.option(
                f"--{prefix}-header",
                f"{prefix}_headers",
                multiple=True,
                metavar="'KEY: VALUE'",
                help=f"{header_help}; repeatable. ${{NAME}} is the environment variable's value.",
            ),
            click.option(
                f"--{prefix}-cacert", f"{prefix}_ca", type=PATH, metavar="FILE", help="Authorities to trust there."
            ),
            click.option(f"--{prefix}-cert", type=PATH, metavar="FILE", help="The certificate to show there, in PEM."),
            click.option(f"--{prefix}-key", type=PATH, metavar="FILE", help=f"The key of --{prefix}-cert, in PEM."),
            click.option(f"--{prefix}-insecure", is_flag=True, help="Take whatever certificate is shown there."),
            click.option(
                f"--{prefix}-authority", metavar="NAME", help="The name that the certificate there must hold."
            ),
        ]
        with_options: Any = with_connection
        for option in reversed(options):
            with_options = option(with_options)
        return with_options  # type: ignore[no-any-return]

    return add


def options_of(
    redact: tuple[str, ...], ignore_varying: tuple[str, ...], match_metadata: tuple[str, ...], *, timing: bool
) -> Options:
    """Read the options. Raises :class:`ConfigError` with all that is wrong with the rules."""
    from grpcmock.drafting.redaction.rules import Rules
    from grpcmock.record.recorder import Options

    return Options(Rules.parse(redact, ignore_varying), match_metadata, timing)


def sum_up(summary: Summary) -> None:
    """Say what came of a recording. Raises :class:`ConfigError` if not all of it could be written."""
    from grpcmock.errors import ConfigError

    for level, text in summary.lines():
        say(level, text)
    if summary.failure:
        raise ConfigError(summary.failure)
