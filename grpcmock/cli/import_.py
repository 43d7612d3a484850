"""``grpcmock import``: write the stubs of another tool as stubs of this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli import failures
from grpcmock.cli.options import PATH
from grpcmock.cli.target_options import proto_options
from grpcmock.cli.values import ParamType
from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from grpcmock.errors import Problem
    from grpcmock.importers.draft import Draft
    from grpcmock.importers.run import Imported
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

AUTO = "auto"


class _Format(ParamType[str]):
    """The name of a format, or ``auto``."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from grpcmock.importers.formats import FORMATS

        if value == "pact":
            self.fail("Pact files are read by `grpcmock contract import`.", param, ctx)
        if value not in (AUTO, *FORMATS):
            hint = did_you_mean(str(value), [AUTO, *FORMATS], known="The formats")
            self.fail(f"There is no format {value!r}. {hint}", param, ctx)
        return str(value)

    def shell_complete(self, _: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from grpcmock.importers.formats import FORMATS

        return [CompletionItem(name) for name in (AUTO, *FORMATS) if name.startswith(incomplete)]


@click.command(
    epilog="The formats are gripmock, wiremock, mockserver, microcks, mockd, ditto (grpc-ditto), har (of Connect or "
    "gRPC-Web), grpcurl and curl (lines with their answers below); auto takes that of the first file that tells. Pact "
    "files are read by `grpcmock contract import`."
)
@click.argument("format_", type=_Format(), metavar="FORMAT")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")
@proto_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Where the files go, one for each service.  [default: all in one, on stdout]",
)
@click.option("--check", "only_check", is_flag=True, help="Write nothing: only say what becomes of what is there.")
@click.option("--force", is_flag=True, help="Write over files that are there already.")
@click.pass_context
def command(
    ctx: click.Context,
    format_: str,
    paths: tuple[Path, ...],
    protos: tuple[ProtoSource, ...],
    imports: Imports,
    out: Path | None,
    only_check: bool,
    force: bool,
) -> None:
    """Write the stubs of another tool, such as GripMock or WireMock, as stubs of this one.

    PATH is a file, or a directory of them. What can't be said is told with its place, and stands as a comment beside
    the stub. With --proto, more can be told, and the result is checked as `grpcmock check` does.
    """
    from grpcmock.importers.run import import_files

    registry = _registry(protos, imports)
    imported = import_files(format_, paths, registry)
    for problem in imported.problems.warnings:
        _warn(problem)
    if not imported.drafts:
        names = ", ".join(map(str, paths))
        raise ConfigError(f"There is nothing to import: {names} {'hold' if len(paths) > 1 else 'holds'} no stub.")
    errors = _checked(imported, registry)
    if not only_check:
        _write(imported.drafts, paths, out, force=force)
    _sum_up(imported, errors, registry is not None)
    if errors:
        ctx.exit(failures.PROBLEMS)


def _registry(protos: Sequence[ProtoSource], imports: Imports) -> Registry | None:
    if not protos:
        return None
    from grpcmock.schema import sources

    return sources.load(protos, imports=imports)


def _warn(problem: Problem) -> None:
    said = str(problem).replace("warning: ", "", 1)
    click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {said}", err=True)


def _checked(imported: Imported, registry: Registry | None) -> list[Problem]:
    """Check what came out against the protos; give the errors, and say them."""
    if registry is None:
        return []
    from grpcmock.importers.check import errors_of

    errors = errors_of(imported.drafts, registry)
    for error in errors:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
    return errors


def _write(drafts: Sequence[Draft], paths: Sequence[Path], out: Path | None, *, force: bool) -> None:
    from grpcmock.importers.writing import by_service, to_text
    from grpcmock.reports import files

    source = ", ".join(path.name or str(path) for path in paths)
    if out is None:
        click.echo(to_text(drafts, source), nl=False)
        return
    grouped = {out / f"{service}.yaml": of_service for service, of_service in by_service(drafts).items()}
    if not force and (there := _that_are_there(grouped)):
        raise ConfigError(f"{', '.join(there)}: there already, and left as it is. --force writes over it.")
    out.mkdir(parents=True, exist_ok=True)
    for file, of_service in grouped.items():
        files.write(file, to_text(of_service, source))
        click.echo(f"Wrote {file} ({_counted(len(of_service), 'stub')}).", err=True)


def _that_are_there(grouped: Mapping[Path, Iterable[Draft]]) -> list[str]:
    return [str(file) for file in grouped if file.exists()]


def _sum_up(imported: Imported, errors: Sequence[Problem], checked: bool) -> None:
    files, drafts = len(imported.files), len(imported.drafts)
    warnings = len(imported.problems.warnings)
    noted = f"{_counted(warnings, 'warning')}" if warnings else "no warnings"
    wrong = f", {_counted(len(errors), 'error')}" if errors else ""
    text = f"{_counted(drafts, 'stub')} of {_counted(files, 'file')} of {imported.format.title}: {noted}{wrong}."
    hint = "" if checked else " They were not checked: name the protos with --proto."
    click.echo(text + hint, err=True)
    if imported.format.note:
        click.echo(f"note: {imported.format.note}", err=True)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
