"""``grpcmock init``: write example stubs, one file for each service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import imports_option, proto_paths, protos_argument
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.schema import Method
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports


@click.command()
@protos_argument
@imports_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("stubs"),
    metavar="DIRECTORY",
    help="Where the files go.  [default: stubs/]",
)
@click.option("--method", "names", multiple=True, metavar="NAME", help="Only this method; repeatable.")
@click.option("--force", is_flag=True, help="Write over files that are there already.")
def command(protos: tuple[ProtoSource, ...], imports: Imports, out: Path, names: tuple[str, ...], force: bool) -> None:
    """Write an example stub for each method of protos.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]
    """
    from grpcmock.schema import sources
    from grpcmock.synthesis.examples import example_file

    paths = proto_paths(protos)
    registry = sources.load(paths, imports=imports)
    methods = [registry.method(name) for name in names] or list(registry.methods.values())
    if not methods:
        raise ConfigError(f"There is no service in {', '.join(map(str, paths))}, and so nothing to write stubs for.")
    by_file: dict[Path, list[Method]] = {}
    for method in dict.fromkeys(methods):
        by_file.setdefault(out / f"{method.service}.yaml", []).append(method)
    if not force and (there := [str(file) for file in by_file if file.exists()]):
        raise ConfigError(f"{', '.join(there)}: there already, and left as it is. --force writes over it.")
    out.mkdir(parents=True, exist_ok=True)
    for file, those in by_file.items():
        file.write_text(example_file(those, registry).rstrip("\n") + "\n", encoding="utf-8")
        click.echo(f"Wrote {file} ({len(those)} stub{'' if len(those) == 1 else 's'}).")
