"""Tables of ``each``: rows written inline, or read from a CSV, JSON or JSONL file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location
from grpcmock.stubs.files import read_text
from grpcmock.stubs.yaml import MAX_DEPTH

if TYPE_CHECKING:
    from grpcmock.errors import Problems
    from grpcmock.tree import Node

Row = dict[str, Any]

DATA_SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson")


def read_table(each: Node, folder: Path | None, problems: Problems) -> list[Row] | None:
    """Give the rows that ``each`` holds or names. None if there are none to be had, with the problem noted.

    The path of a file is relative to *folder*, that of the stub's own file; without one no file can be named.
    """
    if each.is_list:
        return _inline(each, problems)
    if not isinstance(each.value, str):
        problems.error(
            f"expected a list of rows, or the path of a CSV, JSON or JSONL file, not {each.kind}.",
            each.location,
            "each",
            rule="each",
        )
        return None
    if folder is None:
        message = "a stub that doesn't come from a file can't name one."
        problems.error(message, each.location, "each", hint="Write the rows out as a list.", rule="each")
        return None
    path = data_path(each.value, folder)
    suffix = path.suffix.lower()
    if suffix not in DATA_SUFFIXES:
        problems.error(
            f"the file {each.value!r} is no table: its name must end in {', '.join(DATA_SUFFIXES)}.",
            each.location,
            "each",
            rule="each",
        )
        return None
    before = len(problems)
    text = read_text(path, problems, each.location)
    if text is None:
        return None
    reader = {".csv": _csv, ".json": _json}.get(suffix, _json_lines)
    rows = reader(text, str(path), problems)
    return rows if len(problems) == before else None


def data_path(written: str, folder: Path) -> Path:
    """Give the path of the file that ``each: written`` names, in a stub file in *folder*."""
    return folder / written


def _inline(each: Node, problems: Problems) -> list[Row] | None:
    rows = []
    for number, node in enumerate(each.value, 1):
        if node.is_mapping:
            rows.append(node.plain())
        else:
            message = f"row {number} must be a mapping from columns to values, not {node.kind}."
            problems.error(message, node.location, f"each[{number - 1}]", rule="each")
    return rows if len(rows) == len(each.value) else None


def _csv(text: str, file: str, problems: Problems) -> list[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        columns = [column.strip() for column in next(lines, [])]
        if not any(columns):
            problems.error("The table has no first line with the names of its columns.", Location(file, 1), rule="each")
        for column in sorted({column for column in columns if columns.count(column) > 1}):
            problems.error(f"The column {column!r} is there twice.", Location(file, 1), rule="each")
        for cells in lines:
            if len(cells) == len(columns):
                rows.append(dict(zip(columns, cells, strict=True)))
            elif cells:
                message = f"This row has {len(cells)} cells, but the table has {len(columns)} columns."
                hint = "Quote a cell that holds a comma."
                problems.error(message, Location(file, lines.line_num), hint=hint, rule="each")
    except csv.Error as error:
        problems.error(f"The table is not valid CSV: {error}.", Location(file, lines.line_num), rule="each")
    return rows


def _json(text: str, file: str, problems: Problems) -> list[Row]:
    rows = _loaded(text, file, 1, problems)
    if rows is _BROKEN:
        return []
    if not isinstance(rows, list):
        problems.error("The table must be a list of objects.", Location(file, 1), rule="each")
        return []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            problems.error(
                f"Row {number} of the table must be an object, not {row!r:.40}.", Location(file), rule="each"
            )
    return rows


def _json_lines(text: str, file: str, problems: Problems) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _loaded(line, file, number, problems)
        if isinstance(row, dict):
            rows.append(row)
        elif row is not _BROKEN:
            problems.error(f"Each line must be a JSON object, not {row!r:.40}.", Location(file, number), rule="each")
    return rows


_BROKEN = object()


def _loaded(text: str, file: str, line: int, problems: Problems) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # raises for half of a surrogate pair
        _check_depth(value)
    except json.JSONDecodeError as error:
        where = Location(file, line + error.lineno - 1, error.colno)
        problems.error(f"The table is not valid JSON: {error.msg}.", where, rule="each")
    except RecursionError:
        message = f"The table nests more than {MAX_DEPTH} levels deep."
        problems.error(message, Location(file, line), rule="too-deep")
    except ValueError as error:  # a number with thousands of digits, or half of a surrogate pair
        problems.error(f"The table can't be read: {error}.", Location(file, line), rule="each")
    else:
        return value
    return _BROKEN


def _check_depth(value: Any) -> None:
    """Raise ``RecursionError`` for what nests more deeply than a file of stubs may."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for part in level
            if isinstance(part, (dict, list))
            for child in (part.values() if isinstance(part, dict) else part)
        ]
    if level:
        raise RecursionError
