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
    """Add the options that say how to reach the server of ``--forward``; the function gets them as ``forwarding``."""

    @wraps(function)
    def with_forwarding(*args: Any, **kwargs: Any) -> Any:
        given = {
            name: kwargs.pop(f"forward_{name}") for name in ("headers", "ca", "cert", "key", "insecure", "authority")
        }
        return function(*args, forwarding=Connection(**given), **kwargs)

    options = [
        click.option(
            "--forward",
            metavar="TARGET",
            help="Pass calls that no stub answers on to this server: HOST:PORT, unix:PATH, or https://… for TLS.",
        ),
        click.option(
            "--forward-header",
            "forward_headers",
            multiple=True,
            metavar="'KEY: VALUE'",
            help="Metadata to add to calls passed on; repeatable. ${NAME} is the environment variable's value.",
        ),
        click.option("--forward-cacert", "forward_ca", type=PATH, metavar="FILE", help="Authorities to trust there."),
        click.option("--forward-cert", type=PATH, metavar="FILE", help="The certificate to show there, in PEM."),
        click.option("--forward-key", type=PATH, metavar="FILE", help="The key of --forward-cert, in PEM."),
        click.option("--forward-insecure", is_flag=True, help="Take whatever certificate is shown there."),
        click.option("--forward-authority", metavar="NAME", help="The name that the certificate there must hold."),
    ]
    for option in reversed(options):
        with_forwarding = option(with_forwarding)
    return with_forwarding  # type: ignore[return-value]


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
