"""``grpcmock fuzz``: try a server against its contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli import failures
from grpcmock.cli.options import PATH, SIZE, imports_option
from grpcmock.cli.target_options import SECONDS, Connection, target_options

if TYPE_CHECKING:
    from grpcmock.fuzz.session import Settings

_PHASES = ("boundary", "examples", "wire", "random", "stateful")


@click.command()
@click.argument("target")
@click.argument("protos", nargs=-1, type=PATH, metavar="[PROTOS]...")
@click.option("--include", multiple=True, metavar="PATTERN", help="Methods to try: user.UserService/Get*; repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Methods to leave alone; repeatable.")
@click.option("--phases", metavar="LIST", help=f"Which phases: {','.join(_PHASES)}.  [default: all]")
@click.option("--checks", multiple=True, metavar="LIST", help="Checks to make, by code, name or pattern; repeatable.")
@click.option("--exclude-checks", multiple=True, metavar="LIST", help="Checks not to make; repeatable.")
@click.option("--max-cases", type=click.IntRange(min=0), default=200, show_default=True, help="Random cases for each method.")
@click.option("--max-time", type=SECONDS, metavar="TIME", help="End the run after this time.")
@click.option("--seed", type=int, help="The same seed gives the same cases.  [default: one by chance, printed]")
@click.option("--workers", type=click.IntRange(min=1), default=4, show_default=True, help="Random cases in flight at once.")
@click.option("--deadline", type=SECONDS, default="3s", show_default=True, metavar="TIME", help="Of each call.")
@click.option("--max-latency", type=SECONDS, default="1s", show_default=True, metavar="TIME", help="How long an answer may take.")
@click.option("--wait", type=SECONDS, default="10s", show_default=True, metavar="TIME", help="How long to wait for the server.")
@click.option("--server-cmd", default="", metavar="COMMAND", help="Start the server; watch it, and start it again after a crash.")
@imports_option
@target_options
def command(target: str, protos: tuple[Path, ...], imports: tuple[Path, ...], connection: Connection, **options: object) -> None:
    """Try a server against its contract: valid and invalid requests of all kinds, odd bytes, broken streams.

    TARGET is HOST:PORT, unix:PATH, or a URL. PROTOS are .proto files, directories or descriptor sets; without them the
    server's reflection is asked.
    """
    import asyncio

    from grpcmock.fuzz.run import Bounds
    from grpcmock.fuzz.session import Settings, fuzz
    from grpcmock.fuzz.text import failure_lines
    from grpcmock.fuzz.trials import Phase
    from grpcmock.schema import sources
    import random

    registry = sources.load(protos, imports=imports) if protos else None
    chosen = options["phases"]
    phases = tuple(Phase(name) for name in str(chosen).split(",")) if chosen else tuple(Phase)
    seed = options["seed"] if options["seed"] is not None else random.randrange(1 << 32)
    settings = Settings(
        target=connection.target(target),
        registry=registry,
        include=options["include"], exclude=options["exclude"],
        checks=[x for t in options["checks"] for x in t.split(",")], exclude_checks=[x for t in options["exclude_checks"] for x in t.split(",")],
        seed=seed,
        server_command=options["server_cmd"], wait=options["wait"],
        deadline=options["deadline"], max_latency=options["max_latency"],
        bounds=Bounds(phases=phases, max_cases=options["max_cases"], max_seconds=options["max_time"], in_flight=options["workers"]),
    )
    def hear(event):
        name = type(event).__name__
        if name == "Found":
            print("\n".join(failure_lines(event.failure)), f"\n  after {event.failure.after_trials} trials, {event.failure.after_seconds:.2f} s")
        elif name in ("PhaseFinished","Noticed","MethodStopped"):
            print(event if name!="Noticed" else event.message, getattr(event,'method',''))
    finished = asyncio.run(fuzz(settings, [hear]))
    print(f"{finished.trials} trials {finished.calls} calls {finished.seconds:.1f}s {len(finished.failures)} failures seed {seed} {finished.interrupted}")
    for a in finished.advice: print("advice", a.code, a.got)
    if finished.failures:
        raise click.exceptions.Exit(failures.PROBLEMS)
