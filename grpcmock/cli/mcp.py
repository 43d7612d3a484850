"""``grpcmock mcp``: tools for assistants of programmers, by the Model Context Protocol."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import DEFAULT_PROTOS, DEFAULT_STUBS, files, imports_option, protos_argument, stubs_option
from grpcmock.cli.running import loop_factory, on_signals, say
from grpcmock.cli.target_options import Connection, target_options

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.schema.sources import Imports
    from grpcmock.servers.host import Files


@click.command()
@protos_argument
@stubs_option
@imports_option
@click.option("--target", metavar="ADDRESS", help="Steer the mock at this address, served with --admin.")
@click.option("--admin-token", metavar="TOKEN", help="The token of that mock's admin service.")
@click.option("--anywhere", is_flag=True, help="Let assistants verify and fuzz servers on other machines, too.")
@target_options
def command(
    protos: tuple[Path, ...],
    stubs: tuple[Path, ...],
    imports: Imports,
    target: str | None,
    admin_token: str | None,
    anywhere: bool,
    connection: Connection,
) -> None:
    """Give assistants the tools of grpcmock, by the Model Context Protocol over stdin and stdout.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]

    They describe services, check and add stubs, call the mock, read its journal, explain misses, verify and fuzz real
    servers. Without --target, a mock of PROTOS and --stubs is served meanwhile, on a free port of this machine.

    \b
    Examples:
      grpcmock mcp
      grpcmock mcp protos/ --stubs stubs/
      grpcmock mcp --target 127.0.0.1:50051
    """
    if admin_token is not None:
        if target is None:
            raise click.UsageError("--admin-token is of a mock that runs: name it with --target.")
        connection = replace(connection, headers=(*connection.headers, f"authorization: Bearer {admin_token}"))
    given = files(protos, stubs, imports) if target is None else _found(protos, stubs, imports)
    running = connection.target(target) if target is not None else None
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(given, imports, running, connection, anywhere=anywhere))


def _found(protos: tuple[Path, ...], stubs: tuple[Path, ...], imports: Imports) -> Files:
    """Give the files that real servers are tried with: those named, else those that are in their usual places."""
    from grpcmock.servers.host import Files

    usual = [path for path in (DEFAULT_PROTOS,) if path.exists()]
    return Files(protos or tuple(usual), stubs or tuple(path for path in (DEFAULT_STUBS,) if path.exists()), imports)


async def _serve(
    given: Files, imports: Imports, running: Target | None, connection: Connection, *, anywhere: bool
) -> None:
    """Serve until stdin ends, or a signal comes. All else is said on stderr: stdout belongs to the protocol."""
    from grpcmock.assistants.mock_tools import MockTools
    from grpcmock.assistants.own_mock import own_mock
    from grpcmock.assistants.server import make_server
    from grpcmock.assistants.trial_tools import TrialTools
    from grpcmock.client.admin import AdminClient

    mock = nullcontext(running) if running is not None else own_mock(given, say)
    async with mock as target, connection.connect(target) as channel:
        client = AdminClient(channel, target)
        await client.ask("GetStatus")
        say("info", f"Steering the mock at {target}, by the Model Context Protocol on stdin and stdout.")
        trials = TrialTools(given.protos, given.stubs, imports, anywhere=anywhere)
        server = make_server(MockTools(client), trials)
        ended = asyncio.Event()
        on_signals(ended, asyncio.Event())
        serving, ending = asyncio.ensure_future(server.run_stdio_async()), asyncio.ensure_future(ended.wait())
        await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            # A thread waits for a line on stdin, and can't be told to stop.
            trials.kill()
            os._exit(0)
        ending.cancel()
        await serving
