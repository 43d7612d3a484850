"""``grpcmock lsp``: a language server for stub files, which editors start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import PATH, imports_option
from grpcmock.errors import MissingExtraError

if TYPE_CHECKING:
    from grpcmock.schema.sources import Imports


@click.command()
@click.argument("protos", nargs=-1, type=PATH)
@click.option(
    "--stubs", multiple=True, type=PATH, metavar="PATH", help="Stub files, or a directory of them; repeatable."
)
@imports_option
@click.option("--stdio", is_flag=True, help="Talk over stdin and stdout, as it does anyway: many editors say so.")
def command(protos: tuple[Path, ...], stubs: tuple[Path, ...], imports: Imports, stdio: bool) -> None:  # noqa: ARG001
    """Tell an editor about stubs while they are written: a language server.

    It talks over stdin and stdout. It completes methods, fields, values and operators, explains them by the comments of
    the protos, finds their definitions, marks what `grpcmock check` would, fixes misspelled names, and renames stubs,
    scenarios and states.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/ of the workspace]
    """
    try:
        from grpcmock.language_server.server import make_server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("pygls", "lsprotocol"):
            raise MissingExtraError("The language server", "lsp") from None
        raise
    make_server(protos, stubs, imports).start_io()
