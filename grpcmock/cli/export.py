"""``grpcmock export``: hand a failure on that ``grpcmock fuzz`` has found."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli.kept_failure import Asked, asked, failure_options, warn_of_headers
from grpcmock.cli.options import PATH

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource

FORMS = ("pytest", "go", "bash", "stub", "python", "grpcurl")


@click.command()
@failure_options
@click.option(
    "--as",
    "form",
    required=True,
    type=click.Choice(FORMS),
    help="A test for pytest or Go, or a script for bash, that fails until the server is fixed; a stub that makes the "
    "mock fail alike; a program that needs only grpcio, or a line of grpcurl.",
)
@click.option("-o", "--out", type=PATH, metavar="FILE", help="Where to write it.  [default: stdout]")
def command(failure: str, protos: tuple[ProtoSource, ...], form: str, out: Path | None, **options: Any) -> None:
    """Hand on a failure that grpcmock fuzz has found, in a form that others can run.

    ID is what was printed with the failure, or the beginning of it, or the path of its file. A stub holds the server's
    answers, so the server is asked again; the other forms need no server.

    \b
    Examples:
      grpcmock export G102-3f9a1c --as pytest -o test_g102.py
      grpcmock export G102-3f9a1c --as go -o contract/g102_test.go
      grpcmock export G102-3f9a1c --as stub -o stubs/broken.yaml
    """
    from grpcmock.fuzz.model.secrets import Secrets
    from grpcmock.fuzz.replay import case_file as case_files
    from grpcmock.fuzz.reproducers import reproducer
    from grpcmock.reports import files

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
    found = asked(failure, protos, **options)
    secrets = Secrets(found.target.metadata, found.settings.second_identity)
    if form == "stub":
        warn_of_headers(found)
        text = asyncio.run(_stub(found))
    else:
        registry = found.settings.registry or found.contract() or asyncio.run(_reflected(found))
        case_file = case_files.read(found.kept, registry, str(found.path))
        case_file = replace(case_file, contract=str(case_files.contract(found.kept, found.path) or ""))
        text = reproducer(form, case_file, found.target, registry)
    text = secrets.hide(text)
    if out is None:
        click.echo(text, nl=False)
    else:
        files.write(out, text)
        click.echo(f"{out} holds {found.kept['id']}.", err=True)


async def _reflected(found: Asked) -> Registry:
    from grpcmock.fuzz.run.session import prepared

    async with prepared(found.settings) as run:
        return run.registry


async def _stub(found: Asked) -> str:
    """Ask the server again, for a stub gives its answers."""
    from grpcmock.errors import TargetError
    from grpcmock.fuzz.replay.replayer import replay
    from grpcmock.fuzz.reproducers import reproducer

    settings = found.settings
    if settings.registry is None:
        settings = replace(settings, registry=found.contract())
    try:
        again = await replay(found.kept, settings, where=str(found.path))
    except TargetError as error:
        text = f"A stub holds the server's answers, so the server is asked again. {error}"
        raise TargetError(text) from None
    if not again.findings:
        click.echo(f"{click.style('note:', bold=True)} It doesn't fail any more; the stub answers as now.", err=True)
    return reproducer("stub", again.case_file, found.target, again.registry, again.result)
