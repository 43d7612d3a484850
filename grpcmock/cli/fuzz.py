"""``grpcmock fuzz``: try a server against its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import failures
from grpcmock.cli.fuzz_options import PHASES, Percent, Shard, allowed, contract, listed, phases, status_fields
from grpcmock.cli.options import PATH, SIZE, imports_option, protos_argument
from grpcmock.cli.report_options import report_option
from grpcmock.cli.running import loop_factory
from grpcmock.cli.target_options import SECONDS, Connection, target_options, warn

if TYPE_CHECKING:
    from grpcmock.fuzz.model.events import Finished
    from grpcmock.fuzz.replay.case_file import Origin
    from grpcmock.fuzz.run.loop import Run
    from grpcmock.fuzz.run.session import Settings
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports


@click.command()
@click.argument("target")
@protos_argument
@click.option(
    "--include", multiple=True, metavar="PATTERN", help="Methods to try, such as 'UserService/Get*'; repeatable."
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Methods to leave alone; repeatable.")
@click.option(
    "--phases",
    "chosen_phases",
    multiple=True,
    metavar="LIST",
    help=f"Of {', '.join(PHASES)}; 'usual' stands for all but the last.  [default: usual]",
)
@click.option(
    "--checks", multiple=True, metavar="LIST", help="Checks to make: codes, names or patterns.  [default: all]"
)
@click.option(
    "--checks-from", multiple=True, metavar="MODULE", help="A Python module with checks of your own; repeatable."
)
@click.option("--exclude-checks", multiple=True, metavar="LIST", help="Checks not to make.")
@click.option(
    "--max-cases",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    metavar="N",
    help="Random cases for each method; the other phases have as many as they need.",
)
@click.option("--max-time", type=SECONDS, metavar="TIME", help="End the run after this time, with what was found.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="The same seed gives the same cases.  [default: by chance, shown]"
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="Cases that are under way at once, where one says nothing about another.",
)
@click.option(
    "--shard",
    type=Shard(),
    default="1/1",
    metavar="I/N",
    help="Make one part of the random cases: 2/4 on the second machine of four; auto/4 where CI says which.",
)
@click.option("--rate-limit", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Calls a second, at most.")
@click.option("--deadline", type=SECONDS, default="3s", show_default=True, metavar="TIME", help="Of each call.")
@click.option(
    "--max-latency", type=SECONDS, default="1s", show_default=True, metavar="TIME", help="How long an answer may take."
)
@click.option(
    "--size-limit",
    type=SIZE,
    default=4 << 20,
    metavar="SIZE",
    help="The largest message that the server must take.  [default: 4MiB]",
)
@click.option(
    "--stubs",
    multiple=True,
    type=PATH,
    metavar="PATH",
    help="Stubs whose requests are tried, too, and whose answers are compared with the server's; repeatable.",
)
@click.option(
    "--links",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Which methods create, read, list and delete the same things, where names don't tell; repeatable.",
)
@click.option(
    "--allowed",
    "--allow",
    multiple=True,
    metavar="METHOD=CODES",
    help="Statuses that a method may answer with besides OK: 'GetUser=NOT_FOUND,ABORTED'; repeatable.",
)
@click.option(
    "--status-field",
    "given_fields",
    multiple=True,
    metavar="[METHOD=]PATH",
    help="Where responses tell errors in their body: status.error_code; repeatable.",
)
@click.option(
    "--second-identity",
    multiple=True,
    metavar="'KEY: VALUE'",
    help="Credentials of somebody else, who must not see what those of -H may; repeatable.",
)
@click.option(
    "--server-cmd", default="", metavar="COMMAND", help="Start the server, watch it, and start it anew after a crash."
)
@click.option(
    "--startup-timeout",
    type=SECONDS,
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long the server may take to come up.",
)
@click.option("--baseline", type=PATH, metavar="FILE", help="Failures that are known and accepted until a day.")
@click.option("--write-baseline", is_flag=True, help="Write what fails now to the file of --baseline.")
@click.option(
    "--database",
    default="",
    metavar="WHERE",
    help="Keep failures from run to run, and try them first: a directory, redis://HOST:PORT, github:OWNER/REPOSITORY.",
)
@click.option(
    "--min-answered",
    type=Percent(),
    metavar="PERCENT",
    help="Exit with 3 if fewer methods ever answered OK, for then little was tested: 80%.  [default: at least one]",
)
@report_option("junit", "json", "ndjson", "html", "sarif", "allure")
@imports_option
@target_options
def command(
    target: str, protos: tuple[ProtoSource, ...], imports: Imports, connection: Connection, **options: Any
) -> None:
    """Try a server against its contract: valid and invalid requests, unusual bytes, broken streams, calls in a row.

    TARGET is HOST:PORT, unix:PATH, or a URL. PROTOS are .proto files, directories or descriptor sets; without any, the
    server's reflection is asked. Each failure is confirmed, made as small as it gets, and told with how to repeat it.
    The exit code is 0 if nothing was found, 1 for failures, 2 for wrong usage or a server out of reach, and 3 if
    nothing was found since nothing was tested: no method ever answered OK.

    \b
    Examples:
      grpcmock fuzz 127.0.0.1:50051
      grpcmock fuzz 127.0.0.1:50051 protos/ --include 'UserService/*' --max-time 30s
      grpcmock fuzz 127.0.0.1:50051 --server-cmd './server --port 50051' --seed 7
    """
    from grpcmock.fuzz.checks.custom import load_checks
    from grpcmock.fuzz.replay.case_file import Origin

    load_checks(listed(options["checks_from"]))
    settings = _settings(target, protos, imports, connection, options)
    code = _run(settings, Origin.of(settings, protos, imports), options)
    if code:
        raise click.exceptions.Exit(code)


def _settings(
    target: str, protos: tuple[ProtoSource, ...], imports: Imports, connection: Connection, options: dict[str, Any]
) -> Settings:
    import os
    import secrets
    import sys

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # before anything imports grpc, which reads it then
    from grpcmock.client.target import parse_headers
    from grpcmock.errors import ConfigError
    from grpcmock.fuzz.run.loop import Bounds
    from grpcmock.fuzz.run.session import Settings

    if options["write_baseline"] and options["baseline"] is None:
        raise ConfigError("--write-baseline needs --baseline FILE, the file to write.")
    seed = options["seed"]
    return Settings(
        target=connection.target(target),
        registry=contract(protos, imports),
        server_command=options["server_cmd"],
        startup_timeout=options["startup_timeout"] if options["server_cmd"] else connection.within,
        include=options["include"],
        exclude=options["exclude"],
        checks=listed(options["checks"]),
        exclude_checks=listed(options["exclude_checks"]),
        bounds=Bounds(
            phases=phases(options["chosen_phases"]),
            max_cases=options["max_cases"],
            max_seconds=options["max_time"],
            in_flight=options["workers"],
            per_second=options["rate_limit"],
        ),
        seed=secrets.randbelow(1 << 32) if seed is None else seed,
        shard=options["shard"],
        deadline=options["deadline"],
        max_latency=options["max_latency"],
        max_message_bytes=options["size_limit"] if options["size_limit"] >= 0 else sys.maxsize,
        allowed=allowed(options["allowed"]),
        status_fields=status_fields(options["given_fields"]),
        stubs=options["stubs"],
        links=options["links"],
        database=options["database"],
        second_identity=parse_headers(options["second_identity"]),
        left_out=warn,
    )


def _run(settings: Settings, origin: Origin, options: dict[str, Any]) -> int:
    """Make the run and show it; return the exit code. Raises :class:`TargetError` if the server has gone, and nothing
    was found."""
    import asyncio
    from datetime import UTC, datetime

    from grpcmock.cli.fuzz_output import Output
    from grpcmock.fuzz.reporting.listener import Reporting
    from grpcmock.fuzz.run import baseline
    from grpcmock.fuzz.run.interrupts import stop_on_interrupt
    from grpcmock.fuzz.run.session import prepared

    today = datetime.now(UTC).date()
    reporting = Reporting(
        settings.target,
        options["reports"],
        origin=origin,
        second_identity=settings.second_identity,
        min_answered=options["min_answered"],
    )
    output = Output(reporting.history)

    async def go() -> tuple[Finished, baseline.Baseline | None]:
        async with prepared(settings, [reporting.hear, output.hear]) as run:
            known = _known(run, options)
            output.begin(known, today)
            with stop_on_interrupt(run):
                return await run.go(), known

    def _known(run: Run, options: dict[str, Any]) -> baseline.Baseline | None:
        file = options["baseline"]
        if file is None or (options["write_baseline"] and not file.exists()):
            return None
        return baseline.read(file, {method.full_name for method in run.registry.methods.values()})

    with reporting, output, asyncio.Runner(loop_factory=loop_factory()) as runner:
        finished, known = runner.run(go())
    if reporting.trouble:
        click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {reporting.trouble}", err=True)
    if options["write_baseline"]:
        count = baseline.write(options["baseline"], finished.failures, known, today)
        click.echo(f"Wrote {count} {'failure' if count == 1 else 'failures'} to {options['baseline']}.")
        return 0
    if reporting.history.failures:
        return failures.PROBLEMS
    if finished.lost:
        from grpcmock.errors import TargetError

        raise TargetError(f"{finished.interrupted}.")
    return failures.UNDECIDED if reporting.history.reach.too_little else 0
