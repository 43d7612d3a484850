"""``grpcmock drift``: how a running server differs from the local protos, and whom it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli import drift_report, failures, problem_report
from grpcmock.cli.options import DEFAULT_STUBS, imports_option, proto_paths, protos_argument, stubs_option
from grpcmock.cli.report_options import report_option
from grpcmock.cli.target_options import Connection, target_options

if TYPE_CHECKING:
    from grpcmock.drift.outcome import Level, Outcome
    from grpcmock.drift.run import With
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

LEVELS = ("wire", "json", "source", "any")
WITH = ("auto", "buf", "builtin")

fail_on_option = click.option(
    "--fail-on",
    "level",
    type=click.Choice(LEVELS),
    default="source",
    show_default=True,
    help="Exit with 1 on what breaks the wire; or JSON, too; or source, too; or on any difference.",
)
with_option = click.option(
    "--with",
    "with_",
    type=click.Choice(WITH),
    default="auto",
    show_default=True,
    help="Ask `buf breaking`, too: if it is installed, always, or never.",
)


@click.command()
@click.argument("target")
@protos_argument
@stubs_option
@imports_option
@click.option("--service", "services", multiple=True, metavar="NAME", help="Compare only this service; repeatable.")
@click.option(
    "--newer",
    type=click.Choice(("server", "protos")),
    default="server",
    show_default=True,
    help="Which side is the new version: what it lacks is told as removed, what it has besides as added.",
)
@fail_on_option
@click.option(
    "--format",
    "form",
    type=click.Choice(problem_report.FORMATS),
    default="text",
    show_default=True,
    help="Text, JSON, or annotations for GitHub Actions.",
)
@report_option("junit", "json", "html", "sarif", "allure")
@with_option
@target_options
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    protos: tuple[ProtoSource, ...],
    stubs: tuple[Path, ...],
    imports: Imports,
    services: tuple[str, ...],
    newer: str,
    level: Level,
    form: str,
    reports: dict[str, Path],
    with_: With,
    connection: Connection,
) -> None:
    """Compare a running server with the local protos, and tell whom each difference breaks.

    TARGET is HOST:PORT, unix:PATH, or a URL; what it serves is asked of its reflection service. PROTOS are .proto
    files, directories of them, or descriptor sets.  [default: protos/]

    \b
    Examples:
      grpcmock drift 127.0.0.1:50051 protos/ --stubs stubs/
      grpcmock drift https://users.example.com --fail-on wire --report junit=drift.xml
    """
    import asyncio

    from grpcmock.drift import run

    if not stubs and DEFAULT_STUBS.exists():
        stubs = (DEFAULT_STUBS,)
    at = connection.target(target)

    async def compared() -> Outcome:
        async with connection.connect(at) as channel:
            return await run.of_server(
                channel,
                target,
                proto_paths(protos),
                stubs=stubs,
                imports=imports,
                services=services,
                metadata=at.metadata,
                with_=with_,
                ahead=newer == "protos",
            )

    outcome = asyncio.run(compared())
    for line in drift_report.lines(outcome, form, level):
        click.echo(line)
    drift_report.write(outcome, reports, level)
    if outcome.failing(level):
        ctx.exit(failures.PROBLEMS)
