"""What a ``.proto`` file says before it is compiled: its text in any encoding, its package, and what it imports."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from grpcmock.schema import option_uses

_STATEMENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/
    |\bimport\s+(?:(?:public|weak|option)\s+)?(?:"([^"\n]*)"|'([^'\n]*)')
    |\bpackage\s+([\w.]+)\s*;
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)
_MEANS_NOTHING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\s+
    |\boption\s+(?:\w+_(?:package|namespace|prefix|outer_classname|multiple_files)|optimize_for)\s*=[^;]*;
    |("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE,
)
"""Comments, space, and what only generated code depends on; strings stay as they are."""

_OUTDATED = frozenset({"javanano_use_deprecated_package", "php_generic_services"})
"""Options that protoc knew once, and takes for mistakes since ``descriptor.proto`` reserves their names.

Only generated code depended on them: https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
"""

_SETS_OUTDATED = re.compile(rf"\boption\s+(?:{'|'.join(sorted(_OUTDATED))})\b")

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
    for_another_protoc: bool = False
    """Whether the file is in an encoding, or sets options, that protoc can't read."""

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
    unread = _wide(data) is not None or _SETS_OUTDATED.search(text) is not None
    return Header(package, tuple(imports), unread, sha256(data).digest())


def rewritten(path: Path, names: Mapping[str, str | None], options: Collection[str] = ()) -> bytes:
    """Return a file as protoc reads it: in UTF-8, imports called as *names* says, without some *options*.

    An import whose name is None is blotted out, and so is one that comes to be one that is there already: protoc takes
    none twice. Raises :class:`OSError`.
    """
    text = _decoded(path.read_bytes())
    if options or _SETS_OUTDATED.search(text):
        text = option_uses.without(text, {*options, *_OUTDATED})
    imports = read(path).imports
    meant = [names.get(one.name, one.name) for one in imports]
    for index, one in reversed(list(enumerate(imports))):
        end = one.start + len(one.name)
        twice = meant[index] in meant[:index] and one.name not in [other.name for other in imports[:index]]
        if twice or meant[index] is None:
            start, end = text.rindex("import", 0, one.start), text.find(";", end) + 1
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
        elif one.name in names:
            text = f"{text[: one.start]}{meant[index]}{text[end:]}"
    return text.encode("utf-8", "surrogateescape")


def essence(path: Path) -> bytes:
    """Return a digest that files share which differ in nothing that messages and methods depend on.

    They may have other comments, and other packages for the code that is generated of them: as copies do that each
    service of a repository keeps for itself. Empty if the file can't be read.
    """
    with contextlib.suppress(OSError):
        text = _MEANS_NOTHING.sub(lambda found: found[1] or " ", _decoded(path.read_bytes()))
        return sha256(" ".join(text.split()).encode("utf-8", "surrogateescape")).digest()
    return b""


def may_mean(importer: Path, name: str, target: Path) -> bool:
    """Tell whether a file may import another one by a name that the other's path only happens to end with.

    It doesn't if it imports that one by a longer name, too, or has no use for its package.
    """
    header, package = read(importer), read(target).package
    if any(one.name != name and f"/{target.as_posix()}".endswith(f"/{one.name}") for one in header.imports):
        return False
    if not package or f"{header.package}.".startswith(f"{package}."):
        return True
    with contextlib.suppress(OSError):
        return re.search(rf"\b{package.rpartition('.')[2]}\s*\.", _decoded(importer.read_bytes())) is not None
    return True


def _wide(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _WIDE.items() if data.startswith(mark)), None)


def _decoded(data: bytes) -> str:
    if encoding := _wide(data):
        return data.decode(encoding, "replace").replace("\r\n", "\n")
    return data.decode("utf-8", "surrogateescape")
