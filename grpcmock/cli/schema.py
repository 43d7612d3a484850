"""``grpcmock schema``: a JSON Schema for stubs of these protos, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.options import imports_option, proto_paths, protos_argument

if TYPE_CHECKING:
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports


@click.command()
@protos_argument
@imports_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it.  [default: stdout]",
)
def command(protos: tuple[ProtoSource, ...], imports: Imports, output: Path | None) -> None:
    """Write a JSON Schema for stubs, so that an editor completes them.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]
    """
    from grpcmock.matching.operators import OPERATORS
    from grpcmock.schema import sources
    from grpcmock.stubs import json_schema

    registry = sources.load(proto_paths(protos), imports=imports)
    text = json.dumps(json_schema.for_registry(registry, OPERATORS.values()), indent=1, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")
    click.echo(_wiring(output), err=True)


def _wiring(file: Path) -> str:
    settings = json.dumps({"yaml.schemas": {f"./{file.as_posix()}": ["stubs/**/*.yaml", "stubs/**/*.yml"]}})
    return (
        f"Wrote {file}. To have stubs completed and checked as you type:\n"
        f"  any editor with yaml-language-server: begin a stub file with the line\n"
        f"    # yaml-language-server: $schema={file.resolve().as_uri() if file.is_absolute() else file.as_posix()}\n"
        f"    (the path is relative to the stub file)\n"
        f"  VS Code, in .vscode/settings.json:\n"
        f"    {settings}\n"
        f"  JetBrains: Settings | Languages & Frameworks | Schemas and DTDs | JSON Schema Mappings"
    )
