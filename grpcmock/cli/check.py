"""``grpcmock check``: say what is wrong with stubs, and what can't be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from grpcmock.cli import failures, report
from grpcmock.cli.options import engine_option, files, imports_option, protos_argument, stubs_option


@click.command()
@protos_argument
@stubs_option
@imports_option
@click.option(
    "--format",
    "form",
    type=click.Choice(report.FORMATS),
    default="text",
    show_default=True,
    help="Text, JSON, or annotations for GitHub Actions.",
)
@engine_option
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings, too.")
@click.pass_context
def command(
    ctx: click.Context,
    protos: tuple[Path, ...],
    stubs: tuple[Path, ...],
    imports: tuple[Path, ...],
    form: str,
    engine: Literal["aio", "h2"],
    strict: bool,
) -> None:
    """Check stubs against their protos, and point out what can't be meant.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]
    """
    from grpcmock.engine.check import check
    from grpcmock.replies.faults import AIO_FAULTS, FAULTS

    made_of = files(protos, stubs, imports)
    checked = check(made_of.protos, made_of.stubs, made_of.imports, faults=FAULTS if engine == "h2" else AIO_FAULTS)
    methods = f"{checked.methods:,} method{'' if checked.methods == 1 else 's'}"
    described = f"{checked.stubs:,} stub{'' if checked.stubs == 1 else 's'} for {methods}"
    for line in report.lines(checked.problems, form, checked=described):
        click.echo(line)
    severities = {problem.severity for problem in checked.problems}
    if "error" in severities or (strict and "warning" in severities):
        ctx.exit(failures.PROBLEMS)
