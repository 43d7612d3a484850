"""``grpcmock explain``: what the checks of ``grpcmock fuzz`` are about."""

from __future__ import annotations

import sys
from typing import Any

import click

from grpcmock.cli import terminals


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    from grpcmock.fuzz.checks.registry import all_checks

    names = [(word, check.title) for check in all_checks() for word in (check.code, check.name)]
    return [CompletionItem(word, help=title) for word, title in names if word.lower().startswith(incomplete.lower())]


@click.command()
@click.argument("check", required=False, shell_complete=_complete)
def command(check: str | None) -> None:
    """Explain a check of grpcmock fuzz: why it matters, what usually breaks it, and how to fix that.

    CHECK is a code or a name; without it, all checks are listed.

    \b
    Examples:
      grpcmock explain G102
      grpcmock explain unhandled_error
    """
    from grpcmock.fuzz.checks import explain as explaining
    from grpcmock.fuzz.checks.registry import find_check

    if check is None:
        _list(explaining.table())
        return
    _show(explaining.page(find_check(check)))


def _show(page: str) -> None:
    if not terminals.shows_color(sys.stdout):
        click.echo(page, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(page), width=min(console.width, 100))


_COLORS = {"critical": "red", "high": "red", "medium": "yellow", "low": "cyan"}


def _list(rows: list[tuple[str, str, str, str]]) -> None:
    widest = max(len(name) for _, name, _, _ in rows)
    for code, name, severity, title in rows:
        colored = click.style(f"{severity:8}", fg=_COLORS[severity], bold=severity == "critical")
        click.echo(f"{click.style(code, bold=True)}  {name:{widest}}  {colored}  {title}")
