"""``grpcmock replay``: make a failure again that ``grpcmock fuzz`` has found."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import failures
from grpcmock.cli.kept_failure import Asked, asked, failure_options, warn_of_headers

if TYPE_CHECKING:
    from grpcmock.fuzz.replay.replayer import Replay
    from grpcmock.schema.remote import ProtoSource


@click.command()
@failure_options
@click.pass_context
def command(ctx: click.Context, /, failure: str, protos: tuple[ProtoSource, ...], **options: Any) -> None:
    """Make a failure again that grpcmock fuzz has found, and say whether it still fails.

    ID is what was printed with the failure, or the beginning of it, or the path of its file. PROTOS are only needed
    where the contract isn't the one that it was found with.

    The exit code is 1 as long as the server fails, 0 once it is fixed, and 3 where that can't be seen: the data is
    missing that it needs, or credentials are. With --server-cmd it is made on a fresh server.

    \b
    Examples:
      grpcmock replay G102-3f9a1c
      grpcmock replay G102 --target 127.0.0.1:50052
    """
    from grpcmock.cli.json_output import harmless
    from grpcmock.fuzz.model.secrets import Secrets
    from grpcmock.fuzz.replay.replayer import Answer

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
    found = asked(failure, protos, **options)
    warn_of_headers(found)
    replay = asyncio.run(_replay(found))
    secrets = Secrets(found.target.metadata, found.settings.second_identity)
    failing = replay.answer is Answer.FAILED
    head, *rest = (harmless(secrets.hide(line)) for line in replay.lines())
    color = {Answer.FAILED: "red", Answer.PASSED: "green", Answer.NOT_SEEN: "yellow"}[replay.answer]
    click.echo(f"{click.style(replay.answer.value, fg=color, bold=True)}  {head}")
    for line in rest:
        click.echo(line)
    if failing and not replay.same:
        click.echo("It fails in another way than the one that was kept.")
    if failing:
        ctx.exit(failures.PROBLEMS)
    if replay.answer is Answer.NOT_SEEN:
        click.echo("Nothing is wrong, but nothing follows from that.")
        ctx.exit(failures.UNDECIDED)


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
