"""``grpcmock report``: what several runs told, told as one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli.report_options import report_option
from grpcmock.cli.target_options import SECONDS
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.reports.junit import Suite

_KINDS = {
    "junit": ("junit", "html"),
    "json": ("json", "junit", "html"),
    "sarif": ("sarif",),
}
"""The kinds of reports that can be read, and those that can be written from each."""


@click.group()
def command() -> None:
    """Work with reports that runs have written."""


@command.command("merge")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@report_option("junit", "json", "html", "sarif")
@click.option(
    "--apart", is_flag=True, help="Keep what has one name in several files apart: the jobs of a matrix, not shards."
)
@click.option(
    "--wait",
    type=SECONDS,
    default="0s",
    metavar="TIME",
    help="How long to wait for files that aren't there yet: for shards that still run.",
)
def merge(files: tuple[Path, ...], reports: dict[str, Path], apart: bool, wait: float) -> None:
    """Merge the reports of shards, workers or jobs into one.

    FILES are all JUnit XML (of any tool), all JSON of grpcmock fuzz, or all SARIF. What failed anywhere has failed; a
    failure that several runs found is told once. Ends with 1 if something failed.

    \b
    Examples:
      grpcmock report merge shard-*.json --report json=all.json,html=all.html
      grpcmock report merge */junit.xml --apart --report junit=all.xml
    """
    if not reports:
        raise click.UsageError("Say what to write: --report junit=PATH, json=PATH, html=PATH or sarif=PATH.")
    _await(files, wait)
    read = [_read(path) for path in files]
    kinds = dict(zip((kind for kind, _ in read), files, strict=True))
    if len(kinds) > 1:
        one, other = list(kinds.items())[:2]
        raise ConfigError(f"Reports of one kind can be merged: {one[1]} is {one[0]}, {other[1]} is {other[0]}.")
    kind = read[0][0]
    if wrong := [wanted for wanted in reports if wanted not in _KINDS[kind]]:
        can = ", ".join(_KINDS[kind])
        raise ConfigError(f"From reports of the kind {kind}, {wrong[0]} can't be written. What can: {can}.")
    contents = [content for _, content in read]
    if apart:
        _keep_apart(kind, contents, files)
    count = _write(kind, contents, reports)
    click.echo(f"{len(files)} report{'' if len(files) == 1 else 's'}: {count or 'nothing'} failed.")
    if count:
        click.get_current_context().exit(1)


def _await(files: Sequence[Path], seconds: float) -> None:
    """Wait until all files are there: grpcmock writes each as a whole. Goes on without; reading them tells then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(path.exists() for path in files):
        time.sleep(0.2)


def _read(path: Path) -> tuple[str, Any]:
    """Read a report, and say of which kind it is by what is in it."""
    from grpcmock.fuzz.reporting import merging
    from grpcmock.reports.junit import from_xml

    try:
        text = path.read_text("utf-8")
        if text.lstrip().startswith("<"):
            return "junit", from_xml(text)
        document = json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {error}.") from None
    if isinstance(document, dict) and isinstance(document.get("runs"), list):
        return "sarif", document
    if merging.is_document(document):
        return "json", document
    raise ConfigError(f"{path} is none of the reports that can be merged: JUnit XML, JSON of grpcmock fuzz, SARIF.")


def _keep_apart(kind: str, contents: list[Any], files: Sequence[Path]) -> None:
    if kind != "junit":
        raise ConfigError("--apart is for JUnit XML: in JSON of grpcmock fuzz and in SARIF one failure is one.")
    from dataclasses import replace

    for index, (suites, path) in enumerate(zip(contents, files, strict=True)):
        contents[index] = [replace(suite, name=f"{path.with_suffix('')}: {suite.name}") for suite in suites]


def _write(kind: str, contents: list[Any], reports: dict[str, Path]) -> int:
    """Write what is asked for, and count what failed."""
    from grpcmock.reports import files, html, junit, merging

    texts: dict[str, str] = {}
    suites: Sequence[Suite]
    count: int
    match kind:
        case "sarif":
            document = merging.merged_sarif(contents)
            texts["sarif"] = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            count = sum(
                result.get("level", "warning") == "error" for run in document["runs"] for result in run["results"]
            )
        case "json":
            from grpcmock.fuzz.reporting import merging as fuzz_merging

            try:
                document = fuzz_merging.merged(contents)
            except ValueError as error:
                raise ConfigError(f"A report can't be merged: {error}.") from None
            texts["json"] = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            suites = fuzz_merging.suites(document)
            count = len(document["failures"])
        case _:
            suites = merging.merged_suites(contents)
            count = merging.failed(suites)
    if "junit" in reports:
        texts["junit"] = junit.to_xml(suites)
    if "html" in reports:
        texts["html"] = html.to_html(merging.page(suites, reports=len(contents)))
    for wanted, path in reports.items():
        files.write(path, texts[wanted])
    return count
