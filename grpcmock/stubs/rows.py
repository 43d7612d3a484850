"""Rows: one stub per row of a table, with ``{{ row.… }}`` rendered where the stub says when it holds."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING, Any

from grpcmock.errors import RenderError, did_you_mean
from grpcmock.stubs.parser import MATCHING, parse_stub
from grpcmock.stubs.tables import read_table
from grpcmock.stubs.template import TemplateError, is_template
from grpcmock.stubs.template_cache import parse_template
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grpcmock.errors import Location, Problems
    from grpcmock.stubs.model import Stub
    from grpcmock.stubs.tables import Row

_RENDERED = ("name", "method", "priority", *MATCHING, "verify")
"""The keys that a row is rendered into at load; the rest is rendered when the stub answers."""


def has_templates(text: str | bytes) -> bool:
    """Say whether anything in *text*, a whole file, can be a template: nearly always not, and then none is sought."""
    if isinstance(text, bytes):
        return any(mark in text for mark in (b"{{", b"{%", b"{#")) or text.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    return is_template(text)


def check_no_rows(node: Node, problems: Problems) -> None:
    """Note each ``row`` in a stub without ``each``, where the stub says when it holds."""
    for key in _RENDERED:
        for found, path in _templates(node.value.get(key), key):
            try:
                template = parse_template(found.value)
            except TemplateError:
                continue  # without 'each' this is a plain string
            if "row" in template.variables:
                hint = "Give the stub a table: each: [{…}, …]."
                problems.error("'row' needs 'each'.", found.location, path, hint=hint, rule="row")


def stubs_of_rows(node: Node, folder: Path | None, problems: Problems, name: str | None = None) -> Iterator[Stub]:
    """Yield the stubs of a stub with ``each``. *name* is for a stub that has none, in place of its line."""
    each = node.value["each"]
    rows = read_table(each, folder, problems)
    if rows is None:
        return
    if not rows:
        problems.warn("The table has no rows, and so makes no stub.", each.location, "each", rule="no-stubs")
    bare = _without_each(node)
    if not _columns_are_there(bare, rows, problems):
        return
    value: dict[str, Node] = bare.value
    base = name or f"{node.file}:{node.line}"
    if (named := value.get("name")) and isinstance(named.value, str):
        base = named.value
    with_templates = {key: value[key] for key in _RENDERED if key in value and any(_templates(value[key], key))}
    for number, row in enumerate(rows, 1):
        rendering = _Rendering(row, number, problems)
        rendered = {key: rendering.render(child, key) for key, child in with_templates.items()}
        if rendering.failed:
            continue
        own = Node({**value, **rendered}, node.file, node.line, node.column, bare.keys) if rendered else bare
        # A name that a row is rendered into tells the stubs apart by itself.
        numbered = None if "name" in rendered else f"{base}[{number}]"
        if stub := parse_stub(own, problems, name=numbered, row=row):
            yield stub


def _without_each(node: Node) -> Node:
    value = {key: child for key, child in node.value.items() if key != "each"}
    keys = [key for key in node.keys or () if key.value != "each"]
    return Node(value, node.file, node.line, node.column, keys)


def _templates(node: Node | None, path: str) -> Iterator[tuple[Node, str]]:
    """Yield every string with template marks in it, keys among them, and its path."""
    if node is None:
        return
    if node.is_mapping:
        for key, child in node.value.items():
            if is_template(key):
                yield Node(key, *_place(node.key_location(key))), path
            yield from _templates(child, f"{path}.{key}")
    elif node.is_list:
        for number, child in enumerate(node.value):
            yield from _templates(child, f"{path}[{number}]")
    elif is_template(node.value):
        yield node, path


def _columns_are_there(node: Node, rows: list[Row], problems: Problems) -> bool:
    """Check every template once, rather than once for every row."""
    columns = {column for row in rows for column in row}
    before = len(problems)
    for key, child in node.value.items():
        for found, path in _templates(child, key):
            try:
                template = parse_template(found.value)
            except TemplateError as error:
                if key in _RENDERED:  # those of answers are compiled, and their errors noted, with the answer
                    problems.error(str(error), found.location, path, rule="template")
                continue
            if key in _RENDERED and (others := template.variables - {"row"}):
                message = f"{', '.join(sorted(others))!r} is not known here: before a call there is only 'row'."
                problems.error(message, found.location, path, rule="template")
            for chain in template.references:
                if chain[0] == "row" and len(chain) > 1 and rows and chain[1] not in columns:
                    hint = did_you_mean(str(chain[1]), columns, known="The columns")
                    message = f"the rows have no column {chain[1]!r}."
                    problems.error(message, found.location, path, hint=hint, rule="row")
    return len(problems) == before


class _Rendering:
    """Renders one row into nodes; whatever holds no template is shared by all rows."""

    __slots__ = ("failed", "number", "problems", "values")

    def __init__(self, row: Row, number: int, problems: Problems) -> None:
        self.values = {"row": row}
        self.number = number
        self.problems = problems
        self.failed = False

    def render(self, node: Node, path: str) -> Node:
        if node.is_mapping:
            made = [(self._key(node, key), self.render(child, f"{path}.{key}")) for key, child in node.value.items()]
            if not any(key not in node.value or child is not node.value[key] for key, child in made):
                return node
            value = dict(made)
            if len(value) < len(made):
                self._fail("two keys of this mapping become the same.", node.location, path)
            places = [node.key_location(key) for key in node.value]
            keys = [Node(key, *_place(at)) for (key, _), at in zip(made, places, strict=True)]
            return Node(value, node.file, node.line, node.column, keys)
        if node.is_list:
            items = [self.render(child, f"{path}[{number}]") for number, child in enumerate(node.value)]
            if all(made is child for made, child in zip(items, node.value, strict=True)):
                return node
            return Node(items, node.file, node.line, node.column)
        if not is_template(node.value):
            return node
        return Node.of(self._rendered(node.value, node.location, path), node.location)

    def _key(self, node: Node, key: Any) -> Any:
        return str(self._rendered(key, node.key_location(key), "")) if is_template(key) else key

    def _rendered(self, text: str, location: Location, path: str) -> Any:
        try:
            return parse_template(text).render(self.values)
        except RenderError as error:
            self._fail(str(error), location, path)
            return None

    def _fail(self, message: str, location: Location, path: str) -> None:
        self.failed = True
        self.problems.error(f"row {self.number}: {message}", location, path, rule="row")


def _place(location: Location) -> tuple[str, int, int]:
    return location.file, location.line, location.column
