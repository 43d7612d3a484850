"""``grpcmock replay``: make a failure again that ``grpcmock fuzz`` has found."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import failures
from grpcmock.cli.kept_failure import Asked, asked, failure_options, warn_of_headers

if TYPE_CHECKING:
    from grpcmock.fuzz.replay.replayer import Replay


@click.command()
@failure_options
@click.pass_context
def command(ctx: click.Context, /, failure: str, protos: tuple[Path, ...], **options: Any) -> None:
    """Make a failure again that grpcmock fuzz has found, and say whether it still fails.

    ID is what was printed with the failure, or the beginning of it, or the path of its file. PROTOS are only needed
    where the contract isn't the one that it was found with.

    The exit code is 1 as long as the server fails, and 0 once it is fixed.

    \b
    Examples:
      grpcmock replay G102-3f9a1c
      grpcmock replay G102 --target 127.0.0.1:50052
    """
    from grpcmock.cli.json_output import harmless
    from grpcmock.fuzz.model.secrets import Secrets

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
    found = asked(failure, protos, **options)
    warn_of_headers(found)
    replay = asyncio.run(_replay(found))
    secrets = Secrets(found.target.metadata, found.settings.second_identity)
    failing = bool(replay.findings)
    head, *rest = (harmless(secrets.hide(line)) for line in replay.lines())
    word, color = ("failed", "red") if failing else ("passed", "green")
    click.echo(f"{click.style(word, fg=color, bold=True)}  {head}")
    for line in rest:
        click.echo(line)
    if failing and not replay.same:
        click.echo("It fails in another way than the one that was kept.")
    if failing:
        ctx.exit(failures.PROBLEMS)


async def _replay(found: Asked) -> Replay:
    """Make it again; where the server can't say what it serves, by the descriptors that were kept."""
    from grpcmock.errors import SchemaError, TargetError
    from grpcmock.fuzz.replay.replayer import replay

    try:
        return await replay(found.kept, found.settings, where=str(found.path))
    except (SchemaError, TargetError):  # the latter, too, where there is no reflection
        if found.settings.registry is not None or (contract := found.contract()) is None:
            raise
    return await replay(found.kept, replace(found.settings, registry=contract), where=str(found.path))
