"""``grpcmock admin-proto``: the proto of the admin service, for clients in other languages."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it.  [default: stdout]",
)
@click.option("--path", "as_path", is_flag=True, help="Print where it is installed instead, to be given to protoc -I.")
def command(output: Path | None, as_path: bool) -> None:
    """Print the proto of the admin service, grpcmock.admin.v1.

    It imports google/api/annotations.proto and google/rpc/code.proto, which are part of googleapis.
    """
    from grpcmock.schema import admin

    if as_path and output is not None:
        raise click.UsageError("--path prints, --output writes: choose one.")
    if as_path:
        click.echo(admin.ROOT)
        return
    text = (admin.ROOT / admin.FILE).read_text(encoding="utf-8")
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
