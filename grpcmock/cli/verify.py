"""``grpcmock verify``: verify a real server with stubs and contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli import failures
from grpcmock.cli.options import DEFAULT_STUBS, PATH, imports_option, protos_argument, stubs_option
from grpcmock.cli.report_options import report_option
from grpcmock.cli.target_options import SECONDS, Connection, registry_of, target_options

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.errors import Problem
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.verify.hooks import Hook
    from grpcmock.verify.planning.interactions import Plan, Source
    from grpcmock.verify.results import Report, Result
    from grpcmock.verify.running import Options

_WAY_OUT = "Name the protos, then reflection isn't needed: grpcmock verify TARGET PROTOS."
_COLORS = {"passed": "green", "failed": "red", "error": "red", "pending": "yellow", "not run": "yellow"}


@click.command()
@click.argument("target")
@protos_argument
@stubs_option
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="A consumer's contract, or a Pact file; repeatable. Each is verified by itself.",
)
@imports_option
@click.option(
    "--setup",
    metavar="COMMAND|MODULE:FUNCTION",
    help="Told what a stub takes as given, before it and after: a command, or a function in Python.",
)
@click.option("--setup-url", metavar="URL", help="The same, as JSON posted to an HTTP endpoint.")
@click.option(
    "--setup-timeout",
    type=SECONDS,
    default="30s",
    show_default=True,
    metavar="TIME",
    help="How long a set-up hook may take.",
)
@click.option(
    "--timeout", type=SECONDS, default="10s", show_default=True, metavar="TIME", help="How long a call may take."
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    metavar="N",
    help="Stubs verified at once; 1 keeps the order of the files.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Verify only stubs of this name or method; repeatable. * stands for anything.",
)
@click.option("--baseline", type=PATH, metavar="FILE", help="Names of stubs known to fail; they don't fail the run.")
@click.option("--write-baseline", is_flag=True, help="Write what fails now to the file of --baseline.")
@click.option("-v", "--verbose", is_flag=True, help="Report every stub, also those that passed or were skipped.")
@report_option("junit", "json", "html", "sarif", "allure")
@target_options
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    protos: tuple[ProtoSource, ...],
    stubs: tuple[Path, ...],
    contracts: tuple[Path, ...],
    imports: Imports,
    setup: str | None,
    setup_url: str | None,
    setup_timeout: float,
    timeout: float,
    concurrency: int,
    only: tuple[str, ...],
    baseline: Path | None,
    write_baseline: bool,
    verbose: bool,
    reports: dict[str, Path],
    connection: Connection,
) -> None:
    """Verify a real server with stubs: does it answer as they say?

    TARGET is HOST:PORT, unix:PATH, or a URL. PROTOS are .proto files, directories of them, or descriptor sets.
    [default: the server's reflection]

    Each stub is turned into a call: what its patterns fix is sent as it is, what they leave open is filled in. The
    exit code is 0 if all passed, 1 if something failed, 2 if the server can't be reached or goes away.

    \b
    Examples:
      grpcmock verify 127.0.0.1:50051 protos --stubs stubs
      grpcmock verify users.example.com:443 --tls --contract billing.yaml --setup 'python set_up.py'
    """
    from grpcmock.errors import ConfigError
    from grpcmock.verify import baseline as baselines
    from grpcmock.verify.running import Options

    if write_baseline and baseline is None:
        raise click.UsageError("--write-baseline needs the file: --baseline FILE.", ctx)
    if not stubs and not contracts:
        if not DEFAULT_STUBS.exists():
            raise ConfigError(
                "There is no directory stubs/ here. Name what to verify: --stubs PATH or --contract FILE."
            )
        stubs = (DEFAULT_STUBS,)
    pending = baselines.read(baseline) if baseline and not write_baseline else frozenset()
    options = Options(
        timeout=timeout,
        concurrency=concurrency,
        hook=_hook(setup, setup_url, setup_timeout),
        pending=pending,
    )
    run = _Run(connection.target(target), connection, only, verbose)
    report = asyncio.run(run.verify(protos, imports, stubs, contracts, options))
    _write(report, reports)
    if report.aborted:
        ctx.exit(failures.USAGE)  # a baseline of half a run would be wrong
    if write_baseline and baseline is not None:
        count = baselines.write(baseline, report)
        click.echo(f"{baseline} names {count} {'stub' if count == 1 else 'stubs'} now.")
        if all(result.findings or result.is_good for result in report.results):
            return
    if not report.passed:
        ctx.exit(failures.PROBLEMS)


def _hook(setup: str | None, url: str | None, timeout: float) -> Hook | None:
    """Understand the options. Raises :class:`ConfigError`."""
    from grpcmock.verify import hooks

    if setup and url:
        raise click.UsageError("--setup and --setup-url exclude each other.")
    if url:
        return hooks.UrlHook.parse(url, timeout)
    if setup is None:
        return None
    return hooks.parse(setup, timeout)


class _Run:
    """One verification, and what is printed of it."""

    def __init__(self, target: Target, connection: Connection, only: tuple[str, ...], verbose: bool) -> None:
        self._target = target
        self._connection = connection
        self._only = only
        self._verbose = verbose

    async def verify(
        self,
        protos: tuple[ProtoSource, ...],
        imports: Imports,
        stubs: tuple[Path, ...],
        contracts: tuple[Path, ...],
        options: Options,
    ) -> Report:
        """Plan and run; what is wrong with stubs is said before anything is sent."""
        from grpcmock.client.learning import Learning
        from grpcmock.schema.any_types import named_in
        from grpcmock.verify.reporting.terminal import consumer_lines, summary
        from grpcmock.verify.running import Verifier

        plan: Plan | None = None
        names = ", ".join(map(str, (*stubs, *contracts)))
        if protos:  # what is wrong with them, or with the stubs, is said whether the server runs or not
            from grpcmock.schema import sources

            registry = sources.load(protos, imports=imports)
            plan = self._plan(_sources(stubs, contracts, registry), registry, names)
        async with self._connection.connect(self._target) as channel:
            if plan is None:
                registry = await registry_of(self._target, channel, (), imports, way_out=_WAY_OUT)
                found = _sources(stubs, contracts, registry)
                learning = Learning(channel, registry, self._target.metadata)
                written = [[*source.stubs, *source.expectations.values()] for source in found]
                await learning.learn_named(named_in(written))
                plan = self._plan(found, learning.registry, names)
            shown = _InOrder([one.id for one in plan.interactions], self._show)
            report = await Verifier(channel, plan, options, target=self._target).run_all(shown.take)
        for problem in report.warnings:
            _say_problem(problem)
        for text in report.stale_baseline:
            click.echo(f"{click.style('baseline:', fg='yellow', bold=True)} {text}.", err=True)
        if report.aborted:
            click.echo(f"{click.style('error:', fg='red', bold=True)} {report.aborted}", err=True)
        for line, passed in consumer_lines(report):
            click.secho(line, fg="green" if passed else "red")
        click.secho(summary(report), fg="green" if report.passed else "red", bold=True)
        return report

    def _plan(self, sources: list[Source], registry: Registry, names: str) -> Plan:
        from grpcmock.errors import ConfigError
        from grpcmock.verify.planning.planner import plan
        from grpcmock.verify.planning.selection import select

        planned = plan(sources, registry, metadata=self._target.metadata)
        if not planned.interactions:
            raise ConfigError(f"There is nothing to verify: {names} hold no stub.")
        return select(planned, self._only) if self._only else planned

    def _show(self, result: Result) -> None:
        from grpcmock.cli.json_output import harmless
        from grpcmock.verify.reporting.terminal import result_lines

        word = result.verdict.value
        if word in ("passed", "skipped", "not run") and not self._verbose:
            return
        head, *rest = map(harmless, result_lines(result))
        click.echo(f"{click.style(word, fg=_COLORS.get(word), bold=True)}  {head}")
        if word == "passed":
            return
        for line in rest:
            click.echo(line)


class _InOrder:
    """Hands results on in the order of the plan, each as soon as all before it are there."""

    def __init__(self, ids: list[str], show: Callable[[Result], None]) -> None:
        self._waiting = iter(ids)
        self._next = next(self._waiting, None)
        self._show = show
        self._results: dict[str, Result] = {}

    def take(self, result: Result) -> None:
        self._results[result.id] = result
        while self._next is not None and self._next in self._results:
            self._show(self._results.pop(self._next))
            self._next = next(self._waiting, None)


def _sources(stubs: tuple[Path, ...], contracts: tuple[Path, ...], registry: Registry) -> list[Source]:
    """Load the stubs, and each contract by itself. Raises :class:`StubError` with all that is wrong in any of them."""
    from grpcmock.errors import Problems
    from grpcmock.stubs import loader
    from grpcmock.verify.planning.interactions import Source

    problems = Problems()
    sources = []
    if stubs:
        sources.append(Source(stubs=loader.load(stubs, problems)))
    if contracts:
        from grpcmock.verify.contracts import contract_file

        sources += contract_file.distinct(contract_file.read(path, registry, problems) for path in contracts)
    problems.raise_errors()
    for problem in problems.warnings:
        _say_problem(problem)
    return sources


def _say_problem(problem: Problem) -> None:
    click.echo(
        f"{click.style('warning:', fg='yellow', bold=True)} {str(problem).replace('warning: ', '', 1)}", err=True
    )


def _write(report: Report, reports: dict[str, Path]) -> None:
    if not reports:
        return
    from grpcmock.reports import files
    from grpcmock.reports.allure import to_allure
    from grpcmock.verify.reporting import junit_report
    from grpcmock.verify.reporting.formats import WRITERS

    for kind, path in reports.items():
        if kind == "allure":
            files.write_all(path, to_allure(junit_report.suites(report), junit_report.NAME))
        else:
            files.write(path, WRITERS[kind](report))
