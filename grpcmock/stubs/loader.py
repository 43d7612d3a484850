"""The loader: from files and texts to stubs, with the problems of all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.collector import full_collections_paused
from grpcmock.errors import Location, Problems, did_you_mean
from grpcmock.stubs.attached import attached, attached_files, may_attach
from grpcmock.stubs.files import MAX_BYTES, read_bytes, stub_files, too_large
from grpcmock.stubs.foreign import tool_of
from grpcmock.stubs.parser import check_defaults, parse_stub, with_defaults
from grpcmock.stubs.rows import check_no_rows, has_templates, stubs_of_rows
from grpcmock.stubs.tables import data_path
from grpcmock.stubs.yaml import parse, parse_items

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from grpcmock.stubs.model import Stub
    from grpcmock.tree import Node

    Progress = Callable[[int, int], None]
    """Called now and then with the bytes that have been read, and those that there are."""

_FILE_KEYS = ("defaults", "stubs", "$schema")
_STEP = 2048


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read."""

    stubs: list[Stub]
    """In the order of the files, and in each from top to bottom."""

    files: tuple[Path, ...]
    """The files that hold stubs."""

    data: tuple[Path, ...]
    """The files that an ``each`` or a ``$file`` names."""


def load(
    paths: Iterable[str | os.PathLike[str]], problems: Problems, *, progress: Progress | None = None
) -> list[Stub]:
    """Load the stubs of files and directories; *problems* gets all that is wrong in any of them."""
    return read(paths, problems, progress=progress).stubs


def load_text(
    text: str | bytes, file: str, problems: Problems, *, folder: Path | None = None, lone: bool = False
) -> list[Stub]:
    """Load the stubs of a text; *file* is the name shown for it, *folder* where its tables are looked for.

    With *lone*, it may also be a stub by itself, in no list.
    """
    if len(text) > MAX_BYTES:
        hint = "Split it into several."
        problems.error(f"The text {too_large(len(text))}", Location(file), hint=hint, rule="too-large")
        return []
    with full_collections_paused():
        stubs = list(_File(file, folder, problems, lone=lone).stubs(text))
    _check_names(stubs, problems)
    return stubs


def read(paths: Iterable[str | os.PathLike[str]], problems: Problems, *, progress: Progress | None = None) -> Loaded:
    """Load stubs as :func:`load` does, and say which files they came from."""
    files = stub_files(paths, problems)
    sizes = [_size(file) for file in files]
    total, before = sum(sizes), 0
    parts: list[tuple[Path, list[Stub], Problems]] = []
    data: dict[Path, Path] = {}
    with full_collections_paused():
        for path, size in zip(files, sizes, strict=True):
            found = Problems()
            stubs: list[Stub] = []
            text = read_bytes(path, found)
            if text is not None:
                file = _File(str(path), path.parent, found)
                lines = text.count(b"\n") + 1
                for number, stub in enumerate(file.stubs(text)):
                    stubs.append(stub)
                    if progress and number % _STEP == 0 and stub.location:
                        progress(before + size * stub.location.line // lines, total)
                data.update((table.resolve(), table) for table in file.tables)
                if not stubs and not found.errors:
                    found.warn("This file holds no stub.", Location(str(path)), rule="no-stubs")
            before += size
            if progress:
                progress(before, total)
            parts.append((path, stubs, found))
    # A file that turned out to be a table is no file of stubs, whatever it looked like before that was known.
    parts = [part for part in parts if part[0].resolve() not in data]
    for _, _, found in parts:
        for problem in found:
            problems.add(problem)
    stubs = [stub for _, some, _ in parts for stub in some]
    _check_names(stubs, problems)
    return Loaded(stubs, tuple(path for path, _, _ in parts), tuple(data.values()))


def watched(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List what a reload must watch: the paths themselves, and the tables and files that their stubs name."""
    found: dict[Path, None] = {Path(path): None for path in paths}
    for path in stub_files(list(found), Problems()):
        text = read_bytes(path, Problems())
        if text is None or (b"each" not in text and b"$file" not in text):
            continue
        for document in parse(text, str(path), Problems()):
            found |= dict.fromkeys(attached_files(document, path.parent))
            for node in document.walk():
                each = node.value.get("each") if node.is_mapping else None
                if each is not None and isinstance(each.value, str):
                    found[data_path(each.value, path.parent)] = None
    return list(found)


class _File:
    """One file while it is being read."""

    __slots__ = ("_attaches", "_folder", "_line", "_lone", "_looked", "_name", "_problems", "_templates", "tables")

    def __init__(self, name: str, folder: Path | None, problems: Problems, *, lone: bool = False) -> None:
        self._name = name
        self._folder = folder
        self._problems = problems
        self._lone = lone
        self._templates = False
        self._attaches = False
        self._line = 0
        self._looked = False
        self.tables: list[Path] = []
        """The files that its stubs name: as tables, or for what is in them."""

    def stubs(self, text: str | bytes) -> Iterator[Stub]:
        self._templates = has_templates(text)
        self._attaches = may_attach(text)
        for node, is_item in parse_items(text, self._name, self._problems):
            if self._is_foreign(node):
                return
            if is_item:
                yield from self._stub(node, None)
            elif node.is_list:
                for item in node.value:
                    yield from self._stub(item, None)
            elif node.is_mapping:
                yield from self._mapping(node)
            elif node.value is not None:  # an empty document is no mistake
                message = f"A file of stubs is a list, or a mapping {{defaults, stubs}}, not {node.kind}."
                self._problems.error(message, node.location, rule="file-shape")

    def _is_foreign(self, node: Node) -> bool:
        """Whether a document, or an item, is of another tool: that is said once, and the rest isn't looked at."""
        if self._looked:
            return False
        self._looked = True
        tool = tool_of(node)
        if tool is None:
            return False
        hint = tool.hint(self._name)
        self._problems.error(f"This is a file of {tool.title}.", node.location, hint=hint, rule="other-tool")
        return True

    def _mapping(self, node: Node) -> Iterator[Stub]:
        if "method" in node.value and self._lone:
            yield from self._stub(node, None)
            return
        if "method" in node.value:
            hint = "Begin the stub with '- ', as an item of a list."
            message = "A file of stubs is a list, but this is a single mapping."
            self._problems.error(message, node.location, hint=hint, rule="file-shape")
            return
        for key in node.value:
            if key not in _FILE_KEYS:
                hint = did_you_mean(key, _FILE_KEYS, known="The keys")
                where = node.key_location(key)
                self._problems.error(f"A file of stubs has no key {key!r}.", where, key, hint=hint, rule="unknown-key")
        defaults = node.value.get("defaults")
        if defaults is not None:
            defaults = check_defaults(defaults, self._problems)
        stubs = node.value.get("stubs")
        if stubs is None or not stubs.is_list:
            message = f"expected a list of stubs, not {stubs.kind}." if stubs else "There is no list of 'stubs'."
            self._problems.error(message, (stubs or node).location, "stubs", rule="file-shape")
            return
        for item in stubs.value:
            yield from self._stub(item, defaults)

    def _stub(self, node: Node, defaults: Node | None) -> Iterable[Stub]:
        """Read one item: mostly one stub, none if it is wrong, and with ``each`` as many as there are rows."""
        if not node.is_mapping:
            parse_stub(node, self._problems)
            return ()
        if defaults is not None:
            node = with_defaults(node, defaults)
        if self._attaches:
            if self._folder is not None:
                self.tables += attached_files(node, self._folder)
            node = attached(node, self._folder, self._problems)
        name = None
        if "name" not in node.value:
            if node.line == self._line:  # several stubs in one line, as in compact JSON
                name = f"{node.file}:{node.line}:{node.column}"
            self._line = node.line
        if "each" in node.value:
            each = node.value["each"].value
            if isinstance(each, str) and self._folder is not None:
                self.tables.append(data_path(each, self._folder))
            return stubs_of_rows(node, self._folder, self._problems, name)
        if self._templates:
            check_no_rows(node, self._problems)
        stub = parse_stub(node, self._problems, name=name)
        return () if stub is None else (stub,)


def _check_names(stubs: Sequence[Stub], problems: Problems) -> None:
    """Note each name that more than one stub has."""
    first: dict[str, Stub] = {}
    for stub in stubs:
        other = first.setdefault(stub.name, stub)
        if other is not stub:
            message = f"The name {stub.name!r} is taken by the stub at {other.location}."
            hint = "Names are unique over all files."
            problems.error(message, stub.location, "name", stub=stub.name, hint=hint, rule="duplicate-name")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
