"""Reports for people: a page of HTML that stands alone, made of a few sorts of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words in color."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Mono:
    """Text as code has it, within a line: a path, a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Meter:
    """So many of so many, as a bar with its figures."""

    done: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total if self.total else 100.0


Inline = str | Badge | Mono | Meter


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

    copy: bool = False
    """Whether there is a button that copies them."""

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
class Facts:
    """Pairs of a label and what it stands for."""

    pairs: Sequence[tuple[str, Inline]]

    kind = "facts"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two things differ."""

    path: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Where two things differ: one row for each place."""

    rows: Sequence[Difference]
    columns: tuple[str, str] = ("expected", "actual")

    kind = "diff"


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks below a line that opens and closes them."""

    title: str
    blocks: Sequence[Block]
    badges: Sequence[Badge] = ()
    note: str = ""
    """In small letters at the end of the line."""

    gist: str = ""
    """What one sees of it while it is closed, on a line of its own."""

    open: bool = False

    kind = "fold"


@dataclass(frozen=True, slots=True)
class Tabs:
    """Blocks of which one is seen at a time, each below its title."""

    panels: Sequence[tuple[str, Sequence[Block]]]
    label: str = ""
    """What they have in common, for those who can't see them."""

    kind = "tabs"


@dataclass(frozen=True, slots=True)
class Prose:
    """Text in Markdown."""

    markdown: str

    kind = "prose"


@dataclass(frozen=True, slots=True)
class Span:
    """One part of a timeline."""

    label: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment of a timeline."""

    seconds: float
    """After its beginning."""

    label: str
    tone: Tone = "bad"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Parts of a time, one after the other, and what happened in them."""

    spans: Sequence[Span]
    """Those of one label have one color."""

    marks: Sequence[Mark] = ()
    legend: Sequence[tuple[str, str]] = ()
    """What there is to say of each label."""

    kind = "timeline"

    def hue(self, label: str) -> int:
        """Give the number of a label's color, from 0 to 4."""
        return list(dict.fromkeys(span.label for span in self.spans)).index(label) % 5

    @property
    def seconds(self) -> float:
        return max((sum(span.seconds for span in self.spans), *(mark.seconds for mark in self.marks), 0.001))

    def percent(self, seconds: float) -> float:
        """Give a length of time as a part of the whole."""
        return round(100 * seconds / self.seconds, 3)


Block = Text | Code | Table | Facts | Diff | Fold | Tabs | Prose | Timeline


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
    environment.tests["meter"] = lambda value: isinstance(value, Meter)
    environment.filters["markdown"] = _markdown
    return environment.get_template("page.html.j2")


def _markdown(text: str) -> Markup:
    """Turn Markdown into HTML; what is HTML already is shown as it is written."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("js-default").disable(["link", "image", "autolink"])
    return Markup(parser.render(text))  # noqa: S704 (that preset takes no HTML)
