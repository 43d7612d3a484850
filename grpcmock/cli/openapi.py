"""``grpcmock openapi``: an OpenAPI document of services, for whoever calls them by HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli.options import imports_option, proto_paths, protos_argument
from grpcmock.cli.running import say

if TYPE_CHECKING:
    from grpcmock.schema.sources import Imports

FORMATS = ("json", "yaml")


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
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="JSON or YAML.  [default: yaml for files that end with .yaml or .yml, else json]",
)
@click.option("--title", metavar="TEXT", default="", help="What to call the API.  [default: its packages]")
@click.option("--api-version", metavar="TEXT", default="0", show_default=True, help="The version of the API.")
@click.option("--server", "servers", multiple=True, metavar="URL", help="Where it is served; repeatable.")
def command(
    protos: tuple[Path, ...],
    imports: Imports,
    output: Path | None,
    form: str | None,
    title: str,
    api_version: str,
    servers: tuple[str, ...],
) -> None:
    """Write an OpenAPI 3.1 document of the services of protos.

    Methods have the paths of their google.api.http annotations; those without one are called as Connect has it.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]
    """
    from grpcmock.openapi.document import Described, document
    from grpcmock.schema import sources

    registry = sources.load(proto_paths(protos), imports=imports)
    made = document(registry, Described(title, api_version, servers))
    for problem in made.problems:
        say("warning", problem)
    is_yaml = form == "yaml" if form else output is not None and output.suffix in (".yaml", ".yml")
    text = _yaml(made.tree) if is_yaml else json.dumps(made.tree, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


def _yaml(tree: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes each thing out, since few readers of OpenAPI know what an alias is."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - whatever it is
            return True

    return yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
