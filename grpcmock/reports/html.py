"""Reports for people: a page of HTML that stands alone, made of a few sorts of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jinja2 import Template

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words in colour."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Mono:
    """Text as code has it, within a line: a path, a value."""

    text: str


Inline = str | Badge | Mono


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    parts: Sequence[Inline]

    kind = "text"


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that are kept as they are; ``title`` stands above them."""

    text: str
    title: str = ""

    kind = "code"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below headings."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Inline]]
    numbers: frozenset[int] = frozenset()
    """The columns that hold numbers, from 0: they are set to the right."""

    kind = "table"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two things differ."""

    path: str
    wanted: str
    came: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Where two things differ: one row for each place."""

    rows: Sequence[Difference]
    columns: tuple[str, str] = ("wanted", "came")

    kind = "diff"


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks below a line that opens and closes them."""

    title: str
    blocks: Sequence[Block]
    badges: Sequence[Badge] = ()
    note: str = ""
    """In small letters at the end of the line."""

    open: bool = False

    kind = "fold"


Block = Text | Code | Table | Diff | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading."""

    title: str
    blocks: Sequence[Block]
    badges: Sequence[Badge] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that the page begins with."""

    value: str
    label: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole report."""

    title: str
    verdict: Badge | None = None
    facts: Sequence[tuple[str, str]] = ()
    """What was run: pairs of a label and its value, such as the target and the date."""

    figures: Sequence[Figure] = ()
    sections: Sequence[Section] = ()
    footer: str = ""


def to_html(page: Page) -> str:
    """Write a page. It needs nothing from anywhere else, and follows the reader's choice of light or dark."""
    return _template().render(page=page)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("grpcmock.reports", ".")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.tests["badge"] = lambda value: isinstance(value, Badge)
    environment.tests["mono"] = lambda value: isinstance(value, Mono)
    return environment.get_template("page.html.j2")
