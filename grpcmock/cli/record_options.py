"""The options of commands that record: what is secret, what differs each time, what tells calls apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grpcmock.cli.running import say

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
            "--volatile",
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


def options_of(
    redact: tuple[str, ...], volatile: tuple[str, ...], match_metadata: tuple[str, ...], *, timing: bool
) -> Options:
    """Read the options. Raises :class:`ConfigError` with all that is wrong with the rules."""
    from grpcmock.record.recorder import Options
    from grpcmock.record.rules import Rules

    return Options(Rules.parse(redact, volatile), match_metadata, timing)


def sum_up(summary: Summary) -> None:
    """Say what came of a recording. Raises :class:`ConfigError` if not all of it could be written."""
    from grpcmock.errors import ConfigError

    for level, text in summary.lines():
        say(level, text)
    if summary.failure:
        raise ConfigError(summary.failure)
