"""What ``replay`` and ``export`` have in common: a failure that was kept is found, and the way to its server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grpcmock.cli.options import PATH, imports_option, proto_source
from grpcmock.cli.target_options import SECONDS, Connection, target_options

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.run.session import Settings
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

_F = TypeVar("_F", bound=Callable[..., Any])


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    folder = ctx.params.get("folder") or Path(".grpcmock", "failures")
    return [CompletionItem(path.stem) for path in sorted(folder.glob("G*.json")) if path.stem.startswith(incomplete)]


def failure_options(function: _F) -> _F:
    """Add the failure's id, PROTOS, and how to reach the server."""
    options = [
        click.argument("failure", metavar="ID", shell_complete=_complete),
        click.argument("protos", nargs=-1, type=PATH, metavar="[PROTOS]..."),
        click.option("--target", metavar="ADDRESS", help="The server to ask.  [default: the one that failed]"),
        click.option(
            "--failures",
            "folder",
            type=PATH,
            default=Path(".grpcmock", "failures"),
            show_default=True,
            metavar="DIRECTORY",
            help="Where the failures are kept.",
        ),
        click.option(
            "--second-identity",
            "others",
            multiple=True,
            metavar="'KEY: VALUE'",
            help="Metadata of a second identity, as for grpcmock fuzz; repeatable.",
        ),
        click.option("--server-cmd", default="", metavar="COMMAND", help="Start the server with this command."),
        click.option(
            "--startup-timeout",
            type=SECONDS,
            default="10s",
            show_default=True,
            metavar="TIME",
            help="How long to wait for the server.",
        ),
        click.option(
            "--checks-from",
            multiple=True,
            metavar="MODULE",
            help="A Python module with checks of your own; repeatable.",
        ),
        imports_option,
        target_options,
    ]
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A failure that was kept, and how its server is reached."""

    path: Path
    kept: dict[str, Any]
    settings: Settings
    """Its registry is None where the server's reflection is to be asked."""

    @property
    def target(self) -> Target:
        return self.settings.target

    def contract(self) -> Registry | None:
        """Load the descriptors that were kept with the failure; None if there are none."""
        from grpcmock.fuzz.replay import case_file as case_files
        from grpcmock.schema import sources

        found = case_files.contract(self.kept, self.path)
        return sources.load([found]) if found is not None else None


def asked(
    failure: str,
    protos: Sequence[ProtoSource],
    *,
    target: str | None,
    folder: Path,
    others: Sequence[str],
    server_cmd: str,
    startup_timeout: float,
    checks_from: Sequence[str],
    imports: Imports,
    connection: Connection,
) -> Asked:
    """Find the failure, and put together how to reach its server. Raises :class:`ConfigError` and what protos do."""
    from grpcmock.client.target import parse_headers
    from grpcmock.fuzz.checks.custom import load_checks
    from grpcmock.fuzz.replay import case_file as case_files
    from grpcmock.fuzz.run.session import Settings
    from grpcmock.schema import sources

    load_checks(checks_from)
    path = case_files.find(failure, folder)
    kept = case_files.load(path)
    server = connection.target(target or str(kept.get("target")))
    before = [proto_source(one) for one in kept.get("protos") or ()]
    if not protos and before and all(one.exists() for one in before if isinstance(one, Path)):
        protos = before
        imports = sources.Imports(imports.roots or kept.get("imports", ()), imports.exclude or kept.get("exclude", ()))
    settings = Settings(
        target=server,
        registry=sources.load(protos, imports=imports) if protos else None,
        server_command=server_cmd,
        startup_timeout=startup_timeout,
        second_identity=parse_headers(others),
    )
    return Asked(path=path, kept=kept, settings=settings)


def warn_of_headers(found: Asked) -> None:
    """Say it where the run sent metadata that isn't given now."""
    given = {key for key, _ in found.target.metadata}
    missing = [key for key in found.kept.get("headers") or () if key not in given]
    if missing:
        from grpcmock.fuzz.model.secrets import variable

        again = " ".join(f"-H '{key}: ${{{variable(key)}}}'" for key in missing)
        note = click.style("note:", bold=True)
        click.echo(f"{note} The run that found it sent {', '.join(missing)}, which isn't kept; give {again}.", err=True)
