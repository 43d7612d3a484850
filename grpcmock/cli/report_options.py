"""The option ``--report``: which reports a command writes, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def report_option(*kinds: str) -> Callable[[_F], _F]:
    """Add ``--report`` for these *kinds* of reports.

    The function gets them as ``reports``: a mapping from each kind asked for to its path, whose folder can be written.
    """
    example = ",".join(f"{kind}=PATH" for kind in kinds[:2])
    return click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="KIND=PATH",
        callback=lambda _, __, values: _read(values, kinds),
        help=f"Write a report: {', '.join(kinds[:-1])} or {kinds[-1]}; repeatable, or several at once: {example}."
        + (" For allure, PATH is a directory." if "allure" in kinds else ""),
    )


def _read(values: Sequence[str], kinds: Sequence[str]) -> dict[str, Path]:
    if not values:
        return {}
    from grpcmock.errors import ConfigError
    from grpcmock.reports import files

    try:
        found = files.parse(values, kinds)
        files.check(found)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None
    return found
