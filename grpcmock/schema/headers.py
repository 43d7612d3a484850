"""What a ``.proto`` file says before it is compiled: its text in any encoding, its package, and what it imports."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_STATEMENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/
    |\bimport\s+(?:(?:public|weak|option)\s+)?(?:"([^"\n]*)"|'([^'\n]*)')
    |\bpackage\s+([\w.]+)\s*;
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings that protoc can't read, by the mark that files begin with."""


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it is written."""

    name: str
    start: int
    """Where the name stands in the text of the file."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself."""

    package: str = ""
    imports: tuple[Import, ...] = ()
    is_wide: bool = False
    """Whether the file is in an encoding that protoc can't read."""

    digest: bytes = b""
    """Tells whether two files are copies of one; empty if the file can't be read."""


def read(path: Path) -> Header:
    """Return the header of a file; an empty one if the file can't be read: protoc says so."""
    try:
        data = path.read_bytes()
    except OSError:
        return Header()
    text = _decoded(data)
    package, imports = "", []
    for found in _STATEMENT.finditer(text):
        double, single, named = found.groups()
        if name := double or single:
            line_start = text.rfind("\n", 0, found.start()) + 1
            line = text.count("\n", 0, line_start) + 1
            imports.append(Import(name, found.start(1 if double else 2), line, found.start() - line_start + 1))
        elif named:
            package = package or named
    return Header(package, tuple(imports), _wide(data) is not None, sha256(data).digest())


def rewritten(path: Path, names: dict[str, str]) -> bytes:
    """Return a file in UTF-8, with its imports called as *names* says. Raises :class:`OSError`.

    An import that comes to be one that is there already is blotted out: protoc takes none twice.
    """
    text = _decoded(path.read_bytes())
    imports = read(path).imports
    meant = [names.get(one.name, one.name) for one in imports]
    for index, one in reversed(list(enumerate(imports))):
        end = one.start + len(one.name)
        if meant[index] in meant[:index] and one.name not in [other.name for other in imports[:index]]:
            start, end = text.rindex("import", 0, one.start), text.find(";", end) + 1
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
        elif one.name in names:
            text = f"{text[: one.start]}{meant[index]}{text[end:]}"
    return text.encode("utf-8", "surrogateescape")


def _wide(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _WIDE.items() if data.startswith(mark)), None)


def _decoded(data: bytes) -> str:
    if encoding := _wide(data):
        return data.decode(encoding, "replace").replace("\r\n", "\n")
    return data.decode("utf-8", "surrogateescape")
