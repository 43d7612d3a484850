"""``grpcmock check``: say what is wrong with stubs, and what can't be meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli import drift_report, failures, problem_report
from grpcmock.cli.drift import fail_on_option, with_option
from grpcmock.cli.options import PATH, files, imports_option, protos_argument, stubs_option, transport_option
from grpcmock.cli.report_options import report_option
from grpcmock.errors import Problem

if TYPE_CHECKING:
    from grpcmock.drift.outcome import Level, Outcome
    from grpcmock.drift.run import With
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.servers.host import Files
    from grpcmock.servers.transports import Wanted


@click.command()
@protos_argument
@stubs_option
@imports_option
@click.option(
    "--format",
    "form",
    type=click.Choice(problem_report.FORMATS),
    default="text",
    show_default=True,
    help="Text, JSON, or annotations for GitHub Actions.",
)
@transport_option
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings, too.")
@click.option(
    "--against",
    multiple=True,
    type=PATH,
    metavar="OLD_PROTOS",
    help="Compare the protos with an older version of them, too; repeatable.",
)
@fail_on_option
@with_option
@report_option("junit", "json", "html", "sarif", "allure")
@click.pass_context
def command(
    ctx: click.Context,
    protos: tuple[ProtoSource, ...],
    stubs: tuple[Path, ...],
    imports: Imports,
    form: str,
    transport: Wanted,
    strict: bool,
    against: tuple[Path, ...],
    level: Level,
    with_: With,
    reports: dict[str, Path],
) -> None:
    """Check stubs against their protos, and point out what can't be meant.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]  With --against, they are
    compared with an older version, and each difference is told with whom it breaks: see --fail-on and --with.
    """
    from grpcmock.lint.check import check
    from grpcmock.responses.faults import TRANSPORT_FAULTS
    from grpcmock.servers.transports import choose

    if reports and not against:
        raise click.UsageError("--report is of the differences to an older version: it needs --against.", ctx)
    made_of = files(protos, stubs, imports)
    faults = TRANSPORT_FAULTS[choose(transport)]
    checked = check(made_of.protos, made_of.stubs, made_of.imports, faults=faults)
    methods = f"{checked.methods:,} method{'' if checked.methods == 1 else 's'}"
    described = f"{checked.stubs:,} stub{'' if checked.stubs == 1 else 's'} for {methods}"
    problems = list(checked.problems)
    if not made_of.stubs and not against:
        message = "There are no stubs to check: no directory stubs/ is here, and no --stubs was given."
        problems.append(Problem(message, rule="no-stubs", severity="warning"))
    severities = {problem.severity for problem in problems}
    outcome = _compared(made_of, against, with_) if against and checked.compiled else None
    if outcome is not None and form == "json":
        click.echo(json.dumps({**problem_report.document(problems), "drift": outcome.document()}, indent=2))
    else:
        for line in problem_report.lines(problems, form, checked=described):
            click.echo(line)
        for line in drift_report.lines(outcome, form, level) if outcome is not None else ():
            click.echo(line)
    drifted = outcome is not None and bool(outcome.failing(level))
    if outcome is not None:
        drift_report.write(outcome, reports, level)
    if "error" in severities or (strict and "warning" in severities) or drifted:
        ctx.exit(failures.PROBLEMS)


def _compared(made_of: Files, against: tuple[Path, ...], with_: With) -> Outcome:
    from grpcmock.drift import run

    return run.of_versions(against, made_of.protos, stubs=made_of.stubs, imports=made_of.imports, with_=with_)
