"""``grpcmock journal``: what a running server was asked, and what it answered."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import live
from grpcmock.cli.running import say
from grpcmock.cli.target_options import Connection, target_options

if TYPE_CHECKING:
    from grpcmock.client.target import Target

_TEXT_LIMIT = 400
_JSON_LIMIT = 1 << 19


@click.command()
@click.argument("target", metavar="[TARGET]", default="127.0.0.1:50051")
@click.option("-f", "--follow", is_flag=True, help="Go on with each call as it ends.")
@click.option(
    "-n", "--last", type=click.IntRange(min=0), metavar="N", help="Begin with the last N calls, not with all."
)
@click.option("--method", metavar="NAME", default="", help="Only calls of this method.")
@click.option("--session", metavar="NAME", default="", help="Only calls of this session.")
@click.option("--misses", is_flag=True, help="Only calls that no stub answered.")
@click.option("--json", "as_json", is_flag=True, help="Print each call as a line of JSON.")
@click.option(
    "--as-stub", type=click.IntRange(min=1), metavar="ID", help="Print a stub made of this call or miss, as YAML."
)
@click.option("--admin-token", metavar="TOKEN", help="The token of the server's admin service.")
@target_options
def command(
    target: str,
    follow: bool,
    last: int | None,
    method: str,
    session: str,
    misses: bool,
    as_json: bool,
    as_stub: int | None,
    admin_token: str | None,
    connection: Connection,
) -> None:
    """Show what a running server was asked, and what it answered.

    TARGET is HOST:PORT or unix:PATH of a server that was started with --admin.  [default: 127.0.0.1:50051]
    """
    if admin_token is not None:
        connection = replace(connection, headers=(*connection.headers, f"authorization: Bearer {admin_token}"))
    if as_stub is not None:
        if follow or last is not None or method or misses or as_json:
            raise click.UsageError("--as-stub is about one call, and stands without options that choose among them.")
        asyncio.run(_draft(connection, connection.target(target), as_stub))
        return
    printer = live.Printer("json" if as_json else "calls", sys.stdout)
    text_limit = _JSON_LIMIT if as_json else _TEXT_LIMIT
    choice = {"method": method, "misses": misses, "session": session, "text_limit": text_limit}
    asyncio.run(_show(connection, connection.target(target), printer, choice, last, follow=follow))


async def _show(
    connection: Connection,
    target: Target,
    printer: live.Printer,
    choice: dict[str, Any],
    last: int | None,
    *,
    follow: bool,
) -> None:
    from grpcmock.client.journal import JournalReader

    async with connection.connect(target) as channel:
        reader = JournalReader(channel, target, **choice)
        async for call in reader.follow(last) if follow else reader.calls(last):
            printer.print(_line(call))


async def _draft(connection: Connection, target: Target, number: int) -> None:
    """Print the stub on stdout, as it can be put into a file, and what is worth a second look on stderr."""
    from grpcmock.client.journal import JournalReader

    async with connection.connect(target) as channel:
        draft = await JournalReader(channel, target).draft(number)
    click.echo(draft.stubs, nl=False)
    for warning in draft.warnings:
        say("warning", warning)


def _line(call: Any) -> live.Line:
    return live.Line(
        id=call.id,
        method=call.method,
        peer=call.peer,
        started=call.started.ToNanoseconds() / 1e9,
        duration=call.duration.ToNanoseconds() / 1e9,
        code=call.code_name,
        message=call.status_message,
        requests=[message.json for message in call.messages if message.direction == message.DIRECTION_REQUEST],
        responses=[message.json for message in call.messages if message.direction == message.DIRECTION_RESPONSE],
        stub=call.stub or None,
        location=call.stub_location or None,
        miss=call.miss or None,
        auto=call.auto,
        cancelled=call.cancelled,
        protocol=call.protocol or "grpc",
        faults=call.faults,
        session=call.session,
    )
