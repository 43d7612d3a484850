"""``grpcmock contract``: write down what a consumer asks of its provider, and read what others have."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import PATH, imports_option, protos_argument
from grpcmock.cli.target_options import Connection, proto_options, registry_of, target_options

if TYPE_CHECKING:
    from grpcmock.errors import Problem
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.contracts.used_stubs import UsedStubs

_WAY_OUT = "Name the protos, then reflection isn't needed: grpcmock contract export TARGET PROTOS."


@click.group()
def command() -> None:
    """Write down what a consumer asks of its provider, and read what others have.

    A contract is a file of stubs with the name of the consumer, and with hashes of the descriptors that it knows.
    `grpcmock verify --contract FILE` holds a server against it.
    """


@command.command("export")
@click.argument("target")
@protos_argument
@imports_option
@click.option("--consumer", required=True, metavar="NAME", help="Who asks.")
@click.option("--provider", default="", metavar="NAME", help="Who is asked.")
@click.option(
    "--as",
    "form",
    type=click.Choice(("contract", "pact")),
    default="contract",
    show_default=True,
    help="A contract of grpcmock, or a Pact of version 4.",
)
@click.option("-o", "--out", type=PATH, metavar="FILE", help="The file to write.  [default: stdout]")
@click.option("--admin-token", metavar="TOKEN", help="The token of the server's admin service.")
@target_options
def export(
    target: str,
    protos: tuple[ProtoSource, ...],
    imports: Imports,
    consumer: str,
    provider: str,
    form: str,
    out: Path | None,
    admin_token: str | None,
    connection: Connection,
) -> None:
    """Write the stubs that have answered calls of a running mock server as a contract.

    TARGET is a server that was started with --admin, or a contract that a test run has written. PROTOS say what the
    methods take and give.  [default: the server's reflection]
    """
    from grpcmock.reports import files
    from grpcmock.verify.contracts.contract_file import to_text

    file = Path(target)
    if admin_token is not None:
        connection = replace(connection, headers=(*connection.headers, f"authorization: Bearer {admin_token}"))
    if file.is_file():
        used, registry = _of_file(file, protos, imports)
    else:
        used, registry = asyncio.run(_collect(target, protos, imports, connection))
    left_out, count, what = used.left_out, len(used.stubs), "stub"
    if form == "pact":
        from grpcmock.verify.contracts.pact_writing import to_pact

        pact = to_pact(consumer, provider or "provider", used.stubs, registry)
        text, count, what = pact.text, pact.interactions, "interaction"
        left_out = [*left_out, *pact.left_out]
    else:
        text = to_text(consumer, used.stubs, registry, provider=provider)
    for one in dict.fromkeys(left_out):
        click.echo(f"{click.style('warning:', fg='yellow', bold=True)} left out: {one}.", err=True)
    if out is None:
        click.echo(text, nl=False)
        return
    files.write(out, text)
    click.echo(f"{out}: {count} {what}{'' if count == 1 else 's'} of {consumer}.")


def _of_file(file: Path, protos: tuple[ProtoSource, ...], imports: Imports) -> tuple[UsedStubs, Registry]:
    """Read the stubs of a contract. Raises :class:`StubError`, or :class:`ConfigError` without protos."""
    from grpcmock.cli.options import proto_paths
    from grpcmock.errors import Problems
    from grpcmock.schema import sources
    from grpcmock.verify.contracts import contract_file
    from grpcmock.verify.contracts.used_stubs import UsedStubs

    registry = sources.load(proto_paths(protos), imports=imports)
    problems = Problems()
    read = contract_file.read(file, registry, problems)
    problems.raise_errors()
    return UsedStubs(list(read.stubs)), registry


async def _collect(
    target: str, protos: tuple[ProtoSource, ...], imports: Imports, connection: Connection
) -> tuple[UsedStubs, Registry]:
    from grpcmock.verify.contracts.exporting import export

    server = connection.target(target)
    async with connection.connect(server) as channel:
        used = await export(channel, server)
        return used, await registry_of(
            server, channel, protos, imports, way_out="Name the protos, then it isn't needed."
        )


@command.command("import")
@click.argument("contracts", nargs=-1, required=True, type=PATH, metavar="FILE...")
@proto_options
@click.option("-o", "--out", type=PATH, metavar="FILE", help="The file of stubs to write.  [default: stdout]")
def import_(contracts: tuple[Path, ...], protos: tuple[ProtoSource, ...], imports: Imports, out: Path | None) -> None:
    """Turn contracts and Pact files into stubs, for a mock server.

    FILE is a contract, or a Pact of version 4 with interactions of the Protobuf plugin.
    """
    from grpcmock.errors import ConfigError
    from grpcmock.reports import files as reports
    from grpcmock.stubs.dump import to_yaml

    registry = None
    if protos:
        from grpcmock.schema import sources

        registry = sources.load(protos, imports=imports)
    stubs, warnings = _stubs(contracts, registry)
    for problem in warnings:
        said = str(problem).replace("warning: ", "", 1)
        click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {said}", err=True)
    if not stubs:
        names = ", ".join(map(str, contracts))
        raise ConfigError(
            f"There is nothing to import: {names} {'hold' if len(contracts) > 1 else 'holds'} no interaction."
        )
    text = f"# Imported by grpcmock from {', '.join(path.name for path in contracts)}.\n" + to_yaml(stubs)
    if out is None:
        click.echo(text, nl=False)
        return
    reports.write(out, text)
    click.echo(f"{out}: {len(stubs)} {'stub' if len(stubs) == 1 else 'stubs'}.")


def _stubs(contracts: tuple[Path, ...], registry: Registry | None) -> tuple[list[Stub], tuple[Problem, ...]]:
    """Read all stubs. Raises :class:`StubError` with everything that is wrong."""
    from grpcmock.errors import Problems
    from grpcmock.verify.contracts import contract_file
    from grpcmock.verify.contracts.importing import stubs_of

    problems = Problems()
    read = [contract_file.read(path, registry, problems) for path in contracts]
    problems.raise_errors()
    return stubs_of(read, problems), problems.warnings
