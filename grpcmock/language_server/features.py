"""What an editor is told of a stub file: pure functions from texts to the types of the Language Server Protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from grpcmock.language_server.outline import Outline, Span, outline, values, words

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problem
    from grpcmock.language_server.contract import Contract, Schema
    from grpcmock.schema import Method

_MOST = 200
"""Completions told at once; more are told as more is typed."""

_SCENARIOS = ("state", "set")
"""Keys below which scenarios stand with their states."""

_STUBS = "stubs"
"""Files are lists of stubs; what isn't is a mapping with these."""

_TOP = {"defaults": "Keys that the stubs below have unless they say otherwise.", _STUBS: "The stubs."}


def completions(
    contract: Contract, text: str, line: int, column: int, others: Callable[[], Iterable[Outline]] = tuple
) -> lsp.CompletionList:
    """Return what could be typed at a place. *others* gives the files whose scenarios are known, too."""
    found = outline(text, line, column)
    cursor = found.cursor
    if cursor is None:
        return lsp.CompletionList(is_incomplete=False, items=[])
    items: list[lsp.CompletionItem] = []
    if len(cursor.path) == 1 and cursor.on_key:
        items += [_key_item(name, {"description": said}, cursor.word) for name, said in _TOP.items()]
    written = found.method_of(cursor.path)
    if cursor.on_value and cursor.path[-1] == "method":
        items += _methods(contract, cursor.text, cursor.word)
    elif cursor.on_value and len(cursor.path) > 1 and cursor.path[-2] in _SCENARIOS:
        items += _states([found, *others()], str(cursor.path[-1]), cursor.word)
    else:
        schemas = contract.schemas(cursor.path, written)
        if cursor.on_key:
            taken = found.keys_of(cursor.path) - {cursor.text}
            own = {"name", "each"} if cursor.path[1:] == ("defaults",) else set()
            items += _keys(schemas, taken | own, cursor.word)
            if cursor.path[-1] in _SCENARIOS:
                items += _scenarios([found, *others()], cursor.word)
        if cursor.on_value:
            items += _values(schemas, cursor.word)
    typed = cursor.text.lower()
    fitting = [item for item in items if typed in (item.filter_text or item.label).lower()] if typed else items
    return lsp.CompletionList(is_incomplete=len(fitting) > _MOST, items=fitting[:_MOST])


def _methods(contract: Contract, typed: str, word: Span) -> Iterator[lsp.CompletionItem]:
    typed = typed.lower()
    for method in contract.registry.methods.values():
        if typed in method.full_name.lower():
            yield _item(
                method.full_name, word, lsp.CompletionItemKind.Method, _kind(method), contract.comment(_symbol(method))
            )


def _kind(method: Method) -> str:
    return f"{method.kind.value}, takes {method.input.full_name}, gives {method.output.full_name}"


def _symbol(method: Method) -> str:
    return f"{method.service}.{method.name}"


def _keys(schemas: Iterable[Schema], taken: set[str], word: Span) -> Iterator[lsp.CompletionItem]:
    seen = set(taken)
    for schema in schemas:
        for name, inner in schema.get("properties", {}).items():
            if name not in seen and not inner.get("doNotSuggest"):
                seen.add(name)
                yield _key_item(name, inner, word)


def _key_item(name: str, schema: Schema, word: Span) -> lsp.CompletionItem:
    is_operator = name.startswith("$")
    kind = lsp.CompletionItemKind.Operator if is_operator else lsp.CompletionItemKind.Property
    item = _item(name, word, kind, "", schema.get("description", ""), new=f"{name}: ")
    item.sort_text = f"{'1' if is_operator else '0'}{name}"
    return item


def _values(schemas: Iterable[Schema], word: Span) -> Iterator[lsp.CompletionItem]:
    seen: set[str] = set()
    for schema in schemas:
        described = schema.get("enumDescriptions", ())
        offered = list(schema.get("enum", ())) + ([schema["const"]] if "const" in schema else [])
        kinds = schema.get("type", ())
        if not offered and "boolean" in ([kinds] if isinstance(kinds, str) else kinds):
            offered = ["true", "false"]
        for number, value in enumerate(offered):
            name = str(value).lower() if isinstance(value, bool) else str(value)
            if name not in seen:
                seen.add(name)
                said = described[number] if number < len(described) else ""
                yield _item(name, word, lsp.CompletionItemKind.EnumMember, "", said)


def _scenarios(files: Iterable[Outline], word: Span) -> Iterator[lsp.CompletionItem]:
    for name in sorted({name for one in files for _, name in words(one, *_SCENARIOS)}):
        yield _item(name, word, lsp.CompletionItemKind.Variable, "scenario", "", new=f"{name}: ")


def _states(files: Iterable[Outline], scenario: str, word: Span) -> Iterator[lsp.CompletionItem]:
    found = {
        entry.text
        for one in files
        for entry in one.entries
        if len(entry.path) > 1 and entry.path[-2] in _SCENARIOS and entry.path[-1] == scenario and entry.text
    }
    for name in sorted(found | {"started"}):
        yield _item(name, word, lsp.CompletionItemKind.EnumMember, f"a state of {scenario}", "")


def _item(
    name: str, word: Span, kind: lsp.CompletionItemKind, detail: str, said: str, *, new: str = ""
) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        label=name,
        kind=kind,
        detail=detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, said) if said else None,
        # What is typed is a part of words such as users.v1.Users/Get, which an editor would take for several.
        text_edit=lsp.TextEdit(_range(word), new or name),
        filter_text=name,
    )


# Of what is there -----------------------------------------------------------------------------------


def hover(contract: Contract, text: str, line: int, column: int) -> lsp.Hover | None:
    """Return what the protos and the stub format say of what is at a place."""
    found = outline(text)
    entry = found.at(line, column)
    if entry is None:
        return None
    written = found.method_of(entry.path)
    parts: list[str] = []
    on_value = entry.value is not None and entry.value.holds(line, column)
    if entry.path[-1] == "method" and (method := contract.method(entry.text)) is not None:
        parts += [f"```proto\n{contract.source(_symbol(method))}\n```"]
    else:
        schemas = contract.schemas(entry.path, written)
        said = [_said_of_value(schema, entry.text) if on_value else "" for schema in schemas]
        said += [str(schema.get("description", "")) for schema in schemas]
        parts += list(dict.fromkeys(filter(None, said)))[:2]
        if not on_value and (symbol := contract.symbol(entry.path, written)) is not None:
            parts.insert(0, f"```proto\n{contract.source(symbol)}\n```")
    if not parts:
        return None
    span = entry.value if on_value and entry.value is not None else entry.key
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n".join(parts)), _range(span))


def _said_of_value(schema: Schema, value: str) -> str:
    described = dict(zip(map(str, schema.get("enum", ())), schema.get("enumDescriptions", ()), strict=False))
    return str(described.get(value, ""))


def definition(contract: Contract, text: str, line: int, column: int) -> lsp.Location | None:
    """Return where the protos declare what is at a place: a method, a field."""
    found = outline(text)
    entry = found.at(line, column)
    symbol = contract.symbol(entry.path, found.method_of(entry.path)) if entry is not None else None
    place = contract.location(symbol) if symbol else None
    if place is None:
        return None
    begin = lsp.Position(max(place.line - 1, 0), max(place.column - 1, 0))
    return lsp.Location(FilePath(place.file).resolve().as_uri(), lsp.Range(begin, begin))


# What is wrong --------------------------------------------------------------------------------------

_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}


def diagnostics(problems: Iterable[Problem], text: str) -> list[lsp.Diagnostic]:
    """Return problems of a file at their places in its text."""
    lines = text.split("\n")
    return [
        lsp.Diagnostic(
            range=_place(problem.location, lines),
            message=" ".join(filter(None, (problem.path and f"{problem.path}:", problem.message, problem.hint))),
            severity=_SEVERITIES[problem.severity],
            source="grpcmock",
            code=problem.rule,
        )
        for problem in problems
    ]


_WORD = re.compile(r"[^\s,:{}\[\]\"'#]+")


def _place(location: Location | None, lines: list[str]) -> lsp.Range:
    """Give the word at a location; the first line where the location isn't known."""
    if location is None or not location.line or location.line > len(lines):
        return lsp.Range(lsp.Position(0, 0), lsp.Position(0, len(lines[0])))
    line, column = location.line - 1, max(location.column - 1, 0)
    found = _WORD.match(lines[line], column) or _WORD.search(lines[line], column)
    begin, end = (found.start(), found.end()) if found is not None and location.column else (column, len(lines[line]))
    return lsp.Range(lsp.Position(line, begin), lsp.Position(line, max(end, begin + 1)))


_MEANT = re.compile(r"Did you mean (['\"])(.+?)\1\?")
_QUOTED = re.compile(r"(['\"])(.+?)\1")


def quick_fixes(uri: str, text: str, found: Iterable[lsp.Diagnostic]) -> list[lsp.CodeAction]:
    """Return for each problem with a nearest valid name the change that writes it."""
    actions = []
    lines = text.split("\n")
    for diagnostic in found:
        meant = _MEANT.search(diagnostic.message)
        if meant is None:
            continue
        edit = lsp.TextEdit(_wrong_word(diagnostic, lines[diagnostic.range.start.line]), meant[2])
        actions.append(
            lsp.CodeAction(
                title=f"Change to {meant[2]!r}",
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[diagnostic],
                is_preferred=True,
                edit=lsp.WorkspaceEdit(changes={uri: [edit]}),
            )
        )
    return actions


def _wrong_word(diagnostic: lsp.Diagnostic, line: str) -> lsp.Range:
    """Give where the wrong word is: what the message quotes, if it is on the line, else what is marked."""
    begin = diagnostic.range.start
    for _, quoted in _QUOTED.findall(diagnostic.message.partition("Did you mean")[0]):
        if (at := line.find(quoted, begin.character)) >= 0:
            return lsp.Range(lsp.Position(begin.line, at), lsp.Position(begin.line, at + len(quoted)))
    return diagnostic.range


# Names ----------------------------------------------------------------------------------------------


def name_at(text: str, line: int, column: int) -> tuple[str, str, Span] | None:
    """Return the kind (``stub``, ``scenario`` or ``state SCENARIO``), the name and the place of what can be renamed."""
    entry = outline(text).at(line, column)
    if entry is None:
        return None
    on_value = entry.value is not None and entry.value.holds(line, column)
    if entry.path[-1] == "name" and on_value and entry.value is not None and len(entry.path) in (3, 4):
        return "stub", entry.text, entry.value
    if len(entry.path) > 1 and entry.path[-2] in _SCENARIOS:
        if on_value and entry.value is not None:
            return f"state {entry.path[-1]}", entry.text, entry.value
        return "scenario", str(entry.path[-1]), entry.key
    return None


def rename(kind: str, name: str, new: str, files: Mapping[str, str]) -> lsp.WorkspaceEdit:
    """Return the changes that give a new name, in all *files*: their texts by their URIs."""
    changes: dict[str, list[lsp.TextEdit]] = {}
    for uri, text in files.items():
        for span in _places(kind, name, outline(text)):
            begin = text.split("\n")[span.line][span.begin]
            quoted = f"{begin}{new}{begin}" if begin in "\"'" else new
            changes.setdefault(uri, []).append(lsp.TextEdit(_range(span), quoted))
    return lsp.WorkspaceEdit(changes=changes)


def _places(kind: str, name: str, found: Outline) -> list[Span]:
    if kind == "stub":
        return values(found, "name").get(name, [])
    if kind == "scenario":
        return [span for span, scenario in words(found, *_SCENARIOS) if scenario == name]
    scenario = kind.removeprefix("state ")
    return [
        entry.value
        for entry in found.entries
        if len(entry.path) > 1
        and entry.path[-2] in _SCENARIOS
        and entry.path[-1] == scenario
        and entry.text == name
        and entry.value is not None
    ]


def _range(span: Span) -> lsp.Range:
    return lsp.Range(lsp.Position(span.line, span.begin), lsp.Position(span.line, span.end))
